"""Python's tracebacks in a command's output: the last exception, and the places that its frames name. Pure."""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from matrix_runner.cell.causes.output_lines import Lines

_HEAD: Final = "Traceback (most recent call last):"
_FRAME = re.compile(r'File "(?P<file>[^"\n]{1,400})", line (?P<line>\d{1,8})')
_EXCEPTION = re.compile(r"[A-Za-z_][\w.]{0,200}(: |:?$)")
_SETUP = re.compile(r'File "[^"\n]{0,400}setuptools/build_meta\.py", line \d+, in run_setup')

_LONGEST: Final = 1000
"""Lines of a traceback that are read, from its end."""

_DEEPEST: Final = 200
"""Lines above a frame in which the one is looked for that executes setup.py."""

Told = tuple[str, str | None, str | None]
"""A path, a line and a column, as a tool has told them."""


class Traceback(msgspec.Struct, frozen=True, kw_only=True):
    """A traceback. `head`, `at`: the numbers of its first line and the exception's; `first`, `last`: of the shown ones.

    `places`: those of its frames, the innermost first.
    """

    head: int
    at: int
    first: int
    last: int
    places: tuple[Told, ...]


def last_traceback(lines: Lines) -> Traceback | None:
    """Return the last traceback that ends with an exception; None without any.

    A SyntaxError that is told without the head, as for a script that Python cannot read, counts too.
    """
    heads = [at for at, line in enumerate(lines) if line.text.endswith(_HEAD)]
    if heads:
        found = traceback_at(lines, heads[-1])
        if found is not None:
            return found
    return _syntax_error(lines)


def traceback_at(lines: Lines, head: int) -> Traceback | None:
    """Return the traceback whose first line has this number; None if its exception is not there."""
    margin = lines[head].indent
    for at in range(head + 1, len(lines)):
        line = lines[at]
        if not line.text or line.indent > margin:
            continue
        if not _EXCEPTION.match(line.text):
            return None
        # The innermost frames, and what the exception says below them.
        return Traceback(head=head, at=at, first=max(head, at - 5), last=at, places=tuple(_places(lines, head, at)))
    return None


def crash_places(lines: Lines, start: int) -> tuple[Told, ...]:
    """Return the places of the frames that `faulthandler` prints below a line, the innermost first."""
    found = (_FRAME.match(line.text) for line in lines[start + 1 : start + 100])
    return tuple((each["file"], each["line"], None) for each in found if each is not None)


def _places(lines: Lines, head: int, at: int) -> Iterator[Told]:
    for number in range(at - 1, max(head, at - _LONGEST), -1):
        found = _FRAME.match(lines[number].text)
        if found is None:
            continue
        if found["file"] == "<string>" and _runs_setup(lines, head, number):
            yield "setup.py", found["line"], None
        else:
            yield found["file"], found["line"], None


def _runs_setup(lines: Lines, head: int, number: int) -> bool:
    """Whether a frame without a file is one of setup.py, which setuptools executes as a text."""
    start = max(head, number - _DEEPEST, 0)
    return any(_SETUP.match(line.text) for line in lines[start:number])


def _syntax_error(lines: Lines) -> Traceback | None:
    at = next((at for at in range(len(lines) - 1, -1, -1) if lines[at].text.startswith("SyntaxError: ")), None)
    if at is None:
        return None
    first = next((n for n in range(at - 1, max(at - 5, -1), -1) if _FRAME.match(lines[n].text)), at)
    places = tuple(_places(lines, first - 1, at))
    return Traceback(head=first, at=at, first=first, last=at, places=places)
