"""Looking after the directory of finished cells: what there is, and what may go."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from matrix_runner.store.entry_files import discard
from matrix_runner.store.entry_record import EntryRecord
from matrix_runner.store.store import KEY, NOTES, Store, read_entry

_STALE = 3600.0
"""Seconds after which what lies in `tmp/` is what a killed run left there."""

_FORGOTTEN = 180 * 86400.0
"""Seconds after which a note that nobody renewed goes: it is small, and can be had again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedEntry:
    """An entry in a list. `used`: when it was last taken or made, seconds since 1970. `record`: None if damaged."""

    path: Path
    size: int
    used: float
    record: EntryRecord | None


def list_entries(store: Store) -> Iterator[ListedEntry]:
    """Give all entries, damaged ones too, in no order."""
    for path in store.root.glob("entries/[0-9a-f][0-9a-f]/*"):
        with contextlib.suppress(OSError):
            used = path.lstat().st_mtime
            record = read_entry(path) if KEY.fullmatch(path.name) else None
            yield ListedEntry(path=path, size=_size(path), used=used, record=record)


def prune(store: Store, *, limit: int | None = None, age: float | None = None) -> tuple[ListedEntry, ...]:
    """Remove entries made more than `age` seconds ago, then those used longest ago beyond `limit` bytes in all.

    Also what killed runs left. Two that do so at once, or beside a run, harm nobody: an entry goes as a whole, and who
    was about to take it builds it. Return what was removed.
    """
    now, removed = store.clock(), []
    _sweep(store.tmp, now - _STALE, store.tmp)
    for kind in NOTES:
        _sweep(store.root / kind, now - _FORGOTTEN, store.tmp)
    entries = sorted(list_entries(store), key=lambda each: each.used)
    total = sum(each.size for each in entries)
    for each in entries:
        is_old = age is not None and (each.record is None or now - each.record.created > age)
        if is_old or (limit is not None and total > limit):
            discard(each.path, store.tmp)
            total -= each.size
            removed.append(each)
    return tuple(removed)


def clear(store: Store) -> None:
    """Remove everything that is kept there, and nothing else that lies in the directory."""
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
    """Return the bytes of what is in an entry."""
    total = 0
    with contextlib.suppress(OSError):
        for entry in os.scandir(path):
            total += entry.stat(follow_symlinks=False).st_size
    return total
