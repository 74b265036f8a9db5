"""Versions of the tools that cells install (`dependency-versions`), as constraints for pip and uv. Pure."""

import shlex
from dataclasses import dataclass

from matrix_runner.config.kinds.values import DependencyVersions, VersionSource
from matrix_runner.recipe.layout import Layout


@dataclass(frozen=True, kw_only=True, slots=True)
class Constraints:
    """A constraints file in the container.

    It applies to tools that we install ourselves, never to the project's requirements. `text`: the content to write
    there; None for a file of the project.
    """

    path: str
    text: str | None

    @property
    def arguments(self) -> tuple[str, ...]:
        """The installer's arguments, the same for pip and uv."""
        return ("-c", self.path)

    def prepare(self) -> str:
        """Return a shell command that makes sure of the file's existence, or fails."""
        path = shlex.quote(self.path)
        if self.text is not None:
            folder = shlex.quote(self.path.rpartition("/")[0])
            return f"mkdir -p {folder} && printf %s {shlex.quote(self.text)} > {path}"
        message = f"dependency-versions: the project has no file {self.path}"
        return f"{{ test -f {path} || {{ echo {shlex.quote(message)} >&2; exit 1; }}; }}"


def constraints_for(versions: DependencyVersions, layout: Layout, pinned: str) -> Constraints | None:
    """Return the constraints according to the option, or None. `pinned`: the constraint lines of this release."""
    match versions.source:
        case VersionSource.PINNED:
            return Constraints(path=layout.constraints, text=pinned)
        case VersionSource.LATEST:
            return None
        case VersionSource.FILE:
            return Constraints(path=f"{layout.project}/{versions.file}", text=None)
        case VersionSource.PACKAGES:
            return Constraints(path=layout.constraints, text="".join(f"{line}\n" for line in versions.packages))
