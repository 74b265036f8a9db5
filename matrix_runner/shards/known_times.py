"""What earlier runs tell of the next: how long cells and each `before-all` take, which cells one wheel serves. Pure."""

from collections.abc import Callable, Iterable, Mapping
from statistics import fmean
from types import MappingProxyType

import msgspec

from matrix_runner.matrix.host import EMULATED_CELL
from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import Outcome, Status, StepKind
from matrix_runner.model.platforms import Arch
from matrix_runner.schedule import Durations

_NOTHING: Mapping[Cell, float] = MappingProxyType({})


class KnownTimes(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds, as on a machine that runs each cell natively.

    `durations`: of cells, without `before-all`; `before_all`: of those cells that ran it. `served`: sets of cells that
    one wheel served.
    """

    durations: Durations = Durations({})
    before_all: Mapping[Cell, float] = _NOTHING
    served: tuple[frozenset[Cell], ...] = ()

    def seconds(self, cell: Cell) -> float:
        """Return the expected seconds of a cell; the same for all if nothing is known."""
        return self.durations.expected(cell)

    def before_all_of(self, cells: Iterable[Cell]) -> float:
        """Return the expected seconds of a `before-all` that cells share.

        Of other cells' if none of them ran it, and where nothing is known, those of a cell.
        """
        each = tuple(cells)
        own = [self.before_all[cell] for cell in each if cell in self.before_all]
        return fmean(own or self.before_all.values() or (self.seconds(each[0]),))


def times_of(
    runs: Iterable[tuple[Iterable[Outcome], frozenset[Arch]]],
    machine: Durations,
    slowness: Callable[[Arch], float],
) -> KnownTimes:
    """Return what runs tell, the later ones with more authority: the outcomes of each, and what it has emulated.

    `machine`: what this machine has recorded, which counts least; `slowness`: how many times a native cell's time one
    of an architecture takes here.
    """
    seconds = dict(machine.natively(slowness))
    before_all: dict[Cell, float] = {}
    served: dict[Cell, set[Cell]] = {}
    for outcomes, emulated in runs:
        for outcome in outcomes:
            times = EMULATED_CELL if outcome.cell.platform.arch in emulated else 1
            took = _took(outcome)
            if took is not None:
                seconds[outcome.cell] = took / times
            shared = _shared(outcome)
            if shared and outcome.status is Status.PASSED:
                before_all[outcome.cell] = shared / times
            if outcome.reused_from is not None:
                served.setdefault(outcome.reused_from, {outcome.reused_from}).add(outcome.cell)
    return KnownTimes(
        durations=Durations(seconds),
        before_all=MappingProxyType(before_all),
        served=tuple(map(frozenset, served.values())),
    )


def _took(outcome: Outcome) -> float | None:
    """Return how long a cell's own work takes, if the outcome tells: a failure does not, a cached one recalls it."""
    if outcome.status is Status.PASSED:
        return max(outcome.seconds - _shared(outcome), 0.0)
    return outcome.spared if outcome.status is Status.CACHED else None


def _shared(outcome: Outcome) -> float:
    # A clock that was set back, or a report that is anybody's: no step takes less than nothing.
    return sum(max(step.seconds, 0.0) for step in outcome.steps if step.kind is StepKind.BEFORE_ALL)
