"""The reports of CI jobs, as they vouch for wheels: outcomes of cells, digests, statements, the source."""

from collections.abc import Iterable, Mapping
from pathlib import Path

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
    reports, unreadable = [], []
    for place in places:
        run, sums, statements = None, dict[str, str](), KeptStatements(statements=())
        has_run = any((place / name).exists() for name in (REPORT, EVENTS))
        try:
            sums = read_sums(place / SUMS)
            # Without a run they are anybody's, perhaps of files that are none of ours.
            if has_run and (place / SUMS).is_file() and not is_sums_file(place / SUMS):
                unreadable.append(f"{place / SUMS} is damaged: a line in it is no digest of a file")
            if (place / PROVENANCE).is_dir():
                statements = read_statements(place / PROVENANCE)
        except OSError as error:
            unreadable.append(f"{place}: {cause_of(error)}")
        except UsageError:
            pass  # An empty directory of statements: wheels without one are found out one by one.
        try:
            run = read_run(place) if has_run else None
        except (UsageError, OSError) as error:
            unreadable.append(f"{place}: {error}" if str(place) not in str(error) else str(error))
        reports.append(ShardReport(place=place, run=run, sums=sums, statements=statements))
    return ShardReports(reports=tuple(reports), unreadable=tuple(unreadable))
