"""junit.xml: cells as suites, steps as cases, and the suites of their own tests, in the form that CI systems show."""

from collections.abc import Iterator
from pathlib import Path

from matrix_runner.errors import ExitCode
from matrix_runner.model.outcomes import Outcome, Report, Status
from matrix_runner.report.phrases import borrowed
from matrix_runner.report.sanitize import clean_line, clean_lines
from matrix_runner.report.summary.own_tests import OwnTests, own_tests
from matrix_runner.report.summary.report_json import ReportExtra
from matrix_runner.results.junit_writing import junit_document, xml_text
from matrix_runner.results.suites import Remark, ResultCase, ResultSuite, Verdict, counts_text


def junit_xml(report: Report, extra: ReportExtra, tests: Path | None = None) -> bytes:
    """Return the report as JUnit XML: UTF-8, indented. `tests`: the directory with results of the cells' own tests."""
    own = own_tests(report.outcomes, tests)
    suites: list[ResultSuite] = []
    for outcome in report.outcomes:
        found = own.get(outcome.cell, OwnTests())
        suites += [_suite(outcome, extra, found.remark), *found.suites]
    return junit_document(suites, name=_safe(extra.project) or "matrix-runner", seconds=report.seconds)


def _suite(outcome: Outcome, extra: ReportExtra, remark: str) -> ResultSuite:
    name = str(outcome.cell)
    notes = [f"log: {outcome.log}" if outcome.log is not None else "", remark]
    return ResultSuite(
        name=name,
        timestamp=_safe(extra.started),
        seconds=outcome.seconds,
        properties=tuple((key, _safe(value)) for key, value in _properties(outcome)),
        cases=tuple(_cases(outcome, name)),
        system_out="\n".join(_safe(note) for note in notes if note),
    )


def _properties(outcome: Outcome) -> Iterator[tuple[str, str]]:
    yield "status", str(outcome.status)
    if outcome.wheel is not None:
        yield "wheel", outcome.wheel.name
    if outcome.image is not None:
        yield "image", outcome.image
    if outcome.python_version is not None:
        yield "python", outcome.python_version
    if outcome.test_results is not None:
        yield "tests", counts_text(outcome.test_results)


def _cases(outcome: Outcome, name: str) -> Iterator[ResultCase]:
    """Yield a case for each step, and one for a cell that ran none, or whose failure is of no step that ran."""
    failure = outcome.failure
    for step in outcome.steps:
        is_failed = failure is not None and failure.step is step.kind
        remarks = (_trouble(outcome),) if is_failed else ()
        yield ResultCase(classname=name, name=str(step.kind), seconds=step.seconds, remarks=remarks)
    if failure is not None and all(step.kind is not failure.step for step in outcome.steps):
        yield ResultCase(classname=name, name=str(failure.step), remarks=(_trouble(outcome),))
    elif outcome.status in {Status.CANCELLED, Status.SKIPPED}:
        word = str(outcome.status)
        yield ResultCase(classname=name, name=word, remarks=(Remark(verdict=Verdict.SKIPPED, message=word),))
    elif not outcome.steps:
        text = borrowed(outcome) or "taken from the cache"
        yield ResultCase(classname=name, name=text, seconds=outcome.seconds)


def _trouble(outcome: Outcome) -> Remark:
    """Return the remark on a failure: `error` for one of the machine, which the project cannot mend."""
    failure = outcome.failure
    assert failure is not None  # noqa: S101  asked for failed steps only
    is_ours = failure.reason.exit_code is ExitCode.ENVIRONMENT
    lines = [*clean_lines(failure.message), *clean_lines(failure.hint or "")]
    if failure.place is not None:
        lines.append(clean_line(f"{failure.place.path}:{failure.place.line}"))
    lines += clean_lines("\n".join(failure.excerpt))
    return Remark(
        verdict=Verdict.ERROR if is_ours else Verdict.FAILURE,
        kind=str(failure.reason),
        message=_safe(failure.message),
        text=xml_text("\n".join(lines)),
    )


def _safe(text: str) -> str:
    return xml_text(clean_line(text))
