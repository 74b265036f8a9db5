"""The note of a kept container: read as it was written, without secrets, and with today's variables."""

import pytest
from planning import settings_with

from matrix_runner.config.options.build_options import ENVIRONMENT
from matrix_runner.config.options.test_options import TEST_ENVIRONMENT
from matrix_runner.container.kept_cell import LABEL_KEPT_CELL, KeptCell, KeptCommand, read_note
from matrix_runner.engine.api import ExecRequest
from matrix_runner.model.outcomes import StepKind
from matrix_runner.recipe.layout import Layout
from matrix_runner.recipe.step import Step
from matrix_runner.redaction.redactor import NO_SECRETS, Redactor
from matrix_runner.redaction.secret_names import SecretNames

SECRET = "word-of-the-host"
REDACTOR = Redactor.of(SecretNames(), (SECRET,))
LAYOUT = Layout(root="")


def step(kind: StepKind, shown: str = "make", *env: tuple[str, str], saves: str = "") -> Step:
    """Return a step with some variables."""
    request = ExecRequest(argv=("sh", "-c", shown), env=env, cwd="/project", timeout=60, silence=10)
    return Step(kind=kind, request=request, shown=shown, prologue=("sh", "-c", '. vars; exec "$@"', "sh"), saves=saves)


def note(*evaluated: Step, last: Step | None = None, project: str = "/home/me/p") -> KeptCell:
    """Return the note of a cell whose test failed."""
    passed = (("PASSED", "short"), ("TOKEN", SECRET))
    return KeptCell(
        cell="cp311-manylinux_i686",
        project=project,
        run="r1",
        at=1.5,
        root="",
        step=StepKind.TEST,
        last=None if last is None else KeptCommand.of(last, passed, REDACTOR),
        evaluated={each.saves: KeptCommand.of(each, passed, REDACTOR) for each in evaluated},
    )


def test_a_note_is_read_as_it_was_written() -> None:
    """Whatever bytes the project's path has; as a label that every engine takes."""
    written = note(last=step(StepKind.TEST, 'say "ü"', ("A", "1")), project="/home/\udcff/p")
    name, value = written.label()
    assert name == LABEL_KEPT_CELL
    assert value.isascii()
    assert not set(value) & set("\"'$\\ \n")
    assert read_note({name: value}) == written


@pytest.mark.parametrize("value", ["", "?", "bm90IEpTT04=", "e30=", "W10=", note().label()[1][:-9]])
def test_a_label_that_is_none_is_no_note(value: str) -> None:
    """As that of another release."""
    assert read_note({LABEL_KEPT_CELL: value}) is None
    assert read_note({}) is None


def test_no_secret_is_in_a_note() -> None:
    """No variable of the host, however short, and none with a secret in its value; commands are masked."""
    env = (("PASSED", "short"), ("TOKEN", SECRET), ("URL", f"https://x:{SECRET}@host"), ("PATH", "/bin"))
    kept = KeptCommand.of(step(StepKind.TEST, f"curl {SECRET}", *env), env[:2], REDACTOR)
    assert kept.env == (("PATH", "/bin"),)
    assert kept.shown == "curl ***"
    variables = KeptCommand.of(step(StepKind.ENVIRONMENT, 'A="no secret"', saves="file"), (), NO_SECRETS)
    assert variables.shown == ""


def test_the_shell_has_the_hosts_variables_of_today() -> None:
    """With the step's own after them, its directory, and no limit of time."""
    written = note(last=step(StepKind.TEST, "make", ("PASSED", "short"), ("A", "1")))
    assert written.last is not None
    again = written.last.step((("PASSED", "today"),))
    assert again.request.env == (("PASSED", "today"), ("A", "1"))
    assert (again.request.cwd, again.request.timeout, again.request.silence) == ("/project", None, None)
    assert again.instead(("bash",)).argv == ("sh", "-c", '. vars; exec "$@"', "sh", "bash")


def test_variables_of_the_options_are_evaluated_again() -> None:
    """Those that had been, by today's settings, each into the file that commands read; the shell's words stay."""
    settings = settings_with({ENVIRONMENT: (("A", "$(date)"),), TEST_ENVIRONMENT: (("B", "2"),)})
    built = step(StepKind.ENVIRONMENT, "A=old", ("X", "1"), saves=LAYOUT.variables)
    tested = step(StepKind.ENVIRONMENT, "B=old", ("X", "2"), saves=LAYOUT.test_variables)
    (only,) = note(built).evaluations(settings, (), NO_SECRETS)
    assert only.request.argv[:4] == ("sh", "-c", '. vars; exec "$@"', "sh")
    assert 'A="$(date)"' in only.request.argv[-1]
    assert LAYOUT.variables in only.request.argv[-1]
    first, second = note(tested, built).evaluations(settings, (), NO_SECRETS)
    assert (first.request.env, second.request.env) == ((("X", "1"),), (("X", "2"),))
    assert "mr_save A" in second.request.argv[-1]
    assert "mr_save B" in second.request.argv[-1]
    assert note().evaluations(settings, (), NO_SECRETS) == ()
