"""Changes of a user's files that a command shows first, and then writes: whole or not at all."""

import difflib
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

import click
import msgspec

from matrix_runner.errors import UsageError
from matrix_runner.files import replacing

BYTE_ORDER_MARK: Final = "\ufeff"
"""With which some editors begin a file."""


class FileChange(msgspec.Struct, frozen=True, kw_only=True):
    """A file, its text before and after; `before`: None if there is no such file."""

    file: Path
    before: str | None
    after: str


def read_text(file: Path) -> str | None:
    """Return the text of a file, line ends as they are; None if there is none. Raise UsageError if it is no text."""
    try:
        with file.open(encoding="utf-8", newline="") as stream:
            return stream.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}", hint="make it a file that can be read") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{file}: is not UTF-8 at byte {error.start}", hint="save it as UTF-8") from error


def show_change(change: FileChange) -> None:
    """Print the difference. Only the formats' own line ends separate lines."""
    before = (change.before or "").removeprefix(BYTE_ORDER_MARK).removesuffix("\n")
    old = before.split("\n") if before else []
    new = change.after.removeprefix(BYTE_ORDER_MARK).removesuffix("\n").split("\n")
    source = str(change.file) if change.before is not None else os.devnull
    for line in difflib.unified_diff(old, new, fromfile=source, tofile=str(change.file), lineterm=""):
        click.secho(line.rstrip("\r"), fg={"+": "green", "-": "red"}.get(line[:1]))


def write_changes(changes: Iterable[FileChange], *, instead: str) -> None:
    """Replace each file by its new text; follow links, preserve mode and owner. Raise UsageError.

    `instead`: the command that shows what to write where that fails.
    """
    for change in changes:
        target = change.file.resolve()
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with replacing(target) as partial:
                # Unreadable for others until it has the old file's owner and mode.
                partial.touch(0o600, exist_ok=False)
                partial.write_text(change.after, encoding="utf-8", newline="")
                _as_before(target, partial)
        except OSError as error:
            raise UsageError(
                f"{change.file}: cannot be written: {error.strerror}", hint=f"`{instead}` shows what to write"
            ) from error


def _as_before(target: Path, partial: Path) -> None:
    try:
        before = target.stat()
    except FileNotFoundError:
        umask = os.umask(0)
        os.umask(umask)
        partial.chmod(0o666 & ~umask)
        return
    with suppress(PermissionError):
        os.chown(partial, before.st_uid, before.st_gid)
    partial.chmod(before.st_mode & 0o7777)
