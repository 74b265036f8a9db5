"""How installers in a cell are held to wheels of other packages of the workspace."""

import subprocess

import pytest

from matrix_runner.model.cells import Interpreter
from matrix_runner.model.outcomes import StepKind
from matrix_runner.recipe.layout import Layout
from matrix_runner.recipe.workspace_wheels import WorkspaceWheel, constraints_text, held_to

LAYOUT = Layout(root="/a place")
WHEEL = WorkspaceWheel(project="core", version="1.2", name="core-1.2-py3-none-any.whl", sha256="0123456789abcdef" * 4)
PLACE = "/a place/matrix/needed/0123456789abcdef"
NEW, OLD = Interpreter.parse("cp311"), Interpreter.parse("cp36")


def test_the_place_of_the_wheel_is_what_counts() -> None:
    """So no index has a say; an old pip, which takes no places from constraints, gets the version."""
    place = PLACE.replace(" ", "%20")
    assert constraints_text([WHEEL], LAYOUT, NEW) == f"core @ file://{place}/{WHEEL.name}\n"
    assert constraints_text([WHEEL], LAYOUT, OLD) == "core==1.2\n"


@pytest.mark.parametrize(("interpreter", "links"), [(NEW, "own"), (OLD, f"own {PLACE}")])
def test_what_the_user_has_set_stays(interpreter: Interpreter, links: str) -> None:
    """Ours is added to the lists that installers read, in the shell that a step's command is run by."""
    show = ("sh", "-c", 'printf "%s|" "$UV_CONSTRAINT" "$PIP_BUILD_CONSTRAINT" "$PIP_FIND_LINKS" "$1"', "sh", "last")
    words = (*held_to([WHEEL], LAYOUT, interpreter, StepKind.INSTALL), *show)
    environ = {"PATH": "/usr/bin:/bin", "UV_CONSTRAINT": "mine.txt", "PIP_FIND_LINKS": "own"}
    done = subprocess.run(words, env=environ, capture_output=True, text=True, check=True)
    ours = "/a place/matrix/needed/constraints.txt"
    assert done.stdout == f"mine.txt {ours}|{ours}|{links}|last|"


@pytest.mark.parametrize("kind", [StepKind.REPAIR, StepKind.AUDIT, StepKind.BUILD_ENVIRONMENT])
def test_our_own_tools_are_not_held_to_them(kind: StepKind) -> None:
    """Nor is anything where no wheel is needed."""
    assert held_to([WHEEL], LAYOUT, NEW, kind) == ()
    assert held_to([], LAYOUT, NEW, StepKind.BUILD) == ()
