"""The record file of a cache entry (`entry.json`): its fields, and their validation on reading."""

import msgspec

from matrix_runner.errors import WheelRejected
from matrix_runner.json_values import Seconds, Time, decode
from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import PackedFile, ResultCounts, WheelNeeds, WheelRecord
from matrix_runner.model.rung_outcomes import RungOutcome
from matrix_runner.wheelhouse import is_compatible


class EntryFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of an entry; `size` in bytes."""

    size: int
    sha256: str


class CachedWheel(msgspec.Struct, frozen=True, kw_only=True):
    """A cell's wheel: its published name, size, digest, grafted libraries, largest files, needs (libc first)."""

    name: str
    size: int
    sha256: str
    grafted: tuple[str, ...] = ()
    largest: tuple[tuple[str, int], ...] = ()
    needs: tuple[str, ...] = ()


class CachedResults(msgspec.Struct, frozen=True, kw_only=True):
    """The file of the results of a cell's own tests, and their numbers; `size` in bytes."""

    size: int
    sha256: str
    counts: ResultCounts


class EntryRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The metadata of an entry. `created`: seconds since 1970; `seconds`: the cell's duration.

    A cell that only tested another's wheel has no wheel here: `reused_from` is the other cell, `builder` its key, and
    `tested` the digest of the wheel. `provenance`: the wheel's statement; entries of earlier releases have none.
    """

    key: str
    cell: str
    project: str
    created: Time
    seconds: Seconds
    log: EntryFile
    inputs: EntryFile = msgspec.field(name="ingredients")
    wheel: CachedWheel | None = None
    reused_from: str | None = None
    builder: str | None = None
    tested: str | None = None
    image: str | None = None
    image_id: str | None = None
    python_version: str | None = None
    results: CachedResults | None = None
    provenance: EntryFile | None = None
    rungs: tuple[RungOutcome, ...] = ()


def read_record(content: bytes, key: str) -> EntryRecord | None:
    """Parse the record of the entry with a key; return None if it is missing, invalid or of another key.

    The wheel's name becomes a file's name: a record is refused unless it names a wheel that fits the cell.
    """
    try:
        record = decode(content, EntryRecord)
        cell = Cell.parse(record.cell)
        if record.key != key or (record.wheel is None) == (record.reused_from is None):
            return None
        if record.reused_from is not None:
            Cell.parse(record.reused_from)
        if record.wheel is not None and not is_compatible(record.wheel.name, cell.interpreter, cell.platform):
            return None
    except (ValueError, WheelRejected):  # NotJson is a ValueError too
        return None
    return record


def wheel_record(kept: CachedWheel) -> WheelRecord:
    """Return the wheel in the form of outcomes."""
    return WheelRecord(
        name=kept.name,
        size=kept.size,
        sha256=kept.sha256,
        grafted=kept.grafted,
        largest=tuple(PackedFile(path=path, size=size) for path, size in kept.largest),
        needs=WheelNeeds(libc=kept.needs[0], symbols=kept.needs[1:]) if kept.needs else None,
    )
