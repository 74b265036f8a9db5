"""`runner report`: a run read back, from report.json or events, in every form."""

import webbrowser
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from junit_files import PYTEST
from junitparser import JUnitXml
from msgspec.structs import replace
from report_story import CP39, CP311, failed, passed

from matrix_runner.cli import cli
from matrix_runner.errors import ExitCode
from matrix_runner.model.events import (
    CellFinished,
    CellStarted,
    Event,
    Notice,
    RunFinished,
    RunStarted,
    WaitEnded,
    WaitStarted,
)
from matrix_runner.model.outcomes import Report, ResultCounts, RunWarning, Status, Wait
from matrix_runner.report.event_stream import EventFile
from matrix_runner.report.run_reading import read_run, report_of_events
from matrix_runner.report.summary.report_json import ReportExtra, report_json

EXTRA = ReportExtra(tool_version="1.0", started="2026-11-01T08:00:00+00:00", project="demo", left_out=((CP39, "old"),))
REPORT = Report(run="r1", outcomes=(passed(CP39), failed(CP311)), seconds=60.0, workers=2)
EVENTS: tuple[Event, ...] = (
    RunStarted(at=0, run="r2", cells=(CP39, CP311), workers=4),
    WaitStarted(at=1, text="an image is pulled"),
    WaitEnded(at=3, text="an image is pulled"),
    CellStarted(at=3, cell=CP39),
    CellFinished(at=9, outcome=passed(CP39)),
    CellStarted(at=9, cell=CP311),
)
END = RunFinished(at=12, exit_code=130)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A report directory with the report of a run."""
    (tmp_path / "report.json").write_bytes(report_json(REPORT, EXTRA))
    return tmp_path


def record(directory: Path, *events: Event) -> Path:
    """Write events as a run does, and return the file."""
    file = EventFile(directory)
    for event in events:
        file.handle(event)
    file.close()
    return directory / "events.jsonl"


def report(*words: object) -> Result:
    """Run the command."""
    # Columns of a terminal, as CI systems and pytest-xdist set them: a pipe has none.
    return CliRunner(env={"COLUMNS": "40"}).invoke(cli, ["report", *map(str, words)])


def test_the_summary_is_that_of_the_end_of_the_run(directory: Path) -> None:
    """With the failures and the totals."""
    text = report(directory).output
    assert "FAILED  cp311-manylinux_x86_64" in text
    assert "exit code 1: a cell failed" in text
    assert "..." not in text


@pytest.mark.parametrize("form", ["md", "html", "junit", "json", "text"])
def test_every_form_goes_to_standard_output_or_a_file(directory: Path, tmp_path: Path, form: str) -> None:
    """The same bytes."""
    shown = report(directory, "--format", form)
    assert shown.exit_code == 0
    assert str(CP311) in shown.output
    target = tmp_path / f"out.{form}"
    assert report(directory, "--format", form, "--output", target).output == ""
    assert target.read_bytes() == shown.stdout_bytes


def test_json_gives_back_all_of_report_json(directory: Path) -> None:
    """Nothing of it is lost on the way."""
    shown = report(directory, "--format", "json")
    assert shown.stdout_bytes == (directory / "report.json").read_bytes()


def test_a_report_of_events(tmp_path: Path) -> None:
    """A cell that did not end is cancelled; waits and workers are known."""
    found = report_of_events((*EVENTS, END))
    assert [outcome.status for outcome in found.outcomes] == [Status.PASSED, Status.CANCELLED]
    assert found.outcomes[1].began == 9
    assert (found.run, found.workers, found.seconds) == ("r2", 4, 12)
    assert found.waits == (Wait(text="an image is pulled", began=1, seconds=2),)
    assert found.exit_code is ExitCode.INTERRUPTED
    junit = report(record(tmp_path, *EVENTS), "--format", "junit")
    assert JUnitXml.fromstring(junit.stdout_bytes).tests == 3


def test_of_a_run_that_was_killed_the_events_tell(directory: Path) -> None:
    """Its report.json is of the run before; that of a run that ended is its own."""
    record(directory, *EVENTS)
    assert read_run(directory).report.run == "r2"
    record(directory, *EVENTS, END)
    assert read_run(directory).report.run == "r1"


def test_what_changed_since_another_run(directory: Path, tmp_path: Path) -> None:
    """In the text and in the page."""
    old = tmp_path / "old.json"
    old.write_bytes(report_json(Report(run="r0", outcomes=(passed(CP39), passed(CP311)), seconds=1), EXTRA))
    assert "changes since run r0\n  fails now" in report(directory, "--compare", old).output
    assert "Changes since run r0" in report(directory, "--compare", old, "--format", "html").output
    assert "none worth telling" in report(directory, "--compare", directory).output


def test_the_page_is_opened_in_a_browser(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Made anew beside the report; without a browser its address is told."""
    asked: list[str] = []

    def refuse(address: str) -> bool:
        asked.append(address)
        return False

    monkeypatch.setattr(webbrowser, "open", refuse)
    shown = report(directory, "--open")
    assert asked == [(directory / "report.html").as_uri()]
    assert asked[0] in shown.output
    assert b"demo: 1 of 2 cells passed" in (directory / "report.html").read_bytes()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"{}", "no report.json of matrix-runner"),
        (b"", "no report.json of matrix-runner"),
        (b'{"version": 1', "no report.json of matrix-runner"),
    ],
)
def test_a_file_that_is_no_report_is_refused(tmp_path: Path, content: bytes, told: str) -> None:
    """In words, without a traceback."""
    (tmp_path / "report.json").write_bytes(content)
    assert told in str(report(tmp_path / "report.json").exception)


