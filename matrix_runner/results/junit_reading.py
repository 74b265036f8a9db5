"""Reading of JUnit files that are not trusted, in whichever of its many forms: no entity is expanded, no link followed.

There is no standard; this is what pytest, unittest-xml-reporting, GoogleTest, CTest and Catch2 write. Python's parser
opens nothing outside of a file; what could be expanded in it is declared in a document type, which no JUnit file has:
a file with one is refused before any of it is read (the attacks: owasp.org, "XML External Entity Prevention").
"""

import math
from xml.etree import ElementTree as ET

import msgspec

from matrix_runner.results.suites import Remark, ResultCase, ResultSuite, Verdict

_DEEPEST = 50
"""Elements in one another; JUnit files have five or so."""

_MOST_CASES = 500_000
"""The tests that GitLab takes of a file (docs.gitlab.com, "Unit test reports")."""

_MOST_ELEMENTS = 2_000_000
"""Elements of all kinds: each is an object, ten times as large as what stands for it in the file."""

_VERDICTS = {verdict.value: verdict for verdict in Verdict}
_NOT_RUN = frozenset({"notrun", "disabled"})
"""GoogleTest's and CTest's `status` of a test that was not run, which need not have an element `skipped`."""

_CHUNK = 1 << 20


class NotJunit(Exception):
    """The file cannot be taken for results of tests. The message says why, after its name and a colon."""


def read_suites(data: bytes) -> tuple[ResultSuite, ...]:
    """Return the suites of a file that have tests, in order, those within others too. Raise NotJunit."""
    reader = _Reader()
    # Safe: see above, and `_Reader.doctype`.
    parser = ET.XMLParser(target=reader)  # noqa: S314
    try:
        for begin in range(0, len(data), _CHUNK):
            parser.feed(data[begin : begin + _CHUNK])
        parser.close()
    except ET.ParseError as error:
        raise NotJunit(f"it is no XML, or was cut short: {error}") from error
    except (ValueError, LookupError) as error:
        # Of encodings that the parser does not know.
        raise NotJunit(f"it cannot be read: {error}") from error
    return tuple(reader.suites)


class _Open(msgspec.Struct):
    """A suite or a case that has begun: its attributes, and what has been read of it."""

    attributes: dict[str, str]
    path: tuple[str, ...] = ()
    cases: list[ResultCase] = msgspec.field(default_factory=list)
    remarks: list[Remark] = msgspec.field(default_factory=list)
    properties: list[tuple[str, str]] = msgspec.field(default_factory=list)
    texts: dict[str, str] = msgspec.field(default_factory=dict)


