"""The runs of all jobs as one, its outcomes in plan order and on one clock, for the reports of a run. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace

from matrix_runner import __version__
from matrix_runner.collect.expectation import Expectation
from matrix_runner.collect.set_check import HeldSet
from matrix_runner.collect.shard_reports import ShardReport, ShardReports
from matrix_runner.engine.api import EngineInfo
from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import Outcome, Report, Status, Wait
from matrix_runner.report.phrases import LeftOut
from matrix_runner.report.summary.report_json import PackageRecord, ReportExtra, SourceRecord
from matrix_runner.wheelhouse.publication import record_of

T = TypeVar("T")


def merged_run(
    run: str, held: HeldSet, reports: ShardReports, expected: Expectation, left_out: LeftOut
) -> tuple[Report, ReportExtra]:
    """Return one report of all runs. `run`: an id for it; `left_out`: the cells outside the plan, if they are known."""
    runs = [report for report in reports.reports if report.run is not None and report.outcomes]
    begins = {report.place: _started(report) for report in runs}
    earliest = min(begins.values(), default=None)
    offsets = {place: (begin - earliest).total_seconds() for place, begin in begins.items() if earliest is not None}
    of_cell = {outcome.cell: offsets[report.place] for report in runs for outcome in report.outcomes}
    report = Report(
        run=run,
        outcomes=tuple(_outcome(cell, held, of_cell) for cell in expected.cells),
        seconds=max((each.run.report.seconds + offsets[each.place] for each in runs if each.run), default=0.0),
        workers=sum(each.run.report.workers for each in runs if each.run),
        waits=tuple(_later(wait, offsets[each.place]) for each in runs if each.run for wait in each.run.report.waits),
        warnings=tuple(dict.fromkeys(one for each in runs if each.run for one in each.run.report.warnings)),
    )
    extras = [each.run.extra for each in runs if each.run]
    extra = ReportExtra(
        tool_version=__version__,
        started="" if earliest is None else earliest.isoformat(timespec="seconds"),
        project=expected.project or next((each.project for each in extras), ""),
        exclude_newer=_common(each.exclude_newer for each in extras),
        engine=_engine([each.engine for each in extras if each.engine is not None]),
        emulated=tuple(dict.fromkeys(arch for each in extras for arch in each.emulated)),
        left_out=left_out,
        source=_source([each.source for each in extras if each.source is not None]),
        packages=tuple(
            PackageRecord(name=package.name, source=_source_of(package.name, extras)) for package in expected.packages
        ),
    )
    return report, extra


def with_logs(report: Report, logs: Path, cells: Iterable[Cell]) -> Report:
    """Return a report that names the logs of these cells in another directory, and none of others."""
    known = frozenset(cells)
    outcomes = (
        replace(outcome, log=str(logs / f"{outcome.cell.stem}.log") if outcome.cell in known else None)
        for outcome in report.outcomes
    )
    return replace(report, outcomes=tuple(outcomes))


def _started(report: ShardReport) -> datetime:
    """Return when a run began; that of an unknown form is long ago, and all that is told of it stays in order."""
    try:
        text = "" if report.run is None else report.run.extra.started
        return datetime.fromisoformat(text).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return datetime.fromtimestamp(0, timezone.utc)


def _outcome(cell: Cell, held: HeldSet, offsets: Mapping[Cell, float]) -> Outcome:
    """Return what is told of a cell; of one without a report, that its wheel is there, or is not."""
    outcome = held.outcomes.get(cell)
    if outcome is None:
        wheel = held.wheels.get(cell)
        if wheel is None:
            return Outcome(cell=cell, status=Status.CANCELLED)
        return Outcome(cell=cell, status=Status.PASSED, wheel=record_of(wheel.contents))
    return outcome.later(offsets.get(cell, 0.0))


def _source_of(package: str, extras: Sequence[ReportExtra]) -> SourceRecord | None:
    records = (each for extra in extras for each in extra.packages if each.name == package)
    return _source([each.source for each in records if each.source is not None])


def _source(sources: Sequence[SourceRecord]) -> SourceRecord | None:
    """Return the source of all runs, of which some may not have looked for the commit; None if they differ."""
    if len({source.sha256 for source in sources}) != 1:
        return None
    return next((source for source in sources if source.commit is not None), sources[0])


def _engine(engines: Sequence[EngineInfo]) -> EngineInfo | None:
    """Return all engines as one: of what they differ in, each value, separated by commas."""
    if not engines:
        return None

    def each(values: Iterable[str]) -> str:
        return ", ".join(dict.fromkeys(values))

    return EngineInfo(
        name=each(engine.name for engine in engines),
        version=each(engine.version for engine in engines),
        machine=each(engine.machine for engine in engines),
        endpoint=each(engine.endpoint for engine in engines),
    )


def _later(wait: Wait, by: float) -> Wait:
    return replace(wait, began=wait.began + by)


def _common(values: Iterable[T]) -> T | None:
    """Return the one value of all; None if they differ."""
    each = list(values)
    return each[0] if each and all(one == each[0] for one in each) else None
