"""Sanitising of untrusted output: safe text for terminals, without commands to CI systems.

Build output can move the cursor, change the title, hide text, or contain commands of the CI system. Nothing here needs
the whole text: state is bounded by one line, whatever the input.
"""

import codecs
import re
from collections.abc import Iterable, Iterator

from matrix_runner.report.ci.ci_commands import neutralise

LONGEST_LINE = 4000
"""Characters shown of a line; the rest is counted."""

_MOST_COLOURS = 200
"""The maximal number of colour changes in a line; more is noise, and an unbounded line must not fill the memory."""

_LONGEST_SEQUENCE = 64
"""Characters of an escape sequence: longer than any that programs write, and than any that `_TOKEN` takes. So the same
is done with it in whatever pieces it comes."""

_TOKEN = re.compile(
    r"(?P<text>[^\x00-\x1f\x7f-\x9f]+)"
    r"|(?P<csi>(?:\x1b\[|\x9b)[0-?]{0,50}[ -/]{0,8}[@-~])"
    r"|(?P<string>\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])"  # OSC, DCS, SOS, PM, APC: a text up to its terminator
    r"|(?P<escape>\x1b[ -/]{1,8}[0-~]|\x1b[0-OQ-WYZ\\`-~])"
    r"|(?P<control>[\x00-\x1a\x1c-\x1f\x7f-\x8f\x91-\x97\x99\x9a\x9c])"
)
_CUT_SEQUENCE = re.compile(r"(?:(?:\x1b\[|\x9b)[0-?]*[ -/]*|\x1b[ -/]*)\Z")
_COLOUR = re.compile(r"(?:\x1b\[|\x9b)(?P<codes>[0-9;:]{0,32})m")
# A line break ends a string too, though terminals wait on: an unterminated string must not hide the rest of a log.
_STRING_END = re.compile(r"[\x07\x18\x1a\x9c\n\x1b]")
# Characters that nobody sees. Direction marks disguise text (CVE-2021-42574), and what compares text by the rules of a
# language passes over all of them: to .NET, in which the agents of GitHub and Azure are written, "#\u200b#[" contains
# "##[". Unicode: Default_Ignorable_Code_Point and the category Cf; and the line breaks, which become spaces.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000110bd\U000110cd"
    "\U00013430-\U0001345f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_RESET = "\x1b[0m"


class Sanitizer:
    """Turns chunks of bytes into safe lines.

    Invalid UTF-8 becomes U+FFFD; invisible characters, control characters and escape sequences are removed (colours
    stay on request, closed at each line's end and reopened on the next, since GitHub forgets them there); a carriage
    return restarts the line, so that the last state of a progress bar remains.
    """

    def __init__(self, *, colour: bool = False, is_start: bool = True) -> None:
        """`colour`: retain colour and weight (SGR sequences). `is_start`: the lines are printed with nothing before."""
        self._colour = colour
        self._is_start = is_start
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""
        self._in_string = False
        self._active: tuple[str, ...] = ()
        self._start_line()

    def feed(self, data: bytes) -> tuple[str, ...]:
        """Add a chunk, cut anywhere; return the lines that it completes, without line ends."""
        return tuple(self._lines(self._decoder.decode(data)))

    def finish(self) -> tuple[str, ...]:
        """Return the last line if it is unterminated, including input held back."""
        lines = [*self._lines(self._decoder.decode(b"", final=True))]
        self._held = ""
        if self._length or self._excess:
            lines.append(self._end_line())
        return tuple(lines)

    def _lines(self, new: str) -> Iterator[str]:
        text, self._held = self._held + new, ""
        position = 0
        while position < len(text):
            if self._in_string:
                end = _STRING_END.search(text, position)
                if end is None:
                    return
                self._in_string = False
                position = end.start() if end[0] in "\n\x1b" else end.end()
                continue
            found = _TOKEN.match(text, position)
            if found is None:
                if len(text) - position < _LONGEST_SEQUENCE and _CUT_SEQUENCE.match(text, position):
                    self._held = text[position:]
                    return
                position += 1
                continue
            position = found.end()
            if found[0] == "\n":
                yield self._end_line()
            else:
                self._take(found.lastgroup, found[0])

    def _take(self, kind: str | None, piece: str) -> None:
        if kind == "text":
            self._add(piece if piece.isascii() else _INVISIBLE.sub(_visible, piece))
        elif kind == "csi":
            self._add_colour(piece)
        elif kind == "string":
            self._in_string = True
        elif piece == "\t":
            self._add(" " * (8 - self._length % 8))
        elif piece == "\r":
            self._returned = True
        elif piece == "\b":
            self._step_back()

    def _add(self, text: str) -> None:
        if self._returned:
            self._start_line()
        room = LONGEST_LINE - self._length
        if room > 0 and text:
            self._parts.append(text[:room])
        self._length += min(room, len(text))
        self._excess += max(len(text) - room, 0)

    def _add_colour(self, sequence: str) -> None:
        colour = _COLOUR.fullmatch(sequence)
        if not self._colour or colour is None:
            return
        codes = colour["codes"]
        clean = f"\x1b[{codes}m"
        if codes.strip("0;") == "":
            self._active = ()
        else:
            self._active = (*self._active, clean)[-8:]
        if self._colours < _MOST_COLOURS and not self._returned:
            self._parts.append(clean)
            self._colours += 1

    def _step_back(self) -> None:
        if not self._length or self._excess or self._parts[-1].startswith("\x1b"):
            return
        self._parts[-1] = self._parts[-1][:-1]
        self._length -= 1
        if not self._parts[-1]:
            self._parts.pop()

    def _start_line(self) -> None:
        self._parts = list(self._active)
        self._length = 0
        self._excess = 0
        self._colours = 0
        self._returned = False

    def _end_line(self) -> str:
        line = "".join(self._parts).rstrip(" ")
        if self._excess:
            line += f" [... {self._excess:,} more characters]"
        if "\x1b" in line and not line.endswith(_RESET):
            line += _RESET
        self._start_line()
        return neutralise(line, is_start=self._is_start)


def _visible(match: re.Match[str]) -> str:
    return " " if match[0] in "\u2028\u2029" else ""


def sanitized_lines(chunks: Iterable[bytes], *, colour: bool = False, is_start: bool = True) -> Iterator[str]:
    """Yield the safe lines of a stream of bytes, for printing as in `Sanitizer`."""
    sanitizer = Sanitizer(colour=colour, is_start=is_start)
    for chunk in chunks:
        yield from sanitizer.feed(chunk)
    yield from sanitizer.finish()


def clean_lines(text: str) -> tuple[str, ...]:
    """Return the safe lines of a message with untrusted text; without empty lines at its ends."""
    return tuple(sanitized_lines((text.strip().encode(errors="replace"),)))


def clean_line(text: str) -> str:
    """Return a message as one safe line."""
    if len(text) <= LONGEST_LINE and text.isascii() and text.isprintable():
        return neutralise(text.strip()).strip()
    return " ".join(line.strip() for line in clean_lines(text) if line.strip())


def last_line(data: bytes) -> str:
    """Return the last non-blank line of `data`, safe and without colour, or an empty string."""
    for line in reversed(tuple(sanitized_lines((data,)))):
        if line.strip():
            return line.strip()
    return ""
