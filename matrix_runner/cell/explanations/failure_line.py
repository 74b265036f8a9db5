"""The likely cause of a failed command: the line of its last output that names the error."""

import re
from collections.abc import Sequence
from itertools import takewhile

import msgspec

_LIMIT = 300

_REFUSAL = re.compile(r"(\w+Error: )?Invalid binary wheel[:,] |Fatal Python error: ")
"""auditwheel's refusals of several lines (6.8), and an interpreter's crash, after which its stacks are printed."""

_LOGGER = re.compile(r"(DEBUG|INFO|WARNING|ERROR|CRITICAL):[\w.]+:")
"""The beginning of a line that Python's `logging` writes by its default format, as auditwheel does."""

_COMPILER = re.compile(
    r"\S+:\d+(:\d+)?: (fatal )?error: |\S+: fatal error: |.*: undefined reference to |.*\bld: cannot find -l"
)
"""Errors of GCC, Clang and the linker. The first one is the cause; later ones follow from it."""

# The last lines of frontends, our own too, after a failure of the backend, whatever its cause (measured, uv 0.13).
_FRONTEND = re.compile(
    r"(hint|cause|note): |TIP |\[end of output\]|exit code: \d+$|\[\d+ lines of output\]"
    r"|(\* )?Building (wheel|sdist|source distribution)[^:]*\.\.\.$"
    r"|\* (Getting|Installing|Creating) "
    r"|error: Failed to build |Failed to build |error: subprocess-exited-with-error"
    r"|ERROR:? (Backend subprocess exited|Failed building wheel|Failed to build|(uv|pip) could not)"
    r"|(The build backend returned an error|Call to `[^`]+` failed|Building wheel for .* did not run successfully)"
)
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[^\[\]])")
"""Escape sequences such as colours and titles (ECMA-48): noise; a line of nothing else has no content."""

_DECORATION = " \t\N{MULTIPLICATION SIGN}│├╰─▶>"


def failure_line(output: bytes) -> str:
    """Return the line with the most likely cause of a command's failure, at most 300 characters; "" without output.

    That is a compiler's first error; else the last line, where installers and test runners report the cause, apart from
    lines in which a build frontend merely reports a failure. If the last lines are a list, its heading says more.
    """
    text = _ESCAPES.sub("", output.decode("utf-8", "replace"))
    lines = [_Line.of(line) for line in text.splitlines()]
    said = [line for line in lines if any(character.isalnum() for character in line.text)]
    complaint = next((line.text for line in said if _COMPILER.match(line.text)), None)
    own = [line for line in said if not _FRONTEND.match(line.text)]
    refusal = next((_paragraph(own, at) for at, line in enumerate(own) if _REFUSAL.match(line.text)), None)
    last = _last_paragraph(own) if own else None
    candidates = (complaint, refusal, last, *(line.text for line in said[-1:]), "")
    return next(line for line in candidates if line is not None)[:_LIMIT]


class _Line(msgspec.Struct, frozen=True):
    """A line without decoration, and the columns before its text."""

    text: str
    indent: int

    @classmethod
    def of(cls, line: str) -> "_Line":
        spread = line.expandtabs()
        return cls(_LOGGER.sub("", line.strip(_DECORATION), count=1), len(spread) - len(spread.lstrip(" ")))


def _paragraph(lines: Sequence[_Line], head: int) -> str:
    """Return a line; if it ends with a colon, with the lines below it that are indented more, its items."""
    first = lines[head]
    if not first.text.endswith(":"):
        return first.text
    items = takewhile(lambda line: line.indent > first.indent, lines[head + 1 :])
    return f"{first.text} {', '.join(line.text for line in items)}".rstrip()


def _last_paragraph(lines: Sequence[_Line]) -> str:
    """Return the last line; if it is an item below a line that ends with a colon, that line with all of its items."""
    last = lines[-1]
    head = next((at for at in range(len(lines) - 1, -1, -1) if lines[at].indent < last.indent), None)
    if head is None or not lines[head].text.endswith(":") or lines[head].text.startswith("Traceback "):
        return last.text
    return _paragraph(lines, head)
