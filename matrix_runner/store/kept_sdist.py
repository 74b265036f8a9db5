"""The last sdist of a project in the cache directory: `sdists/<project>.tar.gz`, with a note of its key and digest.

One for a project and a cell that made it: it is the same until a file changes, and then the old one is of no more use.
"""

import contextlib
import os
from pathlib import Path

import msgspec

from matrix_runner.errors import OutputError, WheelRejected
from matrix_runner.files import replacing, write_flushed
from matrix_runner.json_values import Time, decode
from matrix_runner.model.cells import Cell
from matrix_runner.store.entry_files import copy_checked, regular_chunks
from matrix_runner.store.store import SDISTS, Store
from matrix_runner.wheelhouse import DEFAULT_LIMIT
from matrix_runner.wheelhouse.sdist_name import parse_sdist_name


class SdistNote(msgspec.Struct, frozen=True, kw_only=True):
    """A kept sdist. `key`: of all that it was made from. `contents`: digest of its files. `created`: since 1970."""

    key: str
    name: str
    size: int
    sha256: str
    contents: str
    made_in: str
    created: Time


def keep_sdist(store: Store, project: str, note: SdistNote, sdist: Path) -> None:
    """Keep a project's sdist in place of an earlier one. `project`: a digest. Raise OutputError."""
    target = _file(store, project)
    store.prepare()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target, store.new_temporary("sdist"), is_flushed=True) as partial:
            written = write_flushed(partial, regular_chunks(sdist, DEFAULT_LIMIT))
    except OSError as error:
        raise OutputError(
            f"the sdist cannot be kept in {target.parent}: {error.strerror or error}",
            hint="choose another with --cache-dir",
        ) from error
    if written == note.sha256:
        store.write_note(SDISTS, project, msgspec.json.encode(note))


def kept_note(store: Store, project: str, key: str) -> SdistNote | None:
    """Return the note of a project's sdist, if it was made from the inputs of the key."""
    content = store.note(SDISTS, project)
    try:
        note = None if content is None else decode(content, SdistNote)
        if note is None or note.key != key:
            return None
        parse_sdist_name(note.name)
        Cell.parse(note.made_in)
    except (ValueError, WheelRejected):  # NotJson is a ValueError too
        return None
    return note


def take_sdist(store: Store, project: str, note: SdistNote, directory: Path) -> Path | None:
    """Copy the kept sdist of a note to a directory, and return its path; None if it is missing or damaged."""
    source, target = _file(store, project), directory / note.name
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if not copy_checked(source, target, size=note.size, sha256=note.sha256):
            return None
    except OSError:
        return None
    with contextlib.suppress(OSError):
        # By their times the two are removed when nobody has used them for long.
        os.utime(source)
        os.utime(store.note_path(SDISTS, project))
    return target


def _file(store: Store, project: str) -> Path:
    return store.note_path(SDISTS, project).with_suffix(".tar.gz")
