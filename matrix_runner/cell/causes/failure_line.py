"""The line of a command's last output that most likely names its error, where no rule knows better. Pure."""

import re
from collections.abc import Sequence
from itertools import takewhile
from typing import Final

from matrix_runner.cell.causes.output_lines import Lines, OutputLine

LONGEST_CAUSE: Final = 300

_REFUSAL = re.compile(r"(\w{1,60}Error: )?Invalid binary wheel[:,] |Fatal Python error: ")
"""auditwheel's refusals of several lines (6.8), and an interpreter's crash, after which its stacks are printed."""

# The last lines of frontends, our own too, after a failure of the backend, whatever its cause (measured, uv 0.13, pip
# 26.3), and of programs that have run others: make, ninja, cargo, maturin, CMake, Meson, Python's `subprocess`.
_EPITAPH = re.compile(
    r"(hint|note): |cause: (The build backend returned an error|Call to `)"
    r"|TIP |\[end of output\]|exit code: \d+$|\[\d+ lines of output\]"
    r"|(\* )?Building (wheel|sdist|source distribution)[^:]*\.\.\.$"
    r"|\* (Getting|Installing|Creating) "
    r"|error: Failed to build |Failed to build |error: subprocess-exited-with-error"
    r"|error: (metadata-generation-failed|failed-wheel-build-for-install)"
    r"|Encountered error while generating package metadata|See above for output"
    r"|ERROR:? (ERROR: )?(Backend subprocess exited|Failed building wheel|Failed to build|(uv|pip) could not)"
    r"|(The build backend returned an error|Call to `[^`]+` failed|Building wheel for .* did not run successfully)"
    r"|(Getting requirements to build|Preparing|Building) \w+( \([\w.]+\))? did not run successfully"
    r"|(Building|Preparing) \w+ for [^ ]+ \([\w.]+\): finished with status 'error'"
    r"|g?make(\[\d+\])?: (\*\*\* .*Error \d+( \(ignored\))?$|Leaving directory|\*\*\* Waiting for unfinished jobs)"
    r"|ninja: build stopped|A full log can be found at |collect2: error: ld returned"
    r"|-- Configuring incomplete, errors occurred|\*\*\* CMake (configuration|build) failed"
    r"|error: command ['\"\[].*(failed|returned non-zero exit status|exit code)"
    r"|[Ee]rror: [Cc]ommand \[?['\"].*returned non-zero exit status"
    r"|(subprocess\.)?CalledProcessError: |subprocess-exited-with-error"
    r"|error: could not compile `|💥 maturin failed|Caused by: (Failed to build a native library|Cargo |`cargo )"
    r"|For more information about this error, try|compilation terminated\."
    r"|cc1\w*: some warnings being treated as errors"
)

_STRONG = re.compile(
    r"([A-Za-z_][\w.]{0,100})?(Error|Exception|KeyboardInterrupt|SystemExit|NotFound|Unavailable)(:|$)"
    r"|(fatal )?(error|fatal|failed|failure|abort(ed)?|panic|fail)\b ?[:!(]"
    r"|(E|err|CMake Error|\w{1,30}: (fatal )?error|\w{1,30}: fatal|configure: error): ?"
    r"|\*\*\* (?!\d)|\S{1,300}: error: |thread '[^']{1,100}' panicked",
    re.IGNORECASE,
)
"""A line that says of itself that it tells an error."""


def is_epitaph(line: OutputLine) -> bool:
    """Whether a line merely reports that another program failed."""
    return _EPITAPH.match(line.text) is not None


def error_line(lines: Lines) -> tuple[str, int]:
    """Return the line with the most likely cause, and its number; an empty one without any.

    That is the last line that calls itself an error; else the last line, where installers and test runners report the
    cause. Lines in which a program merely reports that another one failed are passed over. If the line is one of a
    list, its heading says more.
    """
    said = [at for at, line in enumerate(lines) if any(character.isalnum() for character in line.text)]
    if not said:
        return "", 0
    own = [at for at in said if not _EPITAPH.match(lines[at].text)]
    refusal = next((at for at in own if _REFUSAL.match(lines[at].text)), None)
    if refusal is not None:
        return _paragraph([lines[at] for at in own], own.index(refusal))[:LONGEST_CAUSE], refusal
    if not own:
        return lines[said[-1]].text[:LONGEST_CAUSE], said[-1]
    strong = strong_line(lines)
    if strong is not None:
        return _paragraph([lines[at] for at in own], own.index(strong))[:LONGEST_CAUSE], strong
    text, head = _last_paragraph([lines[at] for at in own])
    return text[:LONGEST_CAUSE], own[head]


def strong_line(lines: Lines) -> int | None:
    """Return the number of the last line that calls itself an error; None without any."""
    numbers = range(len(lines) - 1, -1, -1)
    return next((at for at in numbers if _STRONG.match(lines[at].text) and not is_epitaph(lines[at])), None)


def _paragraph(lines: Sequence[OutputLine], head: int) -> str:
    """Return a line; if it ends with a colon, with the lines below it that are indented more, its items."""
    first = lines[head]
    if not first.text.endswith(":"):
        return first.text
    items = takewhile(lambda line: line.indent > first.indent, lines[head + 1 : head + 20])
    return f"{first.text} {', '.join(line.text for line in items)}".rstrip()


def _last_paragraph(lines: Sequence[OutputLine]) -> tuple[str, int]:
    """Return the last line; if it is an item below a line that ends with a colon, that line with all of its items."""
    last = lines[-1]
    head = next((at for at in range(len(lines) - 1, -1, -1) if lines[at].indent < last.indent), None)
    if head is None or not lines[head].text.endswith(":") or lines[head].text.startswith("Traceback "):
        return last.text, len(lines) - 1
    return _paragraph(lines, head), head
