"""What a row must reach, and whether it does: pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Protocol

import msgspec


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured under one name, a value a round, in order; `failure`: why it could not be."""

    name: str
    unit: str = "s"
    values: tuple[float, ...] = ()
    failure: str | None = None

    @property
    def is_whole(self) -> bool:
        """Whether there is something to reckon with."""
        return self.failure is None and bool(self.values)


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """A goal, the figure with the least and the greatest of the rounds, and whether it is met. None: not measured."""

    goal: str
    unit: str
    figure: float | None = None
    least: float | None = None
    greatest: float | None = None
    is_met: bool | None = None


class Goal(Protocol):
    """A line of the yardstick."""

    def judge(self, measured: Mapping[str, Series]) -> Verdict:
        """Hold the goal against series by name."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Faster:
    """The runner must be so many times faster than the others, of which the fastest counts."""

    than: tuple[str, ...]
    times: float
    words: str
    runner: str = "runner"

    def judge(self, measured: Mapping[str, Series]) -> Verdict:
        """Judge the ratio of medians: theirs over ours."""
        ratio = _ratio(_best(measured, self.than), _best(measured, (self.runner,)))
        return _verdict(f"at least {self.times:g} x faster than {self.words}", "x", ratio, lambda it: it >= self.times)


@dataclass(frozen=True, kw_only=True, slots=True)
class Near:
    """The runner may take no more than so many times what the others take, of which the fastest counts."""

    to: tuple[str, ...]
    times: float
    words: str
    runner: str = "runner"

    def judge(self, measured: Mapping[str, Series]) -> Verdict:
        """Judge the ratio of medians: ours over theirs."""
        ratio = _ratio(_best(measured, (self.runner,)), _best(measured, self.to))
        return _verdict(f"at most {self.times:.2f} x {self.words}", "x", ratio, lambda it: it <= self.times)


@dataclass(frozen=True, kw_only=True, slots=True)
class AtMost:
    """One series' median must not be above a bound in the series' own unit."""

    series: str
    bound: float
    words: str

    def judge(self, measured: Mapping[str, Series]) -> Verdict:
        """Judge the median."""
        one = _best(measured, (self.series,))
        unit = one.unit if one else ""
        found = (median(one.values), min(one.values), max(one.values)) if one else None
        return _verdict(self.words, unit, found, lambda it: it <= self.bound)


def judge(goals: tuple[Goal, ...], series: tuple[Series, ...]) -> tuple[Verdict, ...]:
    """Return a verdict on each goal, in order."""
    measured = {one.name: one for one in series}
    return tuple(goal.judge(measured) for goal in goals)


class _Test(Protocol):
    def __call__(self, it: float, /) -> bool: ...


def _best(measured: Mapping[str, Series], names: tuple[str, ...]) -> Series | None:
    found = tuple(measured[name] for name in names if name in measured and measured[name].is_whole)
    return min(found, key=lambda one: median(one.values), default=None)


def _ratio(above: Series | None, below: Series | None) -> tuple[float, float, float] | None:
    """Return the ratio of medians, and the least and greatest of the rounds, each against its own neighbour."""
    if above is None or below is None:
        return None
    of_rounds = tuple(one / other for one, other in zip(above.values, below.values, strict=False))
    return median(above.values) / median(below.values), min(of_rounds), max(of_rounds)


def _verdict(goal: str, unit: str, found: tuple[float, float, float] | None, is_met: _Test) -> Verdict:
    if found is None:
        return Verdict(goal=goal, unit=unit)
    figure, least, greatest = found
    return Verdict(goal=goal, unit=unit, figure=figure, least=least, greatest=greatest, is_met=is_met(figure))