def test_places_without_a_report_are_refused(tmp_path: Path) -> None:
    """An empty directory, a file that is not there, events of nothing, and a page that cannot be written."""
    assert "has no report of a run" in str(report(tmp_path).exception)
    assert "cannot read" in str(report(tmp_path / "nothing.json").exception)
    (tmp_path / "events.jsonl").write_bytes(b"")
    assert "no run in it" in str(report(tmp_path / "events.jsonl").exception)


def test_a_file_that_cannot_be_written_is_told(directory: Path) -> None:
    """With what to do."""
    error = report(directory, "--format", "md", "--output", directory / "no/such/place").exception
    assert getattr(error, "hint", None)


def test_junit_has_the_results_of_the_cells_tests(directory: Path, tmp_path: Path) -> None:
    """Of the report directory that is read, also if its report.json, or its events, are named."""
    counts = ResultCounts(tests=4, failures=1, errors=1, skipped=1)
    outcome = replace(passed(CP39), test_results=counts)
    (directory / "report.json").write_bytes(report_json(replace(REPORT, outcomes=(outcome,)), EXTRA))
    (directory / "tests").mkdir()
    (directory / "tests" / f"{CP39}.xml").write_text(PYTEST)
    record(tmp_path, EVENTS[0], CellFinished(at=9, outcome=outcome), END)
    for place in (directory, directory / "report.json", tmp_path / "events.jsonl"):
        found = JUnitXml.fromstring(report(place, "--format", "junit").stdout_bytes)
        assert f"{CP39}: pytest" in [suite.name for suite in found]


def test_warnings_are_read_back(tmp_path: Path) -> None:
    """From report.json as from events, and are in the page."""
    warning = RunWarning(text="something is odd", cell=CP39)
    (tmp_path / "report.json").write_bytes(report_json(replace(REPORT, warnings=(warning,)), EXTRA))
    said = Notice(at=4, text="something is odd", cell=CP39, is_warning=True)
    told = report_of_events((*EVENTS, Notice(at=4, text="by the way"), said, END))
    assert told.warnings == read_run(tmp_path).report.warnings == (warning,)
    assert "something is odd" in report(tmp_path, "--format", "html").output
