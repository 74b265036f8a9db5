"""Changes of a user's files that a command shows first, and then writes: whole or not at all."""

import difflib
import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import click
import msgspec

from matrix_runner.config.loading.build_files import PYPROJECT
from matrix_runner.config.loading.loading import load
from matrix_runner.config.loading.settings import Settings
from matrix_runner.errors import ConfigError, UsageError
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


def write_if_agreed(changes: Sequence[FileChange], *, yes: bool, command: str, then: str) -> None:
    """Write the changes, which have been shown, if the user agrees. Raise UsageError where nobody can be asked.

    `command`: that which makes them, as typed; `then`: what to do next, in words.
    """
    if not yes and not sys.stdin.isatty():
        raise UsageError(
            "nothing is written: there is no terminal to ask at", hint="--yes writes without asking, --check only shows"
        )
    if yes or click.confirm("Write it?", default=True, err=True):
        write_changes(changes, instead=f"{command} --check")
        click.echo(f"{', '.join(str(change.file) for change in changes)}: written; {then}", err=True)
    else:
        click.echo("nothing is written", err=True)


def load_changed(package: Path, text: str, *, hint: str) -> Settings:
    """Return the settings of a package with another text of its pyproject.toml. Raise ConfigError, with the hint."""
    with TemporaryDirectory() as directory:
        file = Path(directory, PYPROJECT)
        file.write_text(text, encoding="utf-8", newline="")
        try:
            return load(package, environ={}, flags={}, config_file=file)
        except ConfigError as error:
            mistakes = tuple(mistake.replace(f"{file}", "the new table") for mistake in error.mistakes)
            raise ConfigError(mistakes, hint=hint) from error


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
