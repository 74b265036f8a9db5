"""The files and the request of the shell that a person gets in a cell."""

from matrix_runner.engine.api import ExecRequest
from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import StepKind
from matrix_runner.recipe.layout import Layout
from matrix_runner.recipe.person_shell import COMMAND, HISTORY, START, shell_files, shell_request
from matrix_runner.recipe.step import Step

CELL = Cell.parse("cp311-manylinux_i686")
PROLOGUE = ("sh", "-c", '. /matrix/variables; exec "$@"', "sh")
REQUEST = ExecRequest(argv=(*PROLOGUE, "pytest"), env=(("A", "b"),), cwd="/project", timeout=5)


def step(shown: str, prologue: tuple[str, ...] = PROLOGUE) -> Step:
    """Return a step that is shown so."""
    return Step(kind=StepKind.TEST, request=REQUEST, shown=shown, prologue=prologue)


def test_the_shell_gets_the_users_variables_as_the_step_does() -> None:
    """By the same first words, in the same directory."""
    request = shell_request(Layout(root=""), step("pytest"))
    assert request.argv[: len(PROLOGUE)] == PROLOGUE
    assert "pytest" not in request.argv
    assert request.argv[-1] == "/matrix/shell/start"
    assert (request.cwd, request.env) == ("/project", (("A", "b"),))


def test_the_history_has_the_command() -> None:
    """A script of several lines as a file."""
    assert shell_files(Layout(root=""), CELL, step("pytest -x"))[HISTORY] == "pytest -x\n"
    files = shell_files(Layout(root="/a b"), CELL, step("one\ntwo"))
    assert files[HISTORY] == "sh '/a b/matrix/shell/command'\n"
    assert files[COMMAND] == "one\ntwo\n"


def test_the_prompt_tells_cell_and_step() -> None:
    """And the history is read from the cell's own file."""
    start = shell_files(Layout(root=""), CELL, step("x"))[START]
    assert "PS1='(cp311-manylinux_i686, test) \\w \\$ '" in start
    assert "HISTFILE=/matrix/shell/history" in start
