"""Robust reading of TOML files: every defect becomes a one-line error message."""

import re
import stat
from collections.abc import Mapping
from pathlib import Path

import msgspec

from matrix_runner.config.mistakes import quote
from matrix_runner.toml import TOMLDecodeError, TOMLValue, loads

LARGEST = 1024 * 1024
"""Bytes. The longest have a tenth of that; a larger one is a mistake, and would keep the parser at work for minutes."""

_POSITION = re.compile(
    r"(?P<reason>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)", re.DOTALL
)


class Unreadable(Exception):
    """A file is unreadable or invalid TOML; the message is a whole line.

    `problem`: the same as a clause, without the file's name. `is_no_file`: the name belongs to something other than a
    file, such as a directory.
    """

    def __init__(self, text: str, *, problem: str = "", is_no_file: bool = False) -> None:
        super().__init__(text)
        self.problem = problem
        self.is_no_file = is_no_file


class TomlText(msgspec.Struct, frozen=True, kw_only=True):
    """A TOML document: its text, and its values."""

    text: str
    content: Mapping[str, TOMLValue]


def read_toml(file: Path, label: str) -> TomlText | None:
    """Return the document in a file, or None if there is no such file; raise Unreadable. `label`: for messages."""
    data = read_file(file, label)
    return None if data is None else parse_toml(data, label)


def parse_toml(data: bytes, label: str) -> TomlText:
    """Parse a document; raise Unreadable, with line and column if known."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        offset = error.start + (3 if data.startswith(b"\xef\xbb\xbf") else 0)
        raise Unreadable(f"{label}: not UTF-8: byte 0x{data[offset]:02x} at offset {offset}") from None
    try:
        return TomlText(text=text, content=loads(text))
    except TOMLDecodeError as error:
        raise Unreadable(_located(str(error), text, label)) from None
    except ValueError as error:
        # Python itself rejects numbers of thousands of digits and dates such as 2024-02-31.
        raise Unreadable(f"{label}: not readable as TOML: {' '.join(str(error).split())}") from None


def read_file(file: Path, label: str) -> bytes | None:
    """Return the content of a small regular file, or None if there is none; raise Unreadable."""
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            # Opening a named pipe would block forever.
            what = "a directory" if file.is_dir() else "not a regular file"
            raise Unreadable(f"{label}: cannot be read: it is {what}", is_no_file=True)
        with file.open("rb") as stream:
            data = stream.read(LARGEST + 1)
    except FileNotFoundError:
        if file.is_symlink():
            problem = "cannot be read: it is a link to a file that does not exist"
            raise Unreadable(f"{label}: {problem}", is_no_file=True) from None
        return None
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise Unreadable(f"{label}: cannot be read: {reason.lower()}", problem=f"it cannot be read: {reason}") from None
    if len(data) > LARGEST:
        size = f"{LARGEST // 1024**2} MiB"
        raise Unreadable(f"{label}: larger than {size}, so not a configuration", problem=f"it is larger than {size}")
    return data


def _located(message: str, text: str, label: str) -> str:
    """Convert the parser's message to `file:line:column: reason: the line`."""
    match = _POSITION.fullmatch(message)
    if match is None:
        return f"{label}: not readable as TOML: {' '.join(message.split())}"
    lines = text.split("\n")
    line, column = (int(match["line"]), int(match["column"])) if match["line"] else (len(lines), len(lines[-1]) + 1)
    shown = lines[line - 1].strip() if line <= len(lines) else ""
    reason = " ".join(match["reason"].split())
    return f"{label}:{line}:{column}: {reason}" + (f": {quote(shown)}" if shown else "")
