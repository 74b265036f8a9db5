"""Writing of results as JUnit: `testsuites`, `testsuite`, `testcase` with `failure`, `error` or `skipped`. Pure.

There is no standard; this is the common ground of what Jenkins, GitLab and `junitparser` read.
"""

import re
from collections.abc import Iterable, Iterator
from xml.sax.saxutils import escape, quoteattr

from matrix_runner.model.outcomes import ResultCounts
from matrix_runner.results.suites import Properties, ResultCase, ResultSuite, counts_of

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 has no place for, not even escaped."""


def xml_text(text: str) -> str:
    """Return a text without the characters that XML cannot hold."""
    return _NOT_IN_XML.sub("", text)


def junit_document(suites: Iterable[ResultSuite], *, name: str = "", seconds: float | None = None) -> bytes:
    """Return a file of suites: UTF-8, indented, with their numbers. Their texts must be such that XML can hold them.

    `name`: of all together; `seconds`: they took, by default the sum of their times.

    As text, not as a tree of elements, whose making takes ten times as long: a project may have 100,000 tests a cell.
    """
    found = tuple(suites)
    total = sum(suite.seconds for suite in found) if seconds is None else seconds
    opening = _opened("testsuites", (("name", name), *_numbers(counts_of(found)), ("time", f"{total:.3f}")))
    lines = ['<?xml version="1.0" encoding="utf-8"?>', f"{opening}>"]
    for suite in found:
        lines += _suite(suite)
    return "\n".join((*lines, "</testsuites>\n")).encode()


def _suite(suite: ResultSuite) -> Iterator[str]:
    about = (("timestamp", suite.timestamp), ("hostname", suite.hostname))
    numbers = (*_numbers(counts_of((suite,))), ("time", f"{suite.seconds:.3f}"))
    yield f"  {_opened('testsuite', (('name', suite.name), *numbers, *about))}>"
    yield from _properties(suite.properties, "    ")
    for case in suite.cases:
        yield from _case(case)
    yield from _outputs(suite.system_out, suite.system_err, "    ")
    yield "  </testsuite>"


def _case(case: ResultCase) -> Iterator[str]:
    place = f" file={quoteattr(case.file)}" if case.file else ""
    place += f" line={quoteattr(case.line)}" if case.line else ""
    opening = f"    <testcase classname={quoteattr(case.classname)} name={quoteattr(case.name)}"
    opening = f'{opening} time="{case.seconds:.3f}"{place}'
    if not (case.remarks or case.properties or case.system_out or case.system_err):
        yield f"{opening}/>"
        return
    yield f"{opening}>"
    yield from _properties(case.properties, "      ")
    for remark in case.remarks:
        tag = remark.verdict.value
        about = _opened(tag, (("type", remark.kind), ("message", remark.message)))
        yield f"      {about}>{escape(remark.text)}</{tag}>"
    yield from _outputs(case.system_out, case.system_err, "      ")
    yield "    </testcase>"


def _properties(properties: Properties, margin: str) -> Iterator[str]:
    if properties:
        yield f"{margin}<properties>"
        for name, value in properties:
            yield f"{margin}  <property name={quoteattr(name)} value={quoteattr(value)}/>"
        yield f"{margin}</properties>"


def _outputs(out: str, err: str, margin: str) -> Iterator[str]:
    for tag, text in (("system-out", out), ("system-err", err)):
        if text:
            yield f"{margin}<{tag}>{escape(text)}</{tag}>"


def _numbers(counts: ResultCounts) -> Properties:
    return (
        ("tests", str(counts.tests)),
        ("failures", str(counts.failures)),
        ("errors", str(counts.errors)),
        ("skipped", str(counts.skipped)),
    )


def _opened(tag: str, attributes: Properties) -> str:
    """Return the beginning of an element, with the attributes that have a value, up to its `>`."""
    return " ".join((f"<{tag}", *(f"{name}={quoteattr(value)}" for name, value in attributes if value)))
