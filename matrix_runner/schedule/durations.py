"""How long cells took in earlier runs of a project, so that the longest can start first."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from statistics import fmean

import msgspec

from matrix_runner.files import write_whole
from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import Outcome, Status, StepKind

_MOST = 4096
"""Cells that are remembered: many times what any catalog has, so that the file stays small whatever happens."""


class Durations:
    """Seconds by cell. What cannot be read is not known; what cannot be written is not kept: it is only an estimate."""

    def __init__(self, known: Mapping[Cell, float]) -> None:
        """`known`: seconds of a cell's own work, without what it did for others and without waiting."""
        self._known = dict(known)

    @classmethod
    def read(cls, path: Path) -> "Durations":
        """Read what an earlier run wrote; nothing is known if there is no such file, or none that makes sense."""
        try:
            entries = msgspec.json.decode(path.read_bytes(), type=dict[str, float])
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return cls({})
        known = {}
        for name, seconds in entries.items():
            with suppress(ValueError):
                if 0 <= seconds < float("inf"):
                    known[Cell.parse(name)] = seconds
        return cls(known)

    def expected(self, cell: Cell) -> float:
        """Return the seconds that a cell will likely take; 0.0 where nothing is known.

        One that was never seen is taken for the mean of its platform and that of its interpreter, else of all.
        """
        own = self._known.get(cell)
        if own is not None:
            return own
        means = [
            fmean(near)
            for near in (
                self._of(lambda other: other.platform == cell.platform),
                self._of(lambda other: other.interpreter == cell.interpreter),
            )
            if near
        ]
        return fmean(means or self._known.values() or (0.0,))

    def with_outcomes(self, outcomes: Iterable[Outcome]) -> "Durations":
        """Return these and what a run took; only what passed, for a failure says nothing of how long success takes."""
        new = {each.cell: _own_seconds(each) for each in outcomes if each.status is Status.PASSED}
        kept = {cell: seconds for cell, seconds in self._known.items() if cell not in new}
        return Durations(dict([*kept.items(), *new.items()][-_MOST:]))

    def write(self, path: Path) -> None:
        """Write them for the next run, whole or not at all."""
        with suppress(OSError):
            write_whole(path, msgspec.json.encode({str(cell): round(took, 3) for cell, took in self._known.items()}))

    def _of(self, is_near: Callable[[Cell], bool]) -> list[float]:
        return [seconds for cell, seconds in self._known.items() if is_near(cell)]


def _own_seconds(outcome: Outcome) -> float:
    """Leave out `before-all`: it falls to whichever cell comes first."""
    shared = sum(step.seconds for step in outcome.steps if step.kind is StepKind.BEFORE_ALL)
    return max(outcome.seconds - shared, 0.0)
