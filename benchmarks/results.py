"""Results on disk: rows measured at different times, each with its own date and machine."""

from pathlib import Path

import msgspec
from goals import Series, Verdict
from workload import BenchmarkError

VERSION = 1

Facts = tuple[tuple[str, str], ...]


class RowResult(msgspec.Struct, frozen=True, kw_only=True):
    """One row as it was measured. `date`: UTC, to the minute. `load`: load averages before. `notes`: for the reader."""

    name: str
    title: str
    date: str
    load_before: str
    load_after: str
    series: tuple[Series, ...]
    verdicts: tuple[Verdict, ...]
    machine: Facts = ()
    versions: Facts = ()
    notes: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether everything could be measured."""
        return all(one.is_whole for one in self.series)


class ResultsFile(msgspec.Struct, frozen=True, kw_only=True):
    """The whole file. Rows are in the order of the yardstick."""

    version: int
    rows: tuple[RowResult, ...] = ()


def load(path: Path) -> tuple[RowResult, ...]:
    """Return the rows kept so far; none if there is no file. Raise BenchmarkError if it cannot be read."""
    try:
        file = msgspec.json.decode(path.read_bytes(), type=ResultsFile)
    except FileNotFoundError:
        return ()
    except ValueError as error:
        raise BenchmarkError(f"{path} is no file of results: {error}") from error
    if file.version != VERSION:
        raise BenchmarkError(f"{path} is of version {file.version}, and this is for {VERSION}")
    return file.rows


def merge(kept: tuple[RowResult, ...], new: RowResult, order: tuple[str, ...]) -> tuple[RowResult, ...]:
    """Put a row in the place of its former result. One that failed replaces none that did not."""
    rows = {row.name: row for row in kept}
    former = rows.get(new.name)
    if former is None or new.is_whole or not former.is_whole:
        rows[new.name] = new
    rank = {name: place for place, name in enumerate(order)}
    return tuple(sorted(rows.values(), key=lambda row: rank.get(row.name, len(rank))))


def save(path: Path, rows: tuple[RowResult, ...]) -> None:
    """Write the file, whole or not at all."""
    new = path.with_suffix(".new")
    text = msgspec.json.format(msgspec.json.encode(ResultsFile(version=VERSION, rows=rows)), indent=1)
    new.write_bytes(text + b"\n")
    new.replace(path)
