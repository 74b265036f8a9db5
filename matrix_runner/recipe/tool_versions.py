"""Versions of the tools that cells install (`dependency-versions`), as constraints for pip and uv. Pure."""

import shlex
from dataclasses import dataclass

from matrix_runner.config.kinds.values import DependencyVersions, VersionSource
from matrix_runner.recipe.layout import Layout


@dataclass(frozen=True, kw_only=True, slots=True)
class Constraints:
    """A constraints file in the container.

    It holds for what the tool itself installs, never for what the project requires. `text`: what is to be written
    there, None for a file of the project.
    """

    path: str
    text: str | None

    @property
    def arguments(self) -> tuple[str, ...]:
        """What the installer is told; pip and uv alike."""
        return ("-c", self.path)

    def prepare(self) -> str:
        """Return a command for the shell after which the file is there, or which fails."""
        path = shlex.quote(self.path)
        if self.text is not None:
            folder = shlex.quote(self.path.rpartition("/")[0])
            return f"mkdir -p {folder} && printf %s {shlex.quote(self.text)} > {path}"
        message = f"dependency-versions: the project has no file {self.path}"
        return f"{{ test -f {path} || {{ echo {shlex.quote(message)} >&2; exit 1; }}; }}"


def constraints_for(versions: DependencyVersions, layout: Layout, pinned: str) -> Constraints | None:
    """Return the constraints that the option asks for, or None. `pinned`: the lines of this release."""
    match versions.source:
        case VersionSource.PINNED:
            return Constraints(path=layout.constraints, text=pinned)
        case VersionSource.LATEST:
            return None
        case VersionSource.FILE:
            return Constraints(path=f"{layout.project}/{versions.file}", text=None)
        case VersionSource.PACKAGES:
            return Constraints(path=layout.constraints, text="".join(f"{line}\n" for line in versions.packages))
