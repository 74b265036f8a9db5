"""The last output of a command as lines: decoded, without escape sequences, decoration and logger names. Pure."""

import re
from collections.abc import Sequence
from typing import Final

import msgspec

LONGEST_TEXT: Final = 1000
"""Characters of a line that are searched: bounds the time that a pattern can take."""

_LONGEST_SHOWN: Final = 400
"""Characters of a line in an excerpt."""

MOST_SHOWN: Final = 12
"""Lines of an excerpt."""

_MOST_LAST: Final = 5

_LOGGER = re.compile(r"(DEBUG|INFO|WARNING|ERROR|CRITICAL):[\w.]+:")
"""The beginning of a line that Python's `logging` writes by its default format, as auditwheel does."""

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[^\[\]])")
"""Escape sequences such as colours and titles (ECMA-48): noise; a line of nothing else has no content."""

_DECORATION = " \t\N{MULTIPLICATION SIGN}│├╰─▶>"


class OutputLine(msgspec.Struct, frozen=True):
    """A line. `raw`: as written, but for escape sequences; `text`: without decoration; `indent`: columns before it."""

    raw: str
    text: str
    indent: int

    @classmethod
    def of(cls, line: str) -> "OutputLine":
        """Return the line of a text without line ends."""
        line = line[: 2 * LONGEST_TEXT].expandtabs()
        text = _LOGGER.sub("", line.strip(_DECORATION), count=1)[:LONGEST_TEXT]
        return cls(line, text, len(line) - len(line.lstrip(" ")))


Lines = Sequence[OutputLine]


def lines_of(output: bytes) -> Lines:
    """Return the lines of an output, whatever bytes it has."""
    text = _ESCAPES.sub("", output.decode("utf-8", "replace"))
    return [OutputLine.of(line) for line in text.splitlines()]


def shown(lines: Lines, first: int, last: int) -> tuple[str, ...]:
    """Return the lines from `first` to `last`, at most twelve, for an excerpt: without the margin that all have."""
    chosen = list(lines[max(first, 0) : last + 1][:MOST_SHOWN])
    while chosen and not chosen[-1].text:
        chosen.pop()
    while chosen and not chosen[0].text:
        chosen.pop(0)
    margin = min((line.indent for line in chosen if line.text), default=0)
    return tuple(line.raw[margin:].rstrip()[:_LONGEST_SHOWN] for line in chosen)


def last_lines(output: bytes) -> tuple[str, ...]:
    """Return the last lines that say something, at most five: what a command was doing when it was stopped."""
    said = [line for line in lines_of(output) if line.text][-_MOST_LAST:]
    return shown(said, 0, len(said) - 1)
