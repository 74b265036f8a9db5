"""junit.xml, as a reader of it that is not ours reads it."""

from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from junit_files import PYTEST, one_suite
from junitparser import Error, Failure, JUnitXml, Skipped
from msgspec.structs import replace
from report_story import CP39, CP311, CP313T, failed, passed

from matrix_runner.errors import ExitCode
from matrix_runner.model.outcomes import Failure as Cause
from matrix_runner.model.outcomes import Outcome, Place, Reason, Report, ResultCounts, Status, StepKind, StepTime
from matrix_runner.report.summary.junit import junit_xml
from matrix_runner.report.summary.report_json import ReportExtra
from matrix_runner.results.junit_writing import junit_document

EXTRA = ReportExtra(tool_version="1.0", started="2026-11-01T08:00:00+00:00", project="demo")


def read(*outcomes: Outcome) -> JUnitXml:
    """Return the file of a run with these outcomes, as it is read."""
    return JUnitXml.fromstring(junit_xml(Report(run="r", outcomes=outcomes, seconds=60.0), EXTRA))


def test_cells_are_suites_and_steps_are_cases() -> None:
    """With their times, and the sums that readers show."""
    found = read(passed(CP39), passed(CP311))
    assert found.name == "demo"
    assert (found.tests, found.failures, found.errors, found.skipped, found.time) == (4, 0, 0, 0, 60.0)
    suite = next(iter(found))
    assert (suite.name, suite.time) == (str(CP39), 42.0)
    assert [(case.classname, case.name, case.time) for case in suite] == [
        (str(CP39), "build", 30.0),
        (str(CP39), "test", 9.0),
    ]
    assert {each.name: each.value for each in suite.properties()}["wheel"].startswith("demo-1.0-cp39")  # type: ignore[no-untyped-call]


def test_a_failed_step_has_the_cause_the_advice_and_the_lines_that_show_it() -> None:
    """And the place in the project."""
    cause = Cause(
        step=StepKind.BUILD,
        reason=Reason.COMMAND,
        message="exit status 1: no header",
        hint="Install it.",
        place=Place(path="src/a.c", line=3),
        excerpt=("src/a.c:3: no header",),
    )
    steps = (StepTime(kind=StepKind.PREPARE, seconds=0.1), StepTime(kind=StepKind.BUILD, seconds=2))
    found = read(Outcome(cell=CP39, status=Status.FAILED, seconds=2, steps=steps, failure=cause))
    first, second = next(iter(found))
    assert first.result == []
    (result,) = second.result
    assert isinstance(result, Failure)
    assert (result.type, result.message) == ("command", "exit status 1: no header")
    assert result.text.splitlines() == ["exit status 1: no header", "Install it.", "src/a.c:3", "src/a.c:3: no header"]
    assert (found.tests, found.failures) == (2, 1)


def test_a_failure_of_the_machine_is_an_error() -> None:
    """Of a cell that ran no step, too."""
    cause = Cause(step=StepKind.PREPARE, reason=Reason.ENGINE, message="no registry")
    found = read(Outcome(cell=CP39, status=Status.FAILED, failure=cause))
    (case,) = next(iter(found))
    assert case.name == "prepare"
    assert isinstance(case.result[0], Error)
    assert (found.tests, found.failures, found.errors) == (1, 0, 1)


def test_cells_that_did_not_run() -> None:
    """Cancelled ones are skipped; those of the cache, and those that another's wheel serves, passed."""
    report = Report(
        run="r",
        seconds=1,
        interrupted_by=ExitCode.INTERRUPTED,
        outcomes=(
            Outcome(cell=CP39, status=Status.CANCELLED),
            Outcome(cell=CP311, status=Status.CACHED, seconds=0.1),
            Outcome(cell=CP313T, status=Status.PASSED, reused_from=CP311),
        ),
    )
    found = JUnitXml.fromstring(junit_xml(report, EXTRA))
    (cancelled,), (cached,), (served,) = found
    assert isinstance(cancelled.result[0], Skipped)
    assert cached.name == "taken from the cache"
    assert served.name == f"the wheel of {CP311} serves it too"
    assert (found.tests, found.skipped) == (3, 1)


def test_what_xml_cannot_hold_is_left_out() -> None:
    """Control characters, lone surrogates, and code points that are no characters."""
    found = read(failed(CP39, "a\x00\x1b[31m\ud800\ufffe\U0001f600 <&>\"'"))
    (case,) = next(iter(found))
    assert case.result[0].message == "a?\U0001f600 <&>\"'"


