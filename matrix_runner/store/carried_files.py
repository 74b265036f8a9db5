"""Archives that a fresh machine gets back, in the cache directory: `carried/<name>.tar.zst`, each with a sealed note.

A name is a digest of all that the content depends on. As with finished cells, any number of runs may write and read at
once: a file appears whole, is held against its digest before it is used, and counts as missing if it is damaged.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from matrix_runner.errors import OutputError
from matrix_runner.files import CHUNK, replacing, write_flushed
from matrix_runner.json_values import NotJson, Time, decode
from matrix_runner.store.entry_files import copy_checked, discard
from matrix_runner.store.remote_store import Remote
from matrix_runner.store.store import CARRIED, Store

LARGEST: Final = 1 << 40
"""Bytes of the largest archive that is read at all."""
_LEVEL: Final = 3
"""zstd's own default: of 290 MB of libraries it left a third, in 0.9 s of a processor."""
_WINDOW: Final = 24
"""The binary logarithm of the bytes within which repetitions are found, 16 MiB: caches have programs twice, as a tool
that is copied out of its wheel (5.5 MB became 3.0). Unpacking takes as much memory."""


class CarriedNote(msgspec.Struct, frozen=True, kw_only=True):
    """The record of an archive. `purpose`, `project`: for display. `content`: digest of the files in it.

    `size`, `sha256`: of the compressed file. `unpacked`: bytes of the archive. `created`: seconds since 1970.
    """

    purpose: str
    project: str
    content: str
    size: int
    sha256: str
    unpacked: int
    created: Time


class CarriedFile(msgspec.Struct, frozen=True, kw_only=True):
    """An archive in a list. `used`: its last use or creation, seconds since 1970. `note`: None if it is damaged."""

    path: Path
    size: int
    used: float
    note: CarriedNote | None

    @property
    def created(self) -> float | None:
        """The time at which it was made, seconds since 1970; None if it is damaged."""
        return None if self.note is None else self.note.created

    def discard(self, store: Store) -> None:
        """Remove the archive and its note."""
        discard(_note_of(self.path), store.tmp)
        discard(self.path, store.tmp)


class CarriedFiles:
    """The archives of a cache directory, and of the place that machines share. Thread-safe."""

    def __init__(self, store: Store, project: str, remote: Remote | None = None) -> None:
        """Touch nothing yet. `project`: for display."""
        self._store = store
        self._project = project
        self._remote = remote

    def note(self, name: str) -> CarriedNote | None:
        """Return the note of an archive; None if it is missing, here and there."""
        found = _read_note(self._store, name)
        if found is None and self._remote is not None and self._pull(self._remote, name):
            found = _read_note(self._store, name)
        return found

    def take(self, name: str, directory: Path) -> Path | None:
        """Copy an archive to a directory; return its path, None if it is missing or damaged. Raise OutputError.

        The copy is compressed still: see `unpacked`.
        """
        note, source = self.note(name), _file(self._store, name)
        if note is None:
            return None
        target = directory / source.name
        try:
            directory.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(
                f"{directory} cannot be written to: {error.strerror or error}", hint="choose another with --cache-dir"
            ) from error
        with contextlib.suppress(OSError):
            if copy_checked(source, target, size=note.size, sha256=note.sha256):
                # By their times they are removed when nobody has used them for long.
                with contextlib.suppress(OSError):
                    os.utime(source)
                    os.utime(_note_of(source))
                return target
            discard(source, self._store.tmp)
            discard(_note_of(source), self._store.tmp)
        return None

    def keep(self, name: str, purpose: str, content: str, archive: Iterable[bytes]) -> CarriedNote:
        """Compress an archive and keep it in place of an earlier one of its name. Raise OutputError.

        What `archive` raises passes through, and nothing is kept.
        """
        self._store.prepare()
        target, count = _file(self._store, name), _Count()
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with replacing(target, self._store.new_temporary("carried"), is_flushed=True) as partial:
                sha256 = write_flushed(partial, _compressed(count.of(archive)))
                size = partial.stat().st_size
        except OSError as error:
            raise OutputError(
                f"{target.parent} cannot be written to: {error.strerror or error}",
                hint="choose another with --cache-dir",
            ) from error
        note = CarriedNote(
            purpose=purpose,
            project=self._project,
            content=content,
            size=size,
            sha256=sha256,
            unpacked=count.bytes,
            created=self._store.clock(),
        )
        self._store.write_note(CARRIED, name, msgspec.json.encode(note))
        if self._remote is not None:
            for path in (target, _note_of(target)):
                self._remote.send(path, f"{CARRIED}/{path.name}")
        return note

    def _pull(self, remote: Remote, name: str) -> bool:
        """Copy an archive and its note from the place that machines share."""
        target = _file(self._store, name)
        with self._store.temporary_directory() as room:
            for path in (target, _note_of(target)):
                if not remote.fetch(f"{CARRIED}/{path.name}", room / path.name):
                    return False
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                for path in (target, _note_of(target)):
                    (room / path.name).replace(path)
            except OSError:
                return False
        return True


def unpacked(path: Path) -> Iterator[bytes]:
    """Yield the archive in a file that `take` has returned, decompressed. Raise OSError, also for damage."""
    # A run in which nothing is new does not need this import, nor the one below.
    import zstandard

    with path.open("rb") as file:
        try:
            yield from zstandard.ZstdDecompressor().read_to_iter(file, write_size=CHUNK)
        except zstandard.ZstdError as error:
            raise OSError(f"{path.name}: {error}") from error


def list_carried(store: Store) -> Iterator[CarriedFile]:
    """Yield all archives, in no order."""
    for path in store.root.glob(f"{CARRIED}/*.tar.zst"):
        with contextlib.suppress(OSError, ValueError):
            status = path.lstat()
            note = _read_note(store, path.name.removesuffix(".tar.zst"))
            yield CarriedFile(path=path, size=status.st_size, used=status.st_mtime, note=note)


class _Count:
    """Counts the bytes that pass."""

    def __init__(self) -> None:
        self.bytes = 0

    def of(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self.bytes += len(chunk)
            yield chunk


def _compressed(chunks: Iterable[bytes]) -> Iterator[bytes]:
    import zstandard

    wishes = zstandard.ZstdCompressionParameters.from_level(_LEVEL, window_log=_WINDOW, enable_ldm=True)
    compressor = zstandard.ZstdCompressor(compression_params=wishes).compressobj()
    for chunk in chunks:
        if made := compressor.compress(chunk):
            yield made
    yield compressor.flush()


def _read_note(store: Store, name: str) -> CarriedNote | None:
    content = store.note(CARRIED, name)
    try:
        note = None if content is None else decode(content, CarriedNote)
    except NotJson:
        return None
    return note if note is not None and 0 <= note.size <= LARGEST else None


def _file(store: Store, name: str) -> Path:
    return store.note_path(CARRIED, name).with_suffix(".tar.zst")


def _note_of(file: Path) -> Path:
    return file.with_name(file.name.removesuffix(".tar.zst") + ".json")
