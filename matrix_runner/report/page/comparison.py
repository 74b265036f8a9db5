"""What changed from one run to another: cells that fail or pass now, slower and larger ones, needs that rose. Pure."""

from collections.abc import Iterator
from enum import Enum

import msgspec

from matrix_runner.catalog.policies import number_of
from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import Outcome, Report, Status, WheelNeeds
from matrix_runner.report.phrases import cause, duration, is_failed
from matrix_runner.report.sanitize import clean_line
from matrix_runner.wording import size_text

_SLOWER = 1.25
_LEAST_SECONDS = 3.0
"""A cell is told as slower or faster by a quarter and three seconds: less is chance."""

_LARGER = 1.02
_LEAST_BYTES = 1024
"""A wheel is told as larger or smaller by two per cent and a kibibyte."""


class ChangeKind(Enum):
    """What changed in a cell; in the order in which it matters."""

    FAILS = "fails now"
    PASSES = "passes now"
    NEEDS_MORE = "needs more"
    NEEDS_LESS = "needs less"
    LARGER = "larger"
    SMALLER = "smaller"
    SLOWER = "slower"
    FASTER = "faster"
    NEW = "new"
    GONE = "gone"

    def __str__(self) -> str:
        return self.value


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A change of one cell, in words."""

    kind: ChangeKind
    cell: Cell
    text: str


def compare(report: Report, earlier: Report) -> tuple[Change, ...]:
    """Return what changed since an earlier run, by kind, then in plan order."""
    before = {outcome.cell: outcome for outcome in earlier.outcomes}
    changes = [change for outcome in report.outcomes for change in _changes(outcome, before.get(outcome.cell))]
    now = {outcome.cell for outcome in report.outcomes}
    changes += [
        Change(kind=ChangeKind.GONE, cell=cell, text="was in the earlier run") for cell in before if cell not in now
    ]
    order = list(ChangeKind)
    return tuple(sorted(changes, key=lambda change: order.index(change.kind)))


def _changes(now: Outcome, before: Outcome | None) -> Iterator[Change]:
    if before is None:
        yield Change(kind=ChangeKind.NEW, cell=now.cell, text="was not in the earlier run")
        return
    if is_failed(now) and before.status.is_success:
        message = clean_line(now.failure.message) if now.failure else ""
        yield Change(kind=ChangeKind.FAILS, cell=now.cell, text=f"in {cause(now)}: {message}".rstrip(": "))
    elif now.status.is_success and is_failed(before):
        yield Change(kind=ChangeKind.PASSES, cell=now.cell, text=f"failed in {cause(before)}")
    yield from _of_wheel(now, before)
    yield from _of_time(now, before)


def _of_time(now: Outcome, before: Outcome) -> Iterator[Change]:
    """Only of cells that ran in both: a cell of the cache takes no time."""
    if not (now.status is before.status is Status.PASSED):
        return
    text = f"{duration(before.seconds)} to {duration(now.seconds)}"
    if abs(now.seconds - before.seconds) < _LEAST_SECONDS:
        return
    if now.seconds > before.seconds * _SLOWER:
        yield Change(kind=ChangeKind.SLOWER, cell=now.cell, text=text)
    elif before.seconds > now.seconds * _SLOWER:
        yield Change(kind=ChangeKind.FASTER, cell=now.cell, text=text)


def _of_wheel(now: Outcome, before: Outcome) -> Iterator[Change]:
    if now.wheel is None or before.wheel is None:
        return
    if now.wheel.needs is not None and before.wheel.needs is not None:
        yield from _of_needs(now.cell, now.wheel.needs, before.wheel.needs)
    old, new = before.wheel.size, now.wheel.size
    text = f"{size_text(old)} to {size_text(new)}"
    if new - old >= _LEAST_BYTES and new >= old * _LARGER:
        yield Change(kind=ChangeKind.LARGER, cell=now.cell, text=text)
    elif old - new >= _LEAST_BYTES and old >= new * _LARGER:
        yield Change(kind=ChangeKind.SMALLER, cell=now.cell, text=text)


def _of_needs(cell: Cell, now: WheelNeeds, before: WheelNeeds) -> Iterator[Change]:
    old, new = _versions(before), _versions(now)
    more = [f"{name}: {_word(old, name)} to {new[name]}" for name in new if _number(new, name) > _number(old, name)]
    less = [f"{name}: {old[name]} to {_word(new, name)}" for name in old if _number(old, name) > _number(new, name)]
    if more:
        yield Change(kind=ChangeKind.NEEDS_MORE, cell=cell, text="; ".join(more))
    if less:
        yield Change(kind=ChangeKind.NEEDS_LESS, cell=cell, text="; ".join(less))


def _versions(needs: WheelNeeds) -> dict[str, str]:
    """Return the version of each kind: of the C library itself, and of the symbols of each library."""
    symbols = (symbol.rpartition("_") for symbol in needs.symbols)
    return {"C library": needs.libc} | {kind: number for kind, _, number in symbols}


def _number(versions: dict[str, str], name: str) -> tuple[int, ...]:
    return number_of(versions.get(name, "")) or ()


def _word(versions: dict[str, str], name: str) -> str:
    return versions.get(name, "none")
