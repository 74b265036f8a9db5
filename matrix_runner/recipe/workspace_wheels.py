"""Wheels of other packages of the workspace in a cell: where they are, and how installers are held to them. Pure."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

import msgspec

from matrix_runner.model.cells import Interpreter
from matrix_runner.model.outcomes import StepKind
from matrix_runner.recipe.layout import Layout

_INSTALLING: Final = frozenset(
    {StepKind.BEFORE_BUILD, StepKind.BUILD, StepKind.BEFORE_TEST, StepKind.INSTALL, StepKind.TEST}
)
"""The steps that install what the project asks for, or run commands of the user that may do so."""

_CONSTRAINTS: Final = ("UV_CONSTRAINT", "UV_BUILD_CONSTRAINT", "PIP_CONSTRAINT", "PIP_BUILD_CONSTRAINT")
"""Lists of paths, all of them."""

_FIRST_WITH_PLACES: Final = (3, 7)
"""The first Python whose pip takes a place from constraints: 21.1, which Python 3.5 never got, and images of 3.6 lack
(pip's release notes)."""


class WorkspaceWheel(msgspec.Struct, frozen=True, kw_only=True):
    """A wheel of another package of the workspace. `project`: its normalised name; `name`: its file's."""

    project: str
    version: str
    name: str
    sha256: str

    def directory(self, layout: Layout) -> str:
        """Return its directory in the cell: another one for another content, as uv knows local wheels by their path."""
        return f"{layout.needed}/{self.sha256[:16]}"


def constraints_text(wheels: Sequence[WorkspaceWheel], layout: Layout, interpreter: Interpreter) -> str:
    """Return the lines of a file of constraints by which installers take just these wheels.

    By their places, so that it does not matter which versions an index has; an old pip gets the version alone.
    """
    if interpreter.version < _FIRST_WITH_PLACES:
        return "".join(f"{wheel.project}=={wheel.version}\n" for wheel in wheels)
    places = ((wheel.project, quote(f"{wheel.directory(layout)}/{wheel.name}")) for wheel in wheels)
    return "".join(f"{project} @ file://{place}\n" for project, place in places)


def held_to(
    wheels: Sequence[WorkspaceWheel], layout: Layout, interpreter: Interpreter, kind: StepKind
) -> tuple[str, ...]:
    """Return the words before a step's command that hold what it installs to the wheels; none where nothing is.

    Beside what the user has bound them to, which is in the same variables.
    """
    if not wheels or kind not in _INSTALLING:
        return ()
    places = " ".join(wheel.directory(layout) for wheel in wheels) if interpreter.version < _FIRST_WITH_PLACES else ""
    listed = [*((name, "$1") for name in _CONSTRAINTS), *([("PIP_FIND_LINKS", "$2")] if places else ())]
    lines = [f'{name}="${{{name}:+${name} }}{value}"; export {name}' for name, value in listed]
    # The sources of a workspace of uv's are not in the cell.
    lines.append("UV_NO_SOURCES=1; export UV_NO_SOURCES")
    script = "; ".join((*lines, "shift 2", 'exec "$@"'))
    return ("sh", "-c", script, "sh", layout.needed_constraints, places)
