"""junit.xml: cells as suites, steps as cases, in the form that CI systems show.

There is no standard; this is the common ground of what Jenkins, GitLab and `junitparser` read: `testsuites`,
`testsuite`, `testcase` with `failure`, `error` or `skipped`.
"""

import re
from collections.abc import Iterator
from xml.etree import ElementTree as ET

from matrix_runner.errors import ExitCode
from matrix_runner.model.outcomes import Outcome, Report, Status
from matrix_runner.report.phrases import borrowed
from matrix_runner.report.sanitize import clean_line, clean_lines
from matrix_runner.report.summary.report_json import ReportExtra

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 has no place for, not even escaped."""


def junit_xml(report: Report, extra: ReportExtra) -> bytes:
    """Return the report as JUnit XML: UTF-8, indented."""
    root = ET.Element("testsuites", name=_safe(extra.project) or "matrix-runner")
    suites = [_suite(outcome, extra) for outcome in report.outcomes]
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in suites)))
    root.set("time", _seconds(report.seconds))
    root.extend(suites)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'.encode()


def _suite(outcome: Outcome, extra: ReportExtra) -> ET.Element:
    name = str(outcome.cell)
    suite = ET.Element("testsuite", name=name, timestamp=_safe(extra.started), time=_seconds(outcome.seconds))
    properties = ET.SubElement(suite, "properties")
    for key, value in _properties(outcome):
        ET.SubElement(properties, "property", name=key, value=_safe(value))
    cases = list(_cases(outcome, name))
    suite.extend(cases)
    suite.set("tests", str(len(cases)))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(sum(case.find(tag) is not None for case in cases)))
    if outcome.log is not None:
        ET.SubElement(suite, "system-out").text = _safe(f"log: {outcome.log}")
    return suite


def _properties(outcome: Outcome) -> Iterator[tuple[str, str]]:
    yield "status", str(outcome.status)
    if outcome.wheel is not None:
        yield "wheel", outcome.wheel.name
    if outcome.image is not None:
        yield "image", outcome.image
    if outcome.python_version is not None:
        yield "python", outcome.python_version


def _cases(outcome: Outcome, name: str) -> Iterator[ET.Element]:
    """Yield a case for each step, and one for a cell that ran none, or whose failure is of no step that ran."""
    failure = outcome.failure
    for step in outcome.steps:
        case = ET.Element("testcase", classname=name, name=str(step.kind), time=_seconds(step.seconds))
        if failure is not None and failure.step is step.kind:
            case.append(_trouble(outcome))
        yield case
    if failure is not None and all(step.kind is not failure.step for step in outcome.steps):
        case = ET.Element("testcase", classname=name, name=str(failure.step), time=_seconds(0))
        case.append(_trouble(outcome))
        yield case
    elif outcome.status in {Status.CANCELLED, Status.SKIPPED}:
        case = ET.Element("testcase", classname=name, name=str(outcome.status), time=_seconds(0))
        ET.SubElement(case, "skipped", message=str(outcome.status))
        yield case
    elif not outcome.steps:
        text = borrowed(outcome) or "taken from the cache"
        yield ET.Element("testcase", classname=name, name=text, time=_seconds(outcome.seconds))


def _trouble(outcome: Outcome) -> ET.Element:
    """Return the element of a failure: `error` for one of the machine, which the project cannot mend."""
    failure = outcome.failure
    assert failure is not None  # noqa: S101  asked for failed steps only
    is_ours = failure.reason.exit_code is ExitCode.ENVIRONMENT
    element = ET.Element("error" if is_ours else "failure", type=str(failure.reason))
    element.set("message", _safe(failure.message))
    lines = [*clean_lines(failure.message), *clean_lines(failure.hint or "")]
    if failure.place is not None:
        lines.append(clean_line(f"{failure.place.path}:{failure.place.line}"))
    lines += [line for text in failure.excerpt for line in clean_lines(text)]
    element.text = _NOT_IN_XML.sub("", "\n".join(lines))
    return element


def _safe(text: str) -> str:
    return _NOT_IN_XML.sub("", clean_line(text))


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}"
