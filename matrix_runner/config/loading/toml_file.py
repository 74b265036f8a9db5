"""Reading a TOML file that anyone may have written: every way it can be wrong is one clear line."""

import re
import stat
from collections.abc import Callable
from pathlib import Path

from matrix_runner.config.mistakes import quote
from matrix_runner.toml import TOMLDecodeError, TOMLValue, loads

LARGEST = 8 * 1024 * 1024
"""Bytes. A configuration is never that long; what is larger was not meant, and would only use up memory."""

_POSITION = re.compile(
    r"(?P<reason>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)", re.DOTALL
)


class Unreadable(Exception):
    """A file that cannot be read as TOML; its text is a whole line."""


def read_toml(file: Path, label: str, on_text: Callable[[str], object] = lambda _: None) -> dict[str, TOMLValue] | None:
    """Return what a TOML file says, or None if there is none; raise Unreadable. `label` is its name in messages.

    `on_text` gets the text of a file that is well-formed.
    """
    data = _read_bytes(file, label)
    if data is None:
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        offset = error.start + (3 if data.startswith(b"\xef\xbb\xbf") else 0)
        raise Unreadable(f"{label}: not UTF-8: byte 0x{data[offset]:02x} at offset {offset}") from None
    try:
        content = loads(text)
    except TOMLDecodeError as error:
        raise Unreadable(_located(str(error), text, label)) from None
    except RecursionError:
        raise Unreadable(f"{label}: not readable as TOML: nested too deeply") from None
    except ValueError as error:
        # Python itself refuses numbers of thousands of digits and dates such as 2024-02-31.
        raise Unreadable(f"{label}: not readable as TOML: {' '.join(str(error).split())}") from None
    on_text(text)
    return content


def _read_bytes(file: Path, label: str) -> bytes | None:
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            # Opening a named pipe would wait for ever.
            what = "a directory" if file.is_dir() else "not a regular file"
            raise Unreadable(f"{label}: cannot be read: it is {what}")
        with file.open("rb") as stream:
            data = stream.read(LARGEST + 1)
    except FileNotFoundError:
        if file.is_symlink():
            raise Unreadable(f"{label}: cannot be read: it is a link to a file that does not exist") from None
        return None
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise Unreadable(f"{label}: cannot be read: {reason.lower()}") from None
    if len(data) > LARGEST:
        raise Unreadable(f"{label}: larger than {LARGEST // 1024**2} MiB, so not a configuration")
    return data


def _located(message: str, text: str, label: str) -> str:
    """Turn the parser's message into `file:line:column: reason: the line`."""
    match = _POSITION.fullmatch(message)
    if match is None:
        return f"{label}: not readable as TOML: {' '.join(message.split())}"
    lines = text.split("\n")
    line, column = (int(match["line"]), int(match["column"])) if match["line"] else (len(lines), len(lines[-1]) + 1)
    shown = lines[line - 1].strip() if line <= len(lines) else ""
    reason = " ".join(match["reason"].split())
    return f"{label}:{line}:{column}: {reason}" + (f": {quote(shown)}" if shown else "")
