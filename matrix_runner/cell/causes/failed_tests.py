"""Failed tests in a command's output, of pytest and of unittest: how many, the first, its place and its lines. Pure."""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from matrix_runner.cell.causes.output_lines import MOST_SHOWN, Lines
from matrix_runner.cell.causes.tracebacks import Told, traceback_at

_PYTEST_END = re.compile(
    r"=* ?\d+ (failed|passed|errors?|skipped|deselected|xfailed|xpassed|warnings?)\b.{0,300} in [\d.]+s"
)
_COUNT = re.compile(r"(\d{1,9}) (failed|passed|error)")
_SHORT = re.compile(r"(FAILED|ERROR) (?P<test>\S.{0,600}?)( - (?P<said>.{0,600}))?$")
_SECTION = re.compile(r"_{2,} (?P<title>.{1,300}) _{2,}$")
_BANNER = re.compile(r"=+ (.{1,100} )?=+$")
_FAILURES = re.compile(r"=+ (FAILURES|ERRORS) =+$")
_SAID = re.compile(r"E\s{1,12}(?P<said>\S.*)")
_PLACE = re.compile(r"(?P<file>[^\s:][^:\n]{0,400}):(?P<line>\d{1,8}): ?(?P<said>.{0,300})$")
_QUOTED = re.compile(r'(E +)?File "(?P<file>[^"\n]{1,400})", line (?P<line>\d{1,8})')
_FILE_LINE = re.compile(r"file (?P<file>[^\n,]{1,400}), line (?P<line>\d{1,8})$")

_UNITTEST_END = re.compile(r"FAILED \((?P<counts>(failures|errors|unexpected successes)=\d{1,9}.{0,100})\)$")
_UNITTEST_COUNT = re.compile(r"(?:failures|errors|unexpected successes)=(\d{1,9})")
_RAN = re.compile(r"Ran (\d{1,9}) tests? in ")
_BLOCK = re.compile(r"(?P<kind>FAIL|ERROR): (?P<test>\S.{0,300})$")

_BEFORE: Final = 4


class FailedTests(msgspec.Struct, frozen=True, kw_only=True):
    """A test runner's verdict. `failed` of `ran` tests; `ran`: None if it ended before it ran any.

    `test`: the first that failed, as the runner names it; `said`: its exception or assertion, "" if that is not there.
    `first`, `last`: the numbers of the lines that show it; `start`, `end`: of all lines about it. `places`: the
    innermost first.
    """

    failed: int
    ran: int | None
    test: str
    said: str
    first: int
    last: int
    start: int
    end: int
    places: tuple[Told, ...]


def failed_tests(lines: Lines) -> FailedTests | None:
    """Return what a test runner says at its end of tests that failed; None if no runner says that."""
    return _pytest(lines) or _unittest(lines)


class TextOfTest(msgspec.Struct, frozen=True, kw_only=True):
    """What pytest says of one failed test. `said`: its exception or assertion, "" if that is not there.

    `first`, `last`: the numbers of the lines that show it; `places`: the innermost first.
    """

    said: str
    first: int
    last: int
    places: tuple[Told, ...]


def failed_test_text(lines: Lines) -> TextOfTest:
    """Return what pytest says in the lines on a single test."""
    section = _Section(lines, 0, len(lines) - 1)
    return TextOfTest(said=section.said, first=section.first, last=section.last, places=section.places)


def _pytest(lines: Lines) -> FailedTests | None:
    end = next((at for at in range(len(lines) - 1, -1, -1) if _PYTEST_END.match(lines[at].text)), None)
    if end is None:
        return None
    counts: dict[str, int] = {word: int(number) for number, word in _COUNT.findall(lines[end].text)}
    failed = counts.get("failed", 0) + counts.get("error", 0)
    if not failed:
        return None
    listed = next((at for at in _listed(lines, end)), None)
    found = _SHORT.match(lines[listed].text) if listed is not None else None
    test, told = (found["test"], found["said"] or "") if found else ("", "")
    is_collected = "::" in test
    start, stop = _section(lines, test, end) or _all_sections(lines, end)
    section = _Section(lines, start, stop)
    return FailedTests(
        failed=failed,
        ran=failed + counts.get("passed", 0) if is_collected or not test else None,
        test=test,
        said=section.said or told,
        first=section.first if start < stop else (listed if listed is not None else end),
        last=section.last if start < stop else end,
        start=start,
        end=stop,
        places=section.places,
    )


