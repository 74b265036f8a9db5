"""Which console shows a run."""

import io
from pathlib import Path

import pytest
from report_story import DIRECTORIES

from matrix_runner.config.kinds.values import Progress
from matrix_runner.model.cells import Cell
from matrix_runner.model.events import CellFinished, CellStarted, Notice, RunStarted, Tick
from matrix_runner.model.outcomes import Failure, Outcome, Reason, Report, Status, StepKind
from matrix_runner.report.cell_logs import CellLogs
from matrix_runner.report.console.console_choice import choose_progress, open_console
from matrix_runner.report.summary.report_writers import Streams, summaries
from matrix_runner.report.terminal import LineWriter

CELL = Cell.parse("cp311-manylinux_x86_64")
TERMINAL = {"TERM": "xterm"}
FAILED = Outcome(
    cell=CELL,
    status=Status.FAILED,
    failure=Failure(step=StepKind.BUILD, reason=Reason.COMMAND, message="exit status 1: no such header"),
)


@pytest.mark.parametrize(
    ("environ", "is_terminal", "verbose", "expected"),
    [
        (TERMINAL, True, False, Progress.LIVE),
        (TERMINAL, True, True, Progress.PLAIN),
        (TERMINAL, False, False, Progress.PLAIN),
        ({**TERMINAL, "CI": "true"}, True, False, Progress.PLAIN),
        ({"TERM": "dumb"}, True, False, Progress.PLAIN),
    ],
)
def test_auto_is_live_on_a_terminal_outside_ci(
    environ: dict[str, str], *, is_terminal: bool, verbose: bool, expected: Progress
) -> None:
    """What was asked for by name is what is taken; only `auto` looks at the surroundings."""
    found = choose_progress(Progress.AUTO, environ, is_terminal=is_terminal, verbose=verbose)
    assert found is expected
    for asked in (Progress.LIVE, Progress.PLAIN, Progress.QUIET, Progress.JSON):
        assert choose_progress(asked, environ, is_terminal=is_terminal, verbose=verbose) is asked


def shown(progress: Progress, directory: Path) -> str:
    """Return what a console prints of a run with a warning and a failure."""
    stream, logs = io.StringIO(), CellLogs(directory / "logs")
    with open_console(progress, stream, {}, logs, verbose=False) as console:
        for event in (
            RunStarted(at=0.0, run="r1", cells=(CELL,), workers=1),
            Notice(at=0.1, text="a note"),
            Notice(at=0.1, text="a warning", is_warning=True),
            CellStarted(at=0.2, cell=CELL),
            Tick(at=200.0),
            CellFinished(at=201.0, outcome=FAILED),
        ):
            logs.handle(event)
            console.handle(event)
    return stream.getvalue()


def test_quiet_is_for_trouble(tmp_path: Path) -> None:
    """Warnings and failures are printed, with the cause; the start, notes and signs of life are not."""
    quiet, plain = shown(Progress.QUIET, tmp_path / "a"), shown(Progress.PLAIN, tmp_path / "b")
    assert "a warning" in quiet
    assert "no such header" in quiet
    for word in ("a note", "to build", "start ", "still running"):
        assert word not in quiet
        assert word in plain


def test_quiet_is_not_dead(tmp_path: Path) -> None:
    """A CI system that ends silent jobs, Travis after ten minutes, gets a line before that."""
    stream, logs = io.StringIO(), CellLogs(tmp_path / "logs")
    with open_console(Progress.QUIET, stream, {}, logs, verbose=False) as console:
        console.handle(RunStarted(at=0.0, run="r1", cells=(CELL,), workers=1))
        console.handle(CellStarted(at=0.0, cell=CELL))
        console.handle(Tick(at=299.0))
        assert stream.getvalue() == ""
        console.handle(Tick(at=301.0))
    assert "still running: cp311-manylinux_x86_64" in stream.getvalue()


@pytest.mark.parametrize(
    ("progress", "has_table", "has_totals"),
    [
        (Progress.PLAIN, True, True),
        (Progress.LIVE, True, True),
        (Progress.QUIET, False, True),
        (Progress.JSON, False, False),
    ],
)
def test_the_summary_leaves_standard_output_to_events(
    tmp_path: Path, *, progress: Progress, has_table: bool, has_totals: bool
) -> None:
    """With JSON nothing else is on standard output; GitHub's page gets its summary whatever the console is."""
    out, errors, page = io.StringIO(), io.StringIO(), tmp_path / "page.md"
    streams = Streams(out=LineWriter(out), errors=LineWriter(errors), colour=False, width=100)
    for each in summaries(progress, {"GITHUB_STEP_SUMMARY": str(page)}, streams):
        each.show(Report(run="r1", outcomes=(FAILED,), seconds=1.0), DIRECTORIES, 3)
    assert ("status" in out.getvalue()) is has_table
    assert ("no wheel after" in out.getvalue()) is has_totals
    assert ("3 other cells" in out.getvalue()) is has_table
    assert "### Wheels" in page.read_text()
    assert errors.getvalue() == ""
