"""The results of a project's own tests as values: suites, cases, and what became of each. Pure."""

from collections.abc import Callable, Iterable
from enum import Enum

import msgspec
from msgspec.structs import replace

from matrix_runner.model.outcomes import ResultCounts

Properties = tuple[tuple[str, str], ...]


class Verdict(Enum):
    """What became of a case that did not simply pass; the value is the name of JUnit's element."""

    FAILURE = "failure"
    ERROR = "error"
    SKIPPED = "skipped"


class Remark(msgspec.Struct, frozen=True, kw_only=True):
    """The reason for a verdict. `kind`: JUnit's `type`, such as an exception's name; `text`: its lines."""

    verdict: Verdict
    kind: str = ""
    message: str = ""
    text: str = ""


class ResultCase(msgspec.Struct, frozen=True, kw_only=True):
    """A test. `remarks`: none if it passed. `file`, `line`: its place, as the test runner tells it, or "".

    `system_out`, `system_err`: what it printed.
    """

    name: str
    classname: str = ""
    seconds: float = 0.0
    file: str = ""
    line: str = ""
    remarks: tuple[Remark, ...] = ()
    properties: Properties = ()
    system_out: str = ""
    system_err: str = ""

    def has(self, *verdicts: Verdict) -> bool:
        """Whether one of the verdicts is among its remarks."""
        return any(remark.verdict in verdicts for remark in self.remarks)


class ResultSuite(msgspec.Struct, frozen=True, kw_only=True):
    """Tests that a test runner reports together. `timestamp`: as it was written."""

    name: str
    cases: tuple[ResultCase, ...] = ()
    seconds: float = 0.0
    timestamp: str = ""
    hostname: str = ""
    properties: Properties = ()
    system_out: str = ""
    system_err: str = ""

    def with_texts(self, line: Callable[[str], str], text: Callable[[str], str]) -> "ResultSuite":
        """Return the suite with every text replaced. `line`: for names and messages; `text`: for what has lines."""
        return replace(
            self,
            name=line(self.name),
            cases=tuple(_with_texts(case, line, text) for case in self.cases),
            timestamp=line(self.timestamp),
            hostname=line(self.hostname),
            properties=_of_lines(self.properties, line),
            system_out=text(self.system_out),
            system_err=text(self.system_err),
        )


def counts_of(suites: Iterable[ResultSuite]) -> ResultCounts:
    """Count the cases of suites, each once for every kind of verdict that it has."""
    cases = [case for suite in suites for case in suite.cases]
    return ResultCounts(
        tests=len(cases),
        failures=sum(case.has(Verdict.FAILURE) for case in cases),
        errors=sum(case.has(Verdict.ERROR) for case in cases),
        skipped=sum(case.has(Verdict.SKIPPED) for case in cases),
    )


def counts_text(counts: ResultCounts) -> str:
    """Format the numbers of tests: `120 tests, 2 failed, 1 error, 3 skipped`."""
    words = (
        (counts.failures, "failed"),
        (counts.errors, "error" if counts.errors == 1 else "errors"),
        (counts.skipped, "skipped"),
    )
    total = "1 test" if counts.tests == 1 else f"{counts.tests} tests"
    return ", ".join((total, *(f"{number} {word}" for number, word in words if number)))


def _with_texts(case: ResultCase, line: Callable[[str], str], text: Callable[[str], str]) -> ResultCase:
    return replace(
        case,
        name=line(case.name),
        classname=line(case.classname),
        file=line(case.file),
        line=line(case.line),
        remarks=tuple(
            replace(each, kind=line(each.kind), message=line(each.message), text=text(each.text))
            for each in case.remarks
        ),
        properties=_of_lines(case.properties, line),
        system_out=text(case.system_out),
        system_err=text(case.system_err),
    )


def _of_lines(properties: Properties, line: Callable[[str], str]) -> Properties:
    return tuple((line(name), line(value)) for name, value in properties)