def test_the_log_is_named() -> None:
    """Where the run has one."""
    outcome = replace(passed(CP39), log="wheelhouse-report/logs/a.log")
    written = junit_xml(Report(run="r", outcomes=(outcome,), seconds=1), EXTRA)
    assert b"<system-out>log: wheelhouse-report/logs/a.log</system-out>" in written


def with_tests(outcome: Outcome) -> Outcome:
    """Return the outcome of a cell whose tests left results."""
    return replace(outcome, test_results=ResultCounts(tests=4, failures=1, errors=1, skipped=1))


def merged(directory: Path, *outcomes: Outcome) -> JUnitXml:
    """Return the file of a run with these outcomes, and results of tests in a directory."""
    return JUnitXml.fromstring(junit_xml(Report(run="r", outcomes=outcomes, seconds=60.0), EXTRA, directory))


def test_suites_of_the_cells_tests_follow_their_cell(tmp_path: Path) -> None:
    """Their names, and the classes of their cases, begin with the cell; the sums are right."""
    for cell in (CP39, CP311):
        (tmp_path / f"{cell}.xml").write_text(PYTEST)
    found = merged(tmp_path, with_tests(passed(CP39)), with_tests(passed(CP311)))
    assert [suite.name for suite in found] == [str(CP39), f"{CP39}: pytest", str(CP311), f"{CP311}: pytest"]
    _, tests, *_ = found
    assert [(case.classname, case.name) for case in tests] == [
        (f"{CP39}.tests.test_answer", "test_answer"),
        (f"{CP39}.tests.test_answer", "test_skipped"),
        (f"{CP39}.tests.test_answer.TestN", "test_n[1-a b]"),
        (f"{CP39}.tests.test_answer", "test_fixture"),
    ]
    assert [type(case.result[0]) for case in tests if case.result] == [Skipped, Failure, Error]
    assert (tests.tests, tests.failures, tests.errors, tests.skipped, tests.time) == (4, 1, 1, 1, 0.127)
    assert (found.tests, found.failures, found.errors, found.skipped) == (12, 2, 2, 2)
    found.update_statistics()  # type: ignore[no-untyped-call]
    assert (found.tests, found.failures, found.errors, found.skipped) == (12, 2, 2, 2)


def test_results_of_an_earlier_run_are_none_of_this_one(tmp_path: Path) -> None:
    """A file of a cell that has left none."""
    (tmp_path / f"{CP39}.xml").write_text(PYTEST)
    assert len(list(merged(tmp_path, passed(CP39)))) == 1


@pytest.mark.parametrize(
    ("content", "remark"), [(None, "cannot be read: No such file or directory"), ("<html/>", "damaged: its root is")]
)
def test_results_that_are_lost_are_told(tmp_path: Path, content: str | None, remark: str) -> None:
    """As of a report directory that somebody has tidied."""
    if content is not None:
        (tmp_path / f"{CP39}.xml").write_text(content)
    report = Report(run="r", outcomes=(with_tests(passed(CP39)),), seconds=1)
    text = junit_xml(report, EXTRA, tmp_path).decode()
    assert text.count("<testsuite ") == 1
    assert f"the results of its tests {'are ' if content else ''}{escape(remark)}" in text


def test_more_results_than_a_ci_system_takes(tmp_path: Path) -> None:
    """Those of failed cells are first in the file; where the others are is told."""
    text = PYTEST.replace("hello", "hello " * 4_000_000)
    for cell in (CP39, CP311):
        (tmp_path / f"{cell}.xml").write_text(text)
    report = Report(run="r", outcomes=(with_tests(passed(CP39)), with_tests(failed(CP311))), seconds=1)
    written = junit_xml(report, EXTRA, tmp_path)
    assert len(written) < 30_000_000
    assert [suite.name for suite in JUnitXml.fromstring(written)] == [str(CP39), str(CP311), f"{CP311}: pytest"]
    assert f"the results of its tests are in {CP39}.xml alone: this file would else be larger".encode() in written


def test_texts_of_tests_are_safe(tmp_path: Path) -> None:
    """No command to a CI system, no invisible character, no escape sequence."""
    remark = {"kind": "##vso[task.complete]", "message": "::error::x", "text": "a\n##[error]b \u202e\nc"}
    (tmp_path / f"{CP39}.xml").write_bytes(junit_document((one_suite(**remark),)))
    _, tests = merged(tmp_path, with_tests(passed(CP39)))
    (result,) = list(tests)[1].result
    assert (result.type, result.message) == ("# #vso[task.complete]", ": :error::x")
    assert result.text == "a\n# #[error]b\nc"
