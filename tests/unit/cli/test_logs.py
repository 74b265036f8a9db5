"""`runner logs`: of a run that ended, that goes on, that was killed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from report_story import CP39, CP311, failed, passed

from matrix_runner.cli import cli
from matrix_runner.model.events import CellFinished, CellStarted, Event, Output, RunStarted, StepStarted
from matrix_runner.model.outcomes import StepKind
from matrix_runner.report.cell_logs import CellLogs
from matrix_runner.report.event_stream import EventFile
from matrix_runner.wheelhouse.directory_lock import release_lock, take_lock
from matrix_runner.wheelhouse.report_directory import LOGS

START: tuple[Event, ...] = (
    RunStarted(at=0, run="r", cells=(CP39, CP311), workers=2),
    CellStarted(at=0, cell=CP39),
    StepStarted(at=0, cell=CP39, kind=StepKind.BUILD, command="python -m build"),
    Output(at=1, cell=CP39, data=b"\x1b]0;title\x07compiled\n"),
)
END: tuple[Event, ...] = (
    CellFinished(at=3, outcome=passed(CP39)),
    CellStarted(at=3, cell=CP311),
    StepStarted(at=3, cell=CP311, kind=StepKind.BUILD, command="python -m build"),
    Output(at=4, cell=CP311, data=b"no such header\n"),
    CellFinished(at=5, outcome=failed(CP311)),
)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A report directory."""
    return tmp_path


@pytest.fixture
def locked(directory: Path) -> Iterator[Path]:
    """The directory, while a run holds its lock."""
    descriptor = take_lock(directory)
    yield directory
    release_lock(directory, descriptor)


def record(directory: Path, *events: Event) -> None:
    """Write events and logs as a run does."""
    listeners = (CellLogs(directory / LOGS), EventFile(directory))
    for event in events:
        for listener in listeners:
            listener.handle(event)
    for listener in listeners:
        listener.close()


def logs(directory: Path, *words: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(cli, ["logs", "--report-dir", str(directory), *words])


def test_without_a_cell_it_tells_which_logs_there_are(directory: Path) -> None:
    """With the status of each cell."""
    record(directory, *START, *END)
    lines = logs(directory).output.splitlines()
    assert lines[0].split() == [str(CP39), "passed,", "42s", f"{directory}/logs/{CP39}.log", *lines[0].split()[-2:]]
    assert "failed in build (command), 12s" in lines[1]


def test_a_log_is_safe_for_the_terminal_unless_raw(directory: Path) -> None:
    """A title that a build sets does not get through."""
    record(directory, *START, *END)
    assert "\x1b" not in logs(directory, str(CP39)).output
    assert "\ncompiled\n" in logs(directory, str(CP39)).output
    assert "\x1b]0;title\x07compiled\n" in logs(directory, str(CP39), "--raw").output


def test_several_logs_have_headings(directory: Path) -> None:
    """By a pattern, or those that failed."""
    record(directory, *START, *END)
    assert logs(directory, "cp*").output.count("==> ") == 2
    failing = logs(directory, "--failed").output
    assert "no such header" in failing
    assert "compiled" not in failing


def test_one_step_of_a_log(directory: Path) -> None:
    """And which there are, if it is not among them."""
    record(directory, *START, *END)
    assert logs(directory, str(CP39), "--step", "build").output == "=== build: python -m build\ncompiled\n"
    refused = logs(directory, str(CP39), "--step", "test")
    assert refused.exception is not None
    assert "did not come to test" in str(refused.exception)


def test_cells_of_a_run_that_goes_on(locked: Path) -> None:
    """Running and waiting ones are told as such."""
    record(locked, *START)
    first, second = logs(locked).output.splitlines()
    assert "running build" in first
    assert "waiting" in second


def test_cells_of_a_run_that_was_killed(directory: Path) -> None:
    """Nobody holds the lock."""
    record(directory, *START)
    first, second = logs(directory).output.splitlines()
    assert "broken off in build" in first
    assert "not begun" in second


def test_following_ends_with_the_cell_though_the_run_goes_on(locked: Path) -> None:
    """The footer of the log is its end."""
    record(locked, *START, *END)
    assert "passed after 42s" in logs(locked, str(CP39), "--follow").output


@pytest.mark.parametrize("words", [("cp27*",), ("--follow",), ("--step", "build"), ("cp*", "--follow")])
def test_mistakes_are_told_with_what_there_is(directory: Path, words: tuple[str, ...]) -> None:
    """A cell that is not in the run; a step of no cell; two cells to follow."""
    record(directory, *START, *END)
    error = logs(directory, *words).exception
    assert getattr(error, "hint", None)


def test_a_directory_without_a_report_is_refused(directory: Path) -> None:
    """With what would make one."""
    error = logs(directory).exception
    assert "has no report of a run" in str(error)