def _listed(lines: Lines, end: int) -> Iterator[int]:
    """Yield the lines of pytest's short summary, which stands before its last line."""
    # Without its heading, as quiet plugins print it, in the last lines.
    heads = (at for at in range(end - 1, -1, -1) if "short test summary info" in lines[at].text)
    head = next(heads, max(end - MOST_SHOWN, 0) - 1)
    return (at for at in range(head + 1, end) if _SHORT.match(lines[at].text))


def _section(lines: Lines, test: str, end: int) -> tuple[int, int] | None:
    """Return the first and the last line of the section on a test, or on a file that could not be imported."""
    path, _, name = test.partition("::")
    file = path.rpartition("/")[2]
    wanted = name.replace("::", ".")
    for at in range(end):
        found = _SECTION.match(lines[at].text)
        if found is None:
            continue
        title = found["title"]
        if title == wanted or title.endswith(f" of {wanted}") or (not name and file and title.endswith(file)):
            stop = next((n for n in range(at + 1, end) if _ends(lines[n].text)), end)
            return at, stop - 1
    return None


def _all_sections(lines: Lines, end: int) -> tuple[int, int]:
    """Return the first and the last line of what pytest says of all failures, if it has no sections (`--tb=line`)."""
    heads = (at for at in range(end) if _FAILURES.match(lines[at].text))
    start = next(heads, end)
    return start, next((at - 1 for at in range(start + 1, end) if _BANNER.match(lines[at].text)), end)


def _ends(text: str) -> bool:
    return _SECTION.match(text) is not None or _BANNER.match(text) is not None


class _Section:
    """The section on a failed test: what was said, where, and the lines to show."""

    def __init__(self, lines: Lines, start: int, stop: int) -> None:
        self._lines = lines
        said = [
            at for at in range(start, stop + 1) if _SAID.match(lines[at].text) and not _QUOTED.match(lines[at].text)
        ]
        told = [at for at in range(start, stop + 1) if _SAID.match(lines[at].text)]
        # Of a SyntaxError, which Python tells with file and source before it, the last line says what it is.
        at = said[0] if said else None
        if told and _QUOTED.match(lines[told[0]].text):
            at = told[-1]
        found = _SAID.match(lines[at].text) if at is not None else None
        self.said = found["said"] if found else ""
        self.first, self.last = start, stop
        if told:
            self.first = self._beginning(told[0], start)
            self.last = min(self._ending(told[-1], stop), self.first + MOST_SHOWN - 1)
        self.places = tuple(self._places(start, stop))

    def _beginning(self, at: int, start: int) -> int:
        """Return the line of the statement that failed, which pytest marks, or the frame above."""
        marked = (
            n for n in range(at - 1, max(at - 1 - _BEFORE, start), -1) if self._lines[n].raw.lstrip().startswith(">")
        )
        return next(marked, max(at - 2, start + 1))

    def _ending(self, at: int, stop: int) -> int:
        """Return the line of the place below, if it follows."""
        return next((n for n in range(at + 1, min(at + 3, stop) + 1) if _PLACE.match(self._lines[n].text)), at)

    def _places(self, start: int, stop: int) -> Iterator[Told]:
        for number in range(stop, start, -1):
            text = self._lines[number].text
            found = _PLACE.match(text) or _QUOTED.match(text) or _FILE_LINE.match(text)
            if found is not None:
                yield found["file"], found["line"], None


def _unittest(lines: Lines) -> FailedTests | None:
    end = next((at for at in range(len(lines) - 1, -1, -1) if _UNITTEST_END.match(lines[at].text)), None)
    if end is None:
        return None
    found = _UNITTEST_END.match(lines[end].text)
    failed = sum(map(int, _UNITTEST_COUNT.findall(found["counts"]))) if found else 0
    ran = next((int(count[1]) for n in range(end, -1, -1) if (count := _RAN.match(lines[n].text))), None)
    start = next((at for at in range(end) if _is_block(lines, at)), end)
    block = _BLOCK.match(lines[start].text)
    stop = next((at for at in range(start + 1, end) if _is_block(lines, at) or _RAN.match(lines[at].text)), end)
    heads = [at for at in range(start, stop) if lines[at].text.startswith("Traceback ")]
    seen = traceback_at(lines[:stop], heads[-1]) if heads else None
    return FailedTests(
        failed=failed,
        ran=ran,
        test=block["test"] if block else "",
        said=lines[seen.at].text if seen else "",
        first=start,
        last=min(stop - 1, start + MOST_SHOWN - 1) if seen is None else min(seen.last, start + MOST_SHOWN - 1),
        start=start,
        end=stop,
        places=seen.places if seen else (),
    )


def _is_block(lines: Lines, at: int) -> bool:
    return _BLOCK.match(lines[at].text) is not None and at > 0 and set(lines[at - 1].text) == {"="}
