"""A run over time: cells in lanes, the chain that decided its length, the use of its workers. Pure."""

from collections.abc import Iterable, Sequence

import msgspec
from msgspec.structs import replace

from matrix_runner.model.outcomes import Outcome, Report, Status, StepKind, StepTime

_BEFORE_WORK = {StepKind.PREPARE, StepKind.BEFORE_ALL}
"""Steps that a cell may have behind it before a worker is free for it: its container opens ahead."""

_AT_ONCE = 1.0
"""Seconds within which a cell's work follows on what it waited for."""

_OVERLAP = 0.25
"""Seconds by which the end of a cell may lie behind the start of the next one on its worker: it still tidies up."""


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """The time for which a cell had a worker, in seconds since the run's start, and the steps in it.

    `is_critical`: whether it is in the chain.
    """

    outcome: Outcome
    began: float
    ended: float
    steps: tuple[StepTime, ...]
    is_critical: bool = False


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """A run over time.

    `lanes`: bars that do not overlap, each lane from its start. `critical`: the cells that followed on one another up
    to the end of the run, first one first. `use`: of the workers, between 0 and 1; None if their number is unknown.
    """

    seconds: float
    lanes: tuple[tuple[Bar, ...], ...]
    critical: tuple[Bar, ...]
    use: float | None


def timeline(report: Report) -> Timeline:
    """Return a run's cells over time; those without a known start are in no lane."""
    bars = sorted(_bars(report.outcomes), key=lambda bar: (bar.began, bar.ended))
    critical = _critical(bars)
    names = {bar.outcome.cell for bar in critical}
    marked = [replace(bar, is_critical=bar.outcome.cell in names) for bar in bars]
    seconds = max([report.seconds, *(bar.ended for bar in bars)])
    busy = sum(step.seconds for bar in bars for step in bar.outcome.steps)
    room = report.workers * seconds
    return Timeline(
        seconds=seconds,
        lanes=_lanes(marked),
        critical=tuple(bar for bar in marked if bar.is_critical),
        use=min(busy / room, 1.0) if room else None,
    )


def _bars(outcomes: Iterable[Outcome]) -> Iterable[Bar]:
    for outcome in outcomes:
        if outcome.began is None or outcome.status is Status.CACHED:
            continue
        steps = _at_work(tuple(step for step in outcome.steps if step.began is not None))
        # A container is removed when its cell has no worker any more.
        ends = [_end(step) for step in steps] or [outcome.began + outcome.seconds]
        began = outcome.began if not steps or steps[0].began is None else steps[0].began
        yield Bar(outcome=outcome, began=began, ended=max(ends), steps=steps)


def _at_work(steps: tuple[StepTime, ...]) -> tuple[StepTime, ...]:
    """Leave out the steps behind which the cell waited for a worker."""
    first = next((number for number, step in enumerate(steps) if step.kind not in _BEFORE_WORK), 0)
    if first and (steps[first].began or 0.0) - _end(steps[first - 1]) > _AT_ONCE:
        return steps[first:]
    return steps


def _end(step: StepTime) -> float:
    return (step.began or 0.0) + step.seconds


def _lanes(bars: Sequence[Bar]) -> tuple[tuple[Bar, ...], ...]:
    """Put each bar, in order of its start, into the first lane that is free then."""
    lanes: list[list[Bar]] = []
    for bar in bars:
        lane = next((each for each in lanes if each[-1].ended <= bar.began + _OVERLAP), None)
        if lane is None:
            lane = []
            lanes.append(lane)
        lane.append(bar)
    return tuple(map(tuple, lanes))


def _critical(bars: Sequence[Bar]) -> tuple[Bar, ...]:
    """Follow the run back from its last cell: each time to the latest one whose end its work followed on."""
    if not bars:
        return ()
    chain = [max(bars, key=lambda bar: bar.ended)]
    while True:
        start = chain[-1].began
        before = [
            bar
            for bar in bars
            if bar is not chain[-1] and bar.ended <= start + _OVERLAP and start - bar.ended <= _AT_ONCE
        ]
        # Its own start must lie before: else two cells of no length would follow on each other for ever.
        before = [bar for bar in before if bar.began < start]
        if not before:
            return tuple(reversed(chain))
        chain.append(max(before, key=lambda bar: bar.ended))
