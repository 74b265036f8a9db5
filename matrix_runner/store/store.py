"""The cache directory: `entries/<two digits>/<key>/` with a cell's wheel, log and inputs; reads, writes, notes.

An entry is written under another name, flushed and renamed, so it is atomic; every file is checked against its digest
on reading. So a CI cache action, a shared disk or rsync may carry the directory, several runs may use it at once, and
damaged entries are removed and count as missing.
"""

import contextlib
import errno
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from matrix_runner.errors import OutputError
from matrix_runner.files import flush_directory, write_flushed, write_whole
from matrix_runner.model.outcomes import Outcome
from matrix_runner.store import cell_inputs
from matrix_runner.store.cell_inputs import CellInputs
from matrix_runner.store.entry_files import discard, read_small, regular_chunks
from matrix_runner.store.entry_parts import (
    INPUTS,
    LARGE,
    LOG,
    RECORD,
    RESULTS,
    STATEMENT,
    WHEEL,
    take_files,
    write_part,
    write_results,
)
from matrix_runner.store.entry_record import CachedWheel, EntryRecord, read_record
from matrix_runner.store.sealed import seal, unseal
from matrix_runner.wheelhouse import DEFAULT_LIMIT

_TAG = "Signature: 8a477f597d28d172789f06886806bc55\n# Finished cells of matrix-runner; `runner cache` tells more.\n"
"""The tag by which backup programs recognise a cache (bford.info/cachedir)."""

KEY = re.compile(r"[0-9a-f]{64}", re.ASCII)
SDISTS = "sdists"
CARRIED = "carried"
NOTES = ("facts", "latest", SDISTS, CARRIED)
"""The kinds of notes: small JSON documents beside the entries."""

_NOTE = re.compile(r"[0-9A-Za-z_.-]{1,100}", re.ASCII)
_SMALL = 1024**2
"""Bytes of a record or a note: the longest have some ten thousand."""
_FULL = {errno.ENOSPC, errno.EDQUOT}


class CacheEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An intact entry. `wheel`, `log`, `results`, `provenance`: copies for the caller."""

    record: EntryRecord
    wheel: Path | None
    log: Path
    results: Path | None = None
    provenance: Path | None = None


class FinishedCell(msgspec.Struct, frozen=True, kw_only=True):
    """A passed cell to cache. `wheel`: its own; None if it tested the wheel of `builder`, a key.

    `tested`: the digest of that wheel. `project`: its directory, for display. `log`: a file, or None. `results`: the
    file of the outcome's `test_results`, if it has any; `provenance`: that of the own wheel's statement.
    """

    outcome: Outcome
    project: str
    wheel: Path | None
    log: Path | None
    builder: str | None = None
    tested: str | None = None
    results: Path | None = None
    provenance: Path | None = None


class Store:
    """The cache directory. Thread-safe; holds no open files."""

    def __init__(self, root: Path, *, clock: Callable[[], float] = time.time) -> None:
        """Touch nothing yet. `clock`: seconds since 1970."""
        self.root = root
        self.clock = clock
        self.tmp = root / "tmp"

    def prepare(self) -> None:
        """Create the directory. Raise OutputError."""
        with self._told("made"):
            self.tmp.mkdir(parents=True, exist_ok=True)
            tag = self.root / "CACHEDIR.TAG"
            if not tag.exists():
                write_whole(tag, _TAG.encode(), temporary=self.new_temporary("note"))

    def path(self, key: str) -> Path:
        """Return the path of a key's entry, whether it exists or not. Raise ValueError for a malformed key."""
        if KEY.fullmatch(key) is None:
            raise ValueError(f"not a key: {key!r}")
        return self.root / "entries" / key[:2] / key

    def get(self, key: str, staging: Path) -> CacheEntry | None:
        """Return the entry of a key, its files copied to `staging`; None if it is missing or damaged.

        Raise OutputError if `staging` cannot be written to.
        """
        path = self.path(key)
        record = self.peek(key)
        if record is None:
            return None
        try:
            staging.mkdir(parents=True, exist_ok=True)
            if not take_files(path, record, staging):
                discard(path, self.tmp)
                return None
        except OSError as error:
            if error.errno in _FULL:
                raise OutputError(f"{staging} cannot be written to: {error.strerror}") from error
            if not isinstance(error, PermissionError):
                discard(path, self.tmp)
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        return CacheEntry(
            record=record,
            wheel=None if record.wheel is None else staging / record.wheel.name,
            log=staging / LOG,
            results=None if record.results is None else staging / RESULTS,
            provenance=None if record.provenance is None else staging / STATEMENT,
        )

    def peek(self, key: str) -> EntryRecord | None:
        """Return the record of a key's entry, without checking its files. A damaged entry is removed."""
        path = self.path(key)
        try:
            path.lstat()
        except OSError:
            return None
        record = read_entry(path)
        if record is None and os.access(path.parent, os.W_OK):
            discard(path, self.tmp)
        return record

    def inputs(self, key: str) -> CellInputs | None:
        """Return the inputs of a key's entry, or None."""
        with contextlib.suppress(OSError):
            return cell_inputs.read(read_small(self.path(key) / INPUTS, LARGE))
        return None

    def put(self, inputs: CellInputs, finished: FinishedCell) -> str:
        """Write an entry for a finished cell, replacing one with equal inputs; return its key. Raise OutputError."""
        content = cell_inputs.write(inputs)
        key = cell_inputs.key(inputs)
        self.prepare()
        partial = self.new_temporary("entry")
        try:
            with self._told("written to"):
                partial.mkdir()
                record = self._write(partial, key, content, finished)
                write_flushed(partial / RECORD, (seal(msgspec.json.encode(record)),))
                flush_directory(partial)
                self._put_in_place(partial, self.path(key))
        finally:
            if partial.exists():
                discard(partial, self.tmp)
        return key

    def adopt(self, key: str, directory: Path) -> bool:
        """Move an entry from a directory in `temporary_directory()` into the store; return whether it was valid."""
        if read_entry(directory, key) is None:
            return False
        with self._told("written to"):
            self._put_in_place(directory, self.path(key))
        return True

    @contextlib.contextmanager
    def temporary_directory(self) -> Iterator[Path]:
        """Create a directory beside the entries, removed at the end. Raise OutputError."""
        self.prepare()
        path = self.new_temporary("room")
        with self._told("written to"):
            path.mkdir()
        try:
            yield path
        finally:
            if path.exists():
                discard(path, self.tmp)

    def note(self, kind: str, name: str) -> bytes | None:
        """Return the content of a note, a small JSON document; None if it is missing or damaged."""
        try:
            return unseal(read_small(self.note_path(kind, name), _SMALL))
        except OSError:
            return None

    def write_note(self, kind: str, name: str, content: bytes) -> None:
        """Write a note, a small JSON document. Raise OutputError."""
        self.prepare()
        with self._told("written to"):
            write_whole(self.note_path(kind, name), seal(content), temporary=self.new_temporary("note"))

    def _write(self, partial: Path, key: str, content: bytes, finished: FinishedCell) -> EntryRecord:
        outcome, wheel = finished.outcome, None
        if finished.wheel is not None and outcome.wheel is not None:
            written = write_flushed(partial / WHEEL, regular_chunks(finished.wheel, DEFAULT_LIMIT))
            wheel = outcome.wheel
            if written != wheel.sha256:
                raise OutputError(f"{wheel.name} changed after it was published, and is not kept")
        log = () if finished.log is None else regular_chunks(finished.log, LARGE)
        stated = None if finished.provenance is None else regular_chunks(finished.provenance, _SMALL)
        return EntryRecord(
            key=key,
            cell=outcome.cell.local,
            project=cell_inputs.plain_name(finished.project),
            created=self.clock(),
            seconds=outcome.seconds,
            log=write_part(partial / LOG, log),
            inputs=write_part(partial / INPUTS, (content,)),
            wheel=None
            if wheel is None
            else CachedWheel(
                name=wheel.name,
                size=wheel.size,
                sha256=wheel.sha256,
                grafted=wheel.grafted,
                largest=tuple((each.path, each.size) for each in wheel.largest),
                needs=() if wheel.needs is None else (wheel.needs.libc, *wheel.needs.symbols),
            ),
            reused_from=None if outcome.reused_from is None else outcome.reused_from.local,
            builder=finished.builder,
            tested=finished.tested,
            image=outcome.image,
            image_id=outcome.image_id,
            python_version=outcome.python_version,
            results=write_results(partial, outcome, finished.results),
            provenance=None if stated is None else write_part(partial / STATEMENT, stated),
            rungs=outcome.rungs,
        )

    def _put_in_place(self, partial: Path, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        # A rename cannot replace a directory that is not empty: the old entry is removed first, as a whole.
        for _ in range(3):
            try:
                partial.rename(target)
            except OSError:  # noqa: PERF203  a few attempts
                discard(target, self.tmp)
            else:
                flush_directory(target.parent)
                return
        partial.rename(target)

    def new_temporary(self, kind: str) -> Path:
        """Return a new name beside the entries; `prune` removes what a killed run left under one."""
        return self.tmp / f"{kind}-{secrets.token_hex(8)}"

    def note_path(self, kind: str, name: str) -> Path:
        """Return the path of a note, whether it exists or not. Raise ValueError for a malformed name or kind."""
        if _NOTE.fullmatch(name) is None or kind not in NOTES:
            raise ValueError(f"not the name of a note: {kind}/{name}")
        return self.root / kind / f"{name}.json"

    @contextlib.contextmanager
    def _told(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            text = f"the cache directory {self.root} cannot be {what}: {error.strerror or error}"
            raise OutputError(text, hint="choose another with --cache-dir") from error


def read_entry(path: Path, key: str | None = None) -> EntryRecord | None:
    """Return the record of an entry's directory, which is named after its key; None if it is damaged."""
    try:
        content = unseal(read_small(path / RECORD, _SMALL))
    except OSError:
        return None
    return None if content is None else read_record(content, key or path.name)
