"""Listing, pruning (by age and size) and clearing of the cache's entries and carried archives."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from matrix_runner.store.carried_files import CarriedFile, list_carried
from matrix_runner.store.entry_files import discard
from matrix_runner.store.entry_record import EntryRecord
from matrix_runner.store.store import KEY, NOTES, Store, read_entry

_STALE = 3600.0
"""Seconds after which a file in `tmp/` is taken for the leftover of a killed run."""

_FORGOTTEN = 180 * 86400.0
"""Seconds after which a note that is not renewed is removed: it is small, and can be recreated."""


class ListedEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry in a list. `used`: its last use or creation, seconds since 1970. `record`: None if damaged."""

    path: Path
    size: int
    used: float
    record: EntryRecord | None

    @property
    def created(self) -> float | None:
        """The time at which it was made, seconds since 1970; None if it is damaged."""
        return None if self.record is None else self.record.created

    def discard(self, store: Store) -> None:
        """Remove the entry as a whole."""
        discard(self.path, store.tmp)


def list_entries(store: Store) -> Iterator[ListedEntry]:
    """Yield all entries, including damaged ones, in no order."""
    for path in store.root.glob("entries/[0-9a-f][0-9a-f]/*"):
        with contextlib.suppress(OSError):
            used = path.lstat().st_mtime
            record = read_entry(path) if KEY.fullmatch(path.name) else None
            yield ListedEntry(path=path, size=_size(path), used=used, record=record)


def prune(store: Store, *, limit: int | None = None, age: float | None = None) -> tuple[ListedEntry | CarriedFile, ...]:
    """Remove items made more than `age` seconds ago, then the least recently used ones beyond `limit` bytes in all.

    Leftovers of killed runs are removed too. Safe beside another prune or a run: an item is removed as a whole, and
    whoever was about to use it does without. Return the removed items.
    """
    now, removed = store.clock(), list[ListedEntry | CarriedFile]()
    _sweep(store.tmp, now - _STALE, store.tmp)
    for kind in NOTES:
        _sweep(store.root / kind, now - _FORGOTTEN, store.tmp)
    items: list[ListedEntry | CarriedFile] = [*list_entries(store), *list_carried(store)]
    items.sort(key=lambda each: each.used)
    total = sum(each.size for each in items)
    for each in items:
        is_old = age is not None and (each.created is None or now - each.created > age)
        if is_old or (limit is not None and total > limit):
            each.discard(store)
            total -= each.size
            removed.append(each)
    return tuple(removed)


def clear(store: Store) -> None:
    """Remove all entries and notes, and no other file in the directory."""
    for name in ("entries", *NOTES):
        if os.path.lexists(store.root / name):
            discard(store.root / name, store.tmp)
    discard(store.tmp, store.root)


def _sweep(directory: Path, before: float, room: Path) -> None:
    with contextlib.suppress(OSError):
        for path in tuple(directory.iterdir()):
            if path.lstat().st_mtime < before:
                discard(path, room)


def _size(path: Path) -> int:
    """Return the size of an entry's files in bytes."""
    total = 0
    with contextlib.suppress(OSError):
        for entry in os.scandir(path):
            total += entry.stat(follow_symlinks=False).st_size
    return total
