"""Errors of compilers and linkers in a build's output: the first of the call that failed, with its place. Pure."""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from matrix_runner.cell.causes.output_lines import MOST_SHOWN, Lines

_ERROR = re.compile(
    # GCC and Clang: file, line, column.
    r"(?P<file>[^\s:][^:\n]{0,400}):(?P<line>\d{1,8})(:(?P<column>\d{1,8}))?: (fatal )?error: "
    # The driver, the assembler, the linker.
    r"|[^\s:]{1,400}: (fatal )?error: |error: invalid value |.{0,600}: undefined reference to "
    r"|[^\s:]{0,300}\bld(\.\w{1,10})?(\.exe)?: (?!warning|error: warning)"
)

_CALL = re.compile(
    r"([^\s:]{1,300}/)?([\w.]{1,40}-){0,6}"
    r"(gcc|g\+\+|cc|c\+\+|clang|clang\+\+|gfortran|nvcc|icc|icx|icpx)(-[\d.]{1,10})? [^:]"
)
"""A compiler's call, as setuptools and make print it before it runs."""

_RUST = re.compile(r"(error|error\[E\d{4}\]): (?!could not compile|aborting due to)")
_RUST_PLACE = re.compile(r"--> (?P<file>[^:\n]{1,400}):(?P<line>\d{1,8}):(?P<column>\d{1,8})$")

_CONTEXT = re.compile(
    r"In file included from |[^\n]{1,400}: in function .{1,200}:$|from [^:]{1,400}:\d+[:,]"
    r"|[^:\n]{1,400}: In |[^:\n]{1,400}: At "
)
"""Lines before an error that tell how the compiler came to it."""

_DETAIL = re.compile(
    r"\d* *\|($|[ |+~^-])|[^:\n]{1,400}:\d+:\d+: note: |\d+ \| |~*\^|collect2: |compilation terminated"
)
"""Lines after an error that belong to it: source, caret, notes."""

_CARET = re.compile(r"[~^ ]+$")

_BEFORE: Final = 3


class CompilerError(msgspec.Struct, frozen=True, kw_only=True):
    """An error. `at`, `first`, `last`: numbers of its line, and of the lines that show it. `file`: "" for none.

    `is_last`: whether no further call of a compiler was printed after it, so that the build ended with it.
    """

    at: int
    first: int
    last: int
    file: str
    line: str | None
    column: str | None
    is_last: bool


def compiler_error(lines: Lines) -> CompilerError | None:
    """Return the error of the call that failed; None without any.

    A build may call a compiler only to see whether it can: such errors come before further calls. Of the errors after
    the last call that had any, the first is the cause of the others.
    """
    errors = [at for at, line in enumerate(lines) if _ERROR.match(line.text) and not _is_expected(line.text)]
    if not errors:
        return None
    calls = [at for at, line in enumerate(lines) if _CALL.match(line.text)]
    start = max((at for at in calls if at < errors[-1]), default=-1)
    at = next(each for each in errors if each > start)
    found = _ERROR.match(lines[at].text)
    parts = found.groupdict() if found else {}
    return CompilerError(
        at=at,
        first=_first(lines, at),
        last=_last(lines, at),
        file=parts.get("file") or "",
        line=parts.get("line"),
        column=parts.get("column"),
        is_last=not any(call > errors[-1] for call in calls),
    )


def rust_error(lines: Lines) -> CompilerError | None:
    """Return rustc's or cargo's first error; None without any."""
    at = next((at for at, line in enumerate(lines) if _RUST.match(line.text) and _is_rusts(lines, at)), None)
    if at is None:
        return None
    last = at
    while last + 1 < len(lines) and last - at < MOST_SHOWN and lines[last + 1].text:
        last += 1
    place = next((found for each in lines[at : at + 4] if (found := _RUST_PLACE.match(_unmarked(each.text)))), None)
    parts = place.groupdict() if place else {"file": "", "line": None, "column": None}
    return CompilerError(at=at, first=at, last=last, is_last=True, **parts)


def _is_rusts(lines: Lines, at: int) -> bool:
    is_placed = any(_RUST_PLACE.match(_unmarked(each.text)) for each in lines[at + 1 : at + 3])
    return is_placed or lines[at].text.startswith("error: linking with ")


def _unmarked(text: str) -> str:
    # Without the arrow's dashes, which count as decoration where the arrow stands alone.
    return text if text.startswith("--> ") else text.replace("-> ", "--> ", 1) if text.startswith("-> ") else text


def _is_expected(text: str) -> bool:
    # The linker's warnings, and the place that it names before an error.
    is_context = text.endswith(":") and ": in function " in text
    return is_context or ": warning: " in text or ": error: command " in text or text.startswith("collect2: ")


def _first(lines: Lines, at: int) -> int:
    first = at
    for before in range(at - 1, max(at - 1 - _BEFORE, -1), -1):
        if not _CONTEXT.match(lines[before].text):
            break
        first = before
    return first


def _last(lines: Lines, at: int) -> int:
    return at + sum(1 for _ in _details(lines, at))


def _details(lines: Lines, at: int) -> Iterator[str]:
    for number in range(at + 1, min(at + MOST_SHOWN, len(lines))):
        # Clang writes the source as it is, and the caret below it.
        is_source = number == at + 1 < len(lines) - 1 and _CARET.match(lines[number + 1].text) is not None
        if not is_source and not _DETAIL.match(lines[number].text):
            return
        yield lines[number].text
