"""Terminal capabilities (colour, live table, Unicode) from the environment, and robust writing of lines."""

from collections.abc import Mapping
from shutil import get_terminal_size
from typing import TextIO

from matrix_runner.config.kinds.values import LogFolds
from matrix_runner.report.ci.detection import ci_system, log_syntax


def wants_colour(environ: Mapping[str, str], *, is_terminal: bool) -> bool:
    """Whether to print colours: NO_COLOR (no-color.org) outranks FORCE_COLOR, then TERM=dumb, then the stream.

    Most CI systems show colours too, though their streams are not terminals.
    """
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR", "0") not in {"", "0"}:
        return True
    if environ.get("TERM") == "dumb":
        return False
    return is_terminal or log_syntax(ci_system(environ)).shows_colour


def columns_of(stream: TextIO) -> int | None:
    """Return the columns of a terminal; None for anything else.

    A file or a pipe takes lines of any length, and names that were cut for COLUMNS would be lost in them.
    """
    return get_terminal_size().columns if stream.isatty() else None


def is_ci(environ: Mapping[str, str]) -> bool:
    """Whether this is a CI system, by the variables that they set."""
    return environ.get("CI", "").lower() not in {"", "0", "false"} or ci_system(environ) is not LogFolds.NONE


def wants_live(environ: Mapping[str, str], *, is_terminal: bool) -> bool:
    """Whether a redrawn table makes sense: on a capable terminal, outside CI."""
    return is_terminal and not is_ci(environ) and environ.get("TERM", "dumb") not in {"dumb", "unknown"}


def speaks_unicode(encoding: str) -> bool:
    """Whether an encoding has the glyphs of the live table."""
    try:
        "✔✘●━…".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


class LineWriter:
    """Writes lines to a stream with a limited encoding that may fail (`runner build | head`, a full disk).

    After a failure it stops writing, not the run: wheels are still to be delivered.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._encoding = stream.encoding or "utf-8"
        self._is_gone = False

    def write(self, *lines: str) -> None:
        """Write the lines, each with a line end, and flush."""
        if self._is_gone or not lines:
            return
        text = "".join(f"{line}\n" for line in lines)
        try:
            self._stream.write(text.encode(self._encoding, "replace").decode(self._encoding))
            self._stream.flush()
        except OSError:
            self._is_gone = True
