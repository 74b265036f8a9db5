"""Constraints for pip and uv in a cell: on our tools (`dependency-versions`) and `build-constraints`. Pure."""

import shlex

import msgspec

from matrix_runner.config.kinds.values import BuildConstraints, DependencyVersions, Frontend, VersionSource
from matrix_runner.recipe.layout import Layout

HASHING_PIP = (26, 1)
"""The first pip that takes hashes from constraints for requirements without `==` (measured: 26.0.1 fails)."""

DATING_PIP = (26, 0)
"""The first pip with `--uploaded-prior-to` (its release notes)."""

LAST_PIP_OF_39 = (26, 0)
"""The last pip for Python 3.9 (its metadata); 3.8 and before have older ones."""


class Constraints(msgspec.Struct, frozen=True, kw_only=True):
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


class ConstrainedBuild(msgspec.Struct, frozen=True, kw_only=True):
    """The constraints of a cell's build. `text`: the lines to write; "" for a file of the project."""

    path: str
    text: str
    has_hashes: bool

    @classmethod
    def of(cls, constraints: BuildConstraints, layout: Layout, *, has_hashes: bool) -> "ConstrainedBuild | None":
        """Return the constraints according to the option, or None."""
        if not constraints:
            return None
        text = "".join(f"{line}\n" for line in constraints.lines)
        path = layout.build_constraints if constraints.lines else f"{layout.project}/{constraints.file}"
        return cls(path=path, text=text, has_hashes=has_hashes)

    def around(self, frontend: Frontend, argv: tuple[str, ...], *, with_uv: bool) -> tuple[str, ...]:
        """Return a command that runs a frontend's command under the constraints, beside those of the user.

        `with_uv`: whether our own frontend installs by uv.

        All the variables are lists of paths. `build` installs by `pip install` or `uv pip install`, for which the
        build's requirements are plain ones. With hashes pip's own `pip wheel` must not see them as constraints: it
        would want a hash for the project too (measured, pip 26.3).
        """
        match frontend:
            case Frontend.AUTO if with_uv:
                names: tuple[str, ...] = ("UV_BUILD_CONSTRAINT",)
            case Frontend.UV:
                names = ("UV_BUILD_CONSTRAINT",)
            case Frontend.BUILD_UV:
                names = ("UV_BUILD_CONSTRAINT", "UV_CONSTRAINT")
            case Frontend.BUILD | Frontend.AUTO:
                names = ("PIP_BUILD_CONSTRAINT", "PIP_CONSTRAINT")
            case Frontend.PIP:
                names = ("PIP_BUILD_CONSTRAINT",) if self.has_hashes else ("PIP_BUILD_CONSTRAINT", "PIP_CONSTRAINT")
        lines = [f'{name}="${{{name}:+${name} }}$file"; export {name}' for name in names]
        if self.has_hashes and frontend is Frontend.UV:
            lines.append("UV_REQUIRE_HASHES=1; export UV_REQUIRE_HASHES")
        script = "; ".join(("file=$1; shift", self._prepare(), *lines, 'exec "$@"'))
        return ("sh", "-c", script, "sh", self.path, *argv)

    def _prepare(self) -> str:
        """Return a shell command that makes sure of the file's existence, or fails."""
        if self.text:
            folder = shlex.quote(self.path.rpartition("/")[0])
            return f'mkdir -p {folder} && printf %s {shlex.quote(self.text)} > "$file" || exit 1'
        message = f"build-constraints: {self.path} is not among the files that are copied into the cell"
        return f'test -f "$file" || {{ echo {shlex.quote(message)} >&2; exit 1; }}'
