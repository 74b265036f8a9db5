"""What the output stream can show, decided from the environment once; and writing to it without surprises."""

from collections.abc import Mapping
from typing import TextIO

from matrix_runner.report.console.folds import FoldStyle, fold_style


def wants_colour(environ: Mapping[str, str], *, is_terminal: bool) -> bool:
    """Say whether to print colours: NO_COLOR (no-color.org) outranks FORCE_COLOR, then TERM=dumb, then the stream.

    The CI systems that fold show colours too, though what they give a command is no terminal.
    """
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR", "0") not in {"", "0"}:
        return True
    if environ.get("TERM") == "dumb":
        return False
    return is_terminal or fold_style(environ) is not FoldStyle.NONE


def wants_live(environ: Mapping[str, str], *, is_terminal: bool) -> bool:
    """Say whether a table that redraws itself makes sense: on a terminal that can, outside CI."""
    is_ci = environ.get("CI", "").lower() not in {"", "0", "false"} or fold_style(environ) is not FoldStyle.NONE
    return is_terminal and not is_ci and environ.get("TERM", "dumb") not in {"dumb", "unknown"}


def speaks_unicode(encoding: str) -> bool:
    """Say whether a stream of this encoding can carry the glyphs of the live table."""
    try:
        "✔✘●━…".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


class LineWriter:
    """Writes lines to a stream that may not know every character, and may fail (`runner build | head`, a full disk).

    What cannot be written any more stops the writing, not the run: wheels are still to be delivered.
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
