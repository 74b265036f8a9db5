"""The reports of CI jobs, as they vouch for wheels: outcomes of cells, digests, statements, the source."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

import msgspec

from matrix_runner.errors import UsageError
from matrix_runner.files import cause_of
from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import Outcome, WheelRecord
from matrix_runner.provenance.kept_statements import KeptStatements, read_statements
from matrix_runner.report.event_stream import NAME as EVENTS
from matrix_runner.report.run_reading import read_run
from matrix_runner.report.summary.report_writers import REPORT, FinishedRun
from matrix_runner.wheelhouse.report_directory import PROVENANCE, SUMS, is_sums_file, read_sums

T = TypeVar("T")


class ShardReport(msgspec.Struct, frozen=True, kw_only=True):
    """A report directory. `run`: None without a report of one. `sums`: the lines of SHA256SUMS, digests by name."""

    place: Path
    run: FinishedRun | None
    sums: Mapping[str, str]
    statements: KeptStatements

    @property
    def source(self) -> str | None:
        """The digest of the files that the run built from; None if it is not known."""
        source = None if self.run is None else self.run.extra.source
        return None if source is None else source.sha256

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """The outcomes of the run's cells."""
        return () if self.run is None else self.run.report.outcomes

    def tested_wheel(self, outcome: Outcome) -> WheelRecord | None:
        """Return the wheel that a cell has tested: its own, or that of the cell whose wheel serves it, too."""
        builder = next((each for each in self.outcomes if each.cell == outcome.reused_from), None)
        return outcome.wheel if builder is None else builder.wheel


class ShardReports(msgspec.Struct, frozen=True, kw_only=True):
    """All reports. `unreadable`: a sentence on each file that is none, though its name says so."""

    reports: tuple[ShardReport, ...]
    unreadable: tuple[str, ...] = ()

    def outcomes_of(self, cell: Cell) -> tuple[tuple[ShardReport, Outcome], ...]:
        """Return the outcomes of a cell, of each run that had it."""
        return tuple((each, outcome) for each in self.reports for outcome in each.outcomes if outcome.cell == cell)

    def stated_sums(self, name: str) -> tuple[tuple[Path, str], ...]:
        """Return the digests that reports give of a file: places and digests."""
        found = [(each.place / SUMS, each.sums[name]) for each in self.reports if name in each.sums]
        for each in self.reports:
            wheels = (outcome.wheel for outcome in each.outcomes if outcome.wheel is not None)
            found += [(each.place, wheel.sha256) for wheel in wheels if wheel.name == name]
            sdists = () if each.run is None else each.run.report.sdists
            found += [(each.place, sdist.sha256) for sdist in sdists if sdist.name == name]
        return tuple(dict.fromkeys(found))


def read_reports(places: Iterable[Path]) -> ShardReports:
    """Read report directories, which may be anybody's. Never raises: what cannot be read is told."""
    reports: list[ShardReport] = []
    unreadable: list[str] = []
    for place in places:
        run = _read(place, _run_of, None, unreadable)
        nothing: Mapping[str, str] | None = {}
        sums = _read(place, _sums_of, nothing, unreadable)
        statements = _read(place, _statements_of, KeptStatements(statements=()), unreadable)
        if run is not None and sums is None:
            unreadable.append(f"{place / SUMS} is damaged: a line in it is no digest of a file")
        reports.append(ShardReport(place=place, run=run, sums=sums or {}, statements=statements))
    return ShardReports(reports=tuple(reports), unreadable=tuple(unreadable))


def _read(place: Path, read: Callable[[Path], T], otherwise: T, unreadable: list[str]) -> T:
    """Return what is read of a report directory; if it cannot be, say so, by the name of the file."""
    try:
        return read(place)
    except UsageError as error:
        unreadable.append(error.message if str(place) in error.message else f"{place}: {error.message}")
    except OSError as error:
        unreadable.append(f"{error.filename or place} cannot be read: {cause_of(error)}")
    return otherwise


def _run_of(place: Path) -> FinishedRun | None:
    return read_run(place) if any((place / name).exists() for name in (REPORT, EVENTS)) else None


def _sums_of(place: Path) -> Mapping[str, str] | None:
    """Return the digests; None if a line is none. Beside no run they may be anybody's, of files that are none of ours.

    Raise OSError.
    """
    path = place / SUMS
    return None if path.is_file() and not is_sums_file(path) else read_sums(path)


def _statements_of(place: Path) -> KeptStatements:
    """Return the statements. Raise OSError."""
    directory = place / PROVENANCE
    # Wheels without one are found out one by one.
    has_some = directory.is_dir() and any(path.name.endswith(".whl.json") for path in directory.iterdir())
    return read_statements(directory) if has_some else KeptStatements(statements=())