class _Reader:
    """The parser's target (`xml.etree.ElementTree.XMLParser`): takes elements as they come, and builds no tree."""

    def __init__(self) -> None:
        self.suites: list[ResultSuite] = []
        self._depth = 0
        self._elements = 0
        self._open: list[_Open] = []
        self._case: _Open | None = None
        self._taken: dict[str, str] | None = None
        """Attributes of the element whose text is being read: a verdict's, or none of an output's."""
        self._text: list[str] = []
        self._count = 0

    def doctype(self, _name: str, _public: str | None, _system: str | None) -> None:
        """Refuse the file: only here could it declare entities."""
        raise NotJunit("it has a document type (<!DOCTYPE ...>), which no file of test results needs")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Take the beginning of an element."""
        self._depth += 1
        self._elements += 1
        if self._elements > _MOST_ELEMENTS:
            raise NotJunit(f"it has more than {_MOST_ELEMENTS} elements")
        if self._depth > _DEEPEST:
            raise NotJunit(f"more than {_DEEPEST} of its elements are in one another")
        name = _local(tag)
        if self._depth == 1 and name not in {"testsuites", "testsuite"}:
            raise NotJunit(f"its root is <{name[:40]}>, not <testsuites> or <testsuite>")
        holder = self._case or (self._open[-1] if self._open else None)
        if name in {"testsuites", "testsuite"} and self._case is None:
            self._begin_suite(name, attributes)
        elif name == "testcase" and self._case is None:
            self._case = _Open(attributes=attributes)
        elif name == "property" and holder is not None and "name" in attributes:
            holder.properties.append((attributes["name"], attributes.get("value", "")))
        elif self._taken is None and (name in {"system-out", "system-err"} or (name in _VERDICTS and self._case)):
            self._taken, self._text = attributes, []

    def data(self, data: str) -> None:
        """Take text."""
        if self._taken is not None:
            self._text.append(data)

    def end(self, tag: str) -> None:
        """Take the end of an element."""
        self._depth -= 1
        name = _local(tag)
        if name == "testcase" and self._case is not None:
            self._end_case(self._case)
        elif name in {"testsuites", "testsuite"} and self._case is None:
            self._end_suite(self._open.pop())
        elif self._taken is not None and (name in {"system-out", "system-err"} or name in _VERDICTS):
            self._end_text(name, self._taken)

    def _begin_suite(self, name: str, attributes: dict[str, str]) -> None:
        around = self._open[-1].path if self._open else ()
        own = attributes.get("name", "").strip()
        # The name of all suites together says nothing of the single ones.
        is_named = own and name == "testsuite" and own not in around
        self._open.append(_Open(attributes=attributes, path=(*around, own) if is_named else around))

    def _end_suite(self, suite: _Open) -> None:
        if not suite.cases:
            return
        attributes = suite.attributes
        self.suites.append(
            ResultSuite(
                name=" > ".join(suite.path) or attributes.get("name", ""),
                cases=tuple(suite.cases),
                seconds=_seconds(attributes.get("time")),
                timestamp=attributes.get("timestamp", ""),
                hostname=attributes.get("hostname", ""),
                properties=tuple(suite.properties),
                system_out=suite.texts.get("system-out", ""),
                system_err=suite.texts.get("system-err", ""),
            )
        )

    def _end_case(self, case: _Open) -> None:
        self._count += 1
        if self._count > _MOST_CASES:
            raise NotJunit(f"it has more than {_MOST_CASES} tests")
        attributes = case.attributes
        remarks = case.remarks
        if not remarks and attributes.get("status") in _NOT_RUN:
            remarks.append(Remark(verdict=Verdict.SKIPPED, message="not run"))
        self._case = None
        if not self._open:
            return
        self._open[-1].cases.append(
            ResultCase(
                name=attributes.get("name", ""),
                classname=attributes.get("classname", ""),
                seconds=_seconds(attributes.get("time")),
                file=attributes.get("file", ""),
                line=attributes.get("line", ""),
                remarks=tuple(remarks),
                properties=tuple(case.properties),
                system_out=case.texts.get("system-out", ""),
                system_err=case.texts.get("system-err", ""),
            )
        )

    def _end_text(self, name: str, attributes: dict[str, str]) -> None:
        text, self._text, self._taken = "".join(self._text), [], None
        holder = self._case or (self._open[-1] if self._open else None)
        verdict = _VERDICTS.get(name)
        if verdict is not None and self._case is not None:
            kind, message = attributes.get("type", ""), attributes.get("message", "")
            self._case.remarks.append(Remark(verdict=verdict, kind=kind, message=message, text=text))
        elif holder is not None and verdict is None:
            earlier = holder.texts.get(name)
            holder.texts[name] = text if earlier is None else f"{earlier}\n{text}"


def _local(tag: str) -> str:
    """Return an element's name without its namespace, which a few test runners set."""
    return tag.rpartition("}")[2]


def _seconds(text: str | None) -> float:
    """Return a time; 0 for one that is none. Some runners group its digits: `1,234.5`."""
    try:
        seconds = float((text or "0").replace(",", ""))
    except ValueError:
        return 0.0
    return seconds if math.isfinite(seconds) and seconds > 0 else 0.0
