"""The timeline of a run as a drawing: rectangles in units of its width. Pure."""

import msgspec

from matrix_runner.model.outcomes import Report
from matrix_runner.report.page.timeline import Bar, Timeline
from matrix_runner.report.phrases import clock, duration, step_times
from matrix_runner.report.sanitize import clean_line

WIDTH = 1000
"""Units of the timeline's width; it is scaled to the window's."""

_BAR = 18
"""Units of a lane's height, with its gap."""


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """A rectangle of the timeline, in its units. `kind`: of the step."""

    left: float
    width: float
    kind: str
    title: str


class TimelineCell(msgspec.Struct, frozen=True, kw_only=True):
    """A cell in the timeline."""

    anchor: str
    left: float
    width: float
    top: int
    status: str
    title: str
    is_critical: bool
    marks: tuple[Mark, ...]


class Drawing(msgspec.Struct, frozen=True, kw_only=True):
    """The timeline in units; `ticks`: places and labels of times."""

    height: int
    cells: tuple[TimelineCell, ...]
    waits: tuple[Mark, ...]
    ticks: tuple[tuple[float, str], ...]
    kinds: tuple[str, ...]
    chain: str


def drawing(report: Report, times: Timeline) -> Drawing:
    """Return the drawing of a timeline."""
    scale = WIDTH / times.seconds if times.seconds else 0.0
    cells = [_timeline_cell(bar, number, scale) for number, lane in enumerate(times.lanes) for bar in lane]
    kinds = dict.fromkeys(str(step.kind) for lane in times.lanes for bar in lane for step in bar.steps)
    waits = tuple(
        _mark(wait.began, wait.seconds, scale, "wait", clean_line(wait.text)) for wait in report.waits if wait.seconds
    )
    chain = " → ".join(str(bar.outcome.cell) for bar in times.critical)
    return Drawing(
        height=(len(times.lanes) + bool(waits)) * _BAR,
        cells=tuple(cells),
        waits=waits,
        ticks=_ticks(times.seconds, scale),
        kinds=tuple(map(_word, kinds)),
        chain=chain,
    )


def _timeline_cell(bar: Bar, lane: int, scale: float) -> TimelineCell:
    outcome = bar.outcome
    title = f"{outcome.cell}: {outcome.status}, from {duration(bar.began)} to {duration(bar.ended)}"
    return TimelineCell(
        anchor=str(outcome.cell),
        left=round(bar.began * scale, 2),
        width=round((bar.ended - bar.began) * scale, 2),
        top=lane * _BAR,
        status=str(outcome.status),
        title=title,
        is_critical=bar.is_critical,
        marks=tuple(
            _mark(step.began, step.seconds, scale, _word(str(step.kind)), step_times((step,)))
            for step in bar.steps
            if step.began is not None
        ),
    )


def _mark(began: float, seconds: float, scale: float, kind: str, title: str) -> Mark:
    return Mark(left=round(began * scale, 2), width=round(seconds * scale, 2), kind=kind, title=title)


def _word(step: str) -> str:
    """Return a step's name as a class in the style sheet."""
    return step.replace(" ", "-")


def _ticks(seconds: float, scale: float) -> tuple[tuple[float, str], ...]:
    """Return four to ten round times, with their places."""
    steps = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
    step = next((each for each in steps if seconds / each <= 10), steps[-1])
    return tuple((round(at * scale, 2), clock(at)) for at in range(0, int(seconds) + 1, step))
