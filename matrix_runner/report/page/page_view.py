"""Everything that the page of a run shows, in the order and words in which it shows it. Pure."""

from collections.abc import Iterable, Mapping

import msgspec

from matrix_runner.catalog.distributions import Distribution
from matrix_runner.model.outcomes import Outcome, Report, Status
from matrix_runner.report.page.cell_view import CellView, Fact, cell_view, excerpt_lines, failure_lines
from matrix_runner.report.page.comparison import Change, compare
from matrix_runner.report.page.drawing import Drawing, drawing
from matrix_runner.report.page.page_logs import StepLog
from matrix_runner.report.page.timeline import Timeline, timeline
from matrix_runner.report.phrases import duration
from matrix_runner.report.same_failures import failure_groups, warning_groups
from matrix_runner.report.sanitize import clean_line
from matrix_runner.report.summary.report_json import ReportExtra
from matrix_runner.report.summary.rung_grid import RungGrid, rung_grid
from matrix_runner.report.summary.text_summary import MEANINGS, grouped
from matrix_runner.wording import counted, size_text

_WARNINGS = 6
"""Warnings that are shown without a click."""

_NAMED_CELLS = 4
"""Cells that are named of those with the same warning."""


class Square(msgspec.Struct, frozen=True, kw_only=True):
    """A square of the grid; `anchor`: the cell's section, "" for one that was left out, whose `reason` is told."""

    anchor: str = ""
    status: str = ""
    time: str = ""
    reason: str = ""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the grid: an interpreter, and its squares in the order of the platforms."""

    interpreter: str
    squares: tuple[Square, ...]


class FailureView(msgspec.Struct, frozen=True, kw_only=True):
    """A failure, told once for all cells that failed alike."""

    cells: tuple[str, ...]
    lines: tuple[str, ...]
    excerpt: tuple[str, ...]


class WarningView(msgspec.Struct, frozen=True, kw_only=True):
    """A warning, told once for all cells that have it. `cells`: those that are named; `more`: how many others."""

    text: str
    cells: tuple[str, ...]
    more: int


class PageView(msgspec.Struct, frozen=True, kw_only=True):
    """The whole page."""

    title: str
    verdict: str
    is_success: bool
    facts: tuple[Fact, ...]
    failures: tuple[FailureView, ...]
    warnings: tuple[WarningView, ...]
    further_warnings: tuple[WarningView, ...]
    platforms: tuple[str, ...]
    rows: tuple[Row, ...]
    rungs: RungGrid | None
    drawing: Drawing | None
    changes: tuple[Change, ...]
    compared_with: str
    cells: tuple[CellView, ...]
    left_out: tuple[tuple[str, str], ...]
    left_out_count: str


class PageSources(msgspec.Struct, frozen=True, kw_only=True):
    """All that a page is made of. `earlier`: the run before; `logs`: by identifier."""

    report: Report
    extra: ReportExtra
    earlier: Report | None
    distributions: tuple[Distribution, ...]
    logs: Mapping[str, tuple[StepLog, ...]]


def page_view(sources: PageSources) -> PageView:
    """Return what the page of a run shows."""
    report = sources.report
    times, warnings = timeline(report), _warnings(report)
    good = sum(outcome.status.is_success for outcome in report.outcomes)
    platforms = tuple(dict.fromkeys(str(outcome.cell.platform) for outcome in report.outcomes))
    name = clean_line(sources.extra.project)
    return PageView(
        title=f"{name}: {good} of {counted(len(report.outcomes), 'cell')} passed".removeprefix(": "),
        verdict=MEANINGS[report.exit_code],
        is_success=report.exit_code == 0,
        facts=tuple(_facts(sources, times)),
        failures=_failures(report),
        warnings=warnings[:_WARNINGS],
        further_warnings=warnings[_WARNINGS:],
        platforms=platforms,
        rows=_rows(report, sources.extra, platforms),
        rungs=rung_grid(report),
        drawing=drawing(report, times) if times.lanes else None,
        changes=() if sources.earlier is None else compare(report, sources.earlier),
        compared_with="" if sources.earlier is None else clean_line(sources.earlier.run),
        cells=tuple(
            cell_view(outcome, sources.logs.get(str(outcome.cell), ()), sources.distributions)
            for outcome in report.outcomes
        ),
        left_out=tuple(
            (clean_line(reason), ", ".join(map(str, cells))) for reason, cells in grouped(sources.extra.left_out)
        ),
        left_out_count=counted(len(sources.extra.left_out), "cell"),
    )


def _facts(sources: PageSources, times: Timeline) -> Iterable[Fact]:
    report, extra = sources.report, sources.extra
    wheels = {outcome.wheel.name: outcome.wheel.size for outcome in report.outcomes if outcome.wheel}
    yield Fact(name="Wheels", value=f"{len(wheels)}, {size_text(sum(wheels.values()))}")
    yield Fact(name="Time", value=duration(report.seconds))
    ran = [outcome for outcome in report.outcomes if outcome.began is not None and outcome.status is not Status.CACHED]
    worked = sum(outcome.seconds for outcome in ran)
    if report.seconds and worked / report.seconds >= 1.1:
        yield Fact(name="Spared by working in parallel", value=duration(worked - report.seconds))
    cached = [outcome for outcome in report.outcomes if outcome.status is Status.CACHED]
    if cached:
        spared = sum(outcome.spared or 0.0 for outcome in cached)
        yield Fact(name="Spared by the cache", value=f"{duration(spared)}, in {counted(len(cached), 'cell')}")
    if report.workers:
        use = "" if times.use is None or not ran else f", {times.use:.0%} in use"
        yield Fact(name="Workers", value=f"{report.workers}{use}")
    if report.sdists:
        yield Fact(name="Built from", value=clean_line(", ".join(sdist.name for sdist in report.sdists)))
    yield Fact(name="Began", value=clean_line(extra.started))
    if extra.engine is not None:
        engine = f"{extra.engine.name} {extra.engine.version}, {extra.engine.machine}"
        yield Fact(name="Engine", value=clean_line(engine))
    yield Fact(name="Run", value=clean_line(report.run))
    yield Fact(name="matrix-runner", value=clean_line(extra.tool_version))


def _failures(report: Report) -> tuple[FailureView, ...]:
    groups = failure_groups(report.outcomes)
    return tuple(
        FailureView(cells=group.names, lines=failure_lines(group.first), excerpt=excerpt_lines(group.first))
        for group in groups
    )


def _warnings(report: Report) -> tuple[WarningView, ...]:
    return tuple(
        WarningView(
            text=clean_line(group.text),
            cells=tuple(map(str, group.cells[:_NAMED_CELLS])),
            more=max(len(group.cells) - _NAMED_CELLS, 0),
        )
        for group in warning_groups(report.warnings)
    )


def _rows(report: Report, extra: ReportExtra, platforms: tuple[str, ...]) -> tuple[Row, ...]:
    by_name = {str(outcome.cell): outcome for outcome in report.outcomes}
    reasons = {str(cell): clean_line(reason) for cell, reason in extra.left_out}
    interpreters = dict.fromkeys(str(outcome.cell.interpreter) for outcome in report.outcomes)
    return tuple(
        Row(
            interpreter=interpreter,
            squares=tuple(_square(f"{interpreter}-{platform}", by_name, reasons) for platform in platforms),
        )
        for interpreter in interpreters
    )


def _square(name: str, by_name: Mapping[str, Outcome], reasons: Mapping[str, str]) -> Square:
    outcome = by_name.get(name)
    if outcome is None:
        return Square(reason=reasons.get(name, "not known"))
    return Square(anchor=name, status=str(outcome.status), time=duration(outcome.seconds))
