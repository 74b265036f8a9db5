"""The likely cause of a failed command: the line of its last output that names the error."""

import re

_LIMIT = 300

_COMPILER = re.compile(
    r"\S+:\d+(:\d+)?: (fatal )?error: |\S+: fatal error: |.*: undefined reference to |.*\bld: cannot find -l"
)
"""Errors of GCC, Clang and the linker. The first one is the cause; later ones follow from it."""

# The last lines of uv, build and pip after a backend's failure, whatever its cause (measured, uv 0.13).
_FRONTEND = re.compile(
    r"(hint|cause|note): |TIP |\[end of output\]|exit code: \d+$|\[\d+ lines of output\]"
    r"|Building (wheel|source distribution)[^:]*\.\.\.$"
    r"|error: Failed to build |Failed to build |error: subprocess-exited-with-error"
    r"|ERROR:? (Backend subprocess exited|Failed building wheel|Failed to build)"
    r"|(The build backend returned an error|Call to `[^`]+` failed|Building wheel for .* did not run successfully)"
)
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[^\[\]])")
"""Escape sequences such as colours and titles (ECMA-48): noise; a line of nothing else has no content."""

_DECORATION = " \t\N{MULTIPLICATION SIGN}│├╰─▶>"


def failure_line(output: bytes) -> str:
    """Return the line with the most likely cause of a command's failure, at most 300 characters; "" without output.

    That is a compiler's first error; else the last line, where installers and test runners report the cause, apart from
    lines in which a build frontend merely reports a failure.
    """
    text = _ESCAPES.sub("", output.decode("utf-8", "replace"))
    lines = [line.strip(_DECORATION) for line in text.splitlines()]
    said = [line for line in lines if any(character.isalnum() for character in line)]
    complaint = next((line for line in said if _COMPILER.match(line)), None)
    own = [line for line in said if not _FRONTEND.match(line)]
    candidates = (complaint, *own[-1:], *said[-1:], "")
    return next(line for line in candidates if line is not None)[:_LIMIT]
