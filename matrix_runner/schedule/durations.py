"""Recorded durations of cells in earlier runs of a project, so that the longest cells start first."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from statistics import fmean

import msgspec

from matrix_runner.files import write_whole
from matrix_runner.json_values import LONGEST, NotJson, decode
from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import Outcome, Status, StepKind
from matrix_runner.model.platforms import Arch

_MOST = 4096
"""The largest number of recorded cells: far more than any catalog has, so that the file stays small."""

_GUESS = 3.0
"""Seconds of a native cell while nothing is known: those of a small extension. Only the order of cells comes of it."""


class Durations:
    """Seconds by cell, of several packages or of a single one. Only an estimate: read and write errors are ignored."""

    def __init__(self, known: Mapping[Cell, float]) -> None:
        """`known`: seconds of a cell's own work, without shared work and waiting."""
        self._known = dict(known)

    @classmethod
    def read(cls, path: Path) -> "Durations":
        """Read the file of an earlier run; empty if it is missing or invalid."""
        try:
            entries = decode(path.read_bytes(), dict[str, float])
        except (OSError, NotJson):
            return cls({})
        known = {}
        for name, seconds in entries.items():
            with suppress(ValueError):
                if 0 <= seconds <= LONGEST:
                    known[Cell.parse(name)] = seconds
        return cls(known)

    @property
    def is_empty(self) -> bool:
        """Whether no cell's duration is known, so that all expectations are guesses."""
        return not self._known

    def expected(self, cell: Cell, slowness: Callable[[Arch], float] = lambda _: 1.0) -> float:
        """Return the expected seconds of a cell.

        For an unrecorded cell, the mean of the averages of its platform and its interpreter, else of all cells, else a
        guess. `slowness`: the factor by which a cell of an architecture takes longer than a native one on the machine
        of this run: an emulated cell tells of a native one only by that, and the other way round.
        """
        own = self._known.get(cell, self._known.get(cell.of_package("")))
        if own is not None:
            return own
        native = self.natively(slowness)
        means = [
            fmean(near)
            for near in (
                [seconds for other, seconds in native.items() if other.platform == cell.platform],
                [seconds for other, seconds in native.items() if other.interpreter == cell.interpreter],
            )
            if near
        ]
        return fmean(means or native.values() or (_GUESS,)) * slowness(cell.platform.arch)

    def natively(self, slowness: Callable[[Arch], float]) -> dict[Cell, float]:
        """Return the recorded seconds as of native cells. `slowness`: as for `expected`, on the recording machine."""
        return {cell: seconds / slowness(cell.platform.arch) for cell, seconds in self._known.items()}

    def with_outcomes(self, outcomes: Iterable[Outcome]) -> "Durations":
        """Return a copy updated from a run's passed cells; a failure does not show how long success takes."""
        new = {each.cell.of_package(""): _own_seconds(each) for each in outcomes if each.status is Status.PASSED}
        kept = {cell: seconds for cell, seconds in self._known.items() if cell not in new}
        return Durations(dict([*kept.items(), *new.items()][-_MOST:]))

    def write(self, path: Path) -> None:
        """Write the file atomically, for the next run; a failure is ignored."""
        with suppress(OSError):
            write_whole(path, msgspec.json.encode({str(cell): round(took, 3) for cell, took in self._known.items()}))


def _own_seconds(outcome: Outcome) -> float:
    """Return the duration without `before-all`, which falls to whichever cell comes first."""
    shared = sum(step.seconds for step in outcome.steps if step.kind is StepKind.BEFORE_ALL)
    return max(outcome.seconds - shared, 0.0)
