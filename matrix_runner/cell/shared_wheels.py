"""Wheels that serve several cells of a run: an abi3 wheel is built by its leader and tested by the others."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matrix_runner.matrix import Job
from matrix_runner.model.cells import Cell, Implementation
from matrix_runner.model.platforms import Platform
from matrix_runner.project.build_hints import hints_at_stable_abi
from matrix_runner.request import BuildInputs
from matrix_runner.wheelhouse import is_compatible, serves_several


@dataclass(frozen=True, kw_only=True, slots=True)
class SharedWheel:
    """A published wheel that other cells need not build again."""

    builder: Cell
    path: Path


class SharedWheels:
    """Published wheels of this run that serve several cells. Thread-safe.

    With `waits`, the first stable-ABI interpreter of a platform builds before the later ones start. Without, a wheel's
    name tells it when it is built: of the cells that the wheel serves, the one with the oldest Python then builds it,
    and the others test that one. So no cell vouches for a wheel that it has not tested, and it is not a matter of speed
    which of two wheels of one name is delivered.
    """

    def __init__(self, jobs: Sequence[Job], *, waits: bool) -> None:
        """`jobs`: all jobs of the run, in plan order."""
        self._lock = threading.Lock()
        self._wheels: dict[Cell, SharedWheel] = {}
        self._leaders: dict[Platform, Cell] = {}
        self._finished: set[Cell] = set()
        self._awaited: dict[Cell, Cell] = {}
        self._cells = tuple(sorted((job.cell for job in jobs), key=_seniority))
        if waits:
            for cell in self._cells:
                if cell.interpreter.supports_stable_abi:
                    self._leaders.setdefault(cell.platform, cell)

    @classmethod
    def of(cls, inputs: BuildInputs) -> "SharedWheels":
        """Create it for a build: cells wait for each other if a build file mentions the stable ABI."""
        return cls(inputs.plan.jobs, waits=hints_at_stable_abi(inputs.build_files))

    def may_start(self, job: Job) -> bool:
        """Whether the cell need not wait for another cell's wheel."""
        with self._lock:
            leaders = {self.leader(job), self._awaited.get(job.cell)} - {None}
            return leaders <= self._finished

    def give_way(self, cell: Cell, wheel: str) -> Cell | None:
        """Return the cell that builds a wheel in this one's place, for which this one then waits; None: this one.

        `wheel`: the name of a wheel that the cell has built. The cell with the oldest Python that it serves builds it.
        """
        if not serves_several(wheel):
            return None
        with self._lock:
            for earlier in self._cells[: self._cells.index(cell)]:
                if earlier not in self._finished and is_compatible(wheel, earlier.interpreter, earlier.platform):
                    self._awaited[cell] = earlier
                    return earlier
        return None

    def leader(self, job: Job) -> Cell | None:
        """Return the leader whose wheel this cell waits for and may reuse; None if there is none."""
        leader = self._leaders.get(job.cell.platform)
        if leader == job.cell or not job.cell.interpreter.supports_stable_abi:
            return None
        return leader

    def finish(self, cell: Cell) -> None:
        """Mark the cell as finished, with any result; release the cells that wait for it."""
        with self._lock:
            self._finished.add(cell)

    def add(self, wheel: SharedWheel) -> None:
        """Offer a published wheel to cells that start later; release the cells that wait for its builder."""
        with self._lock:
            self._finished.add(wheel.builder)
            if serves_several(wheel.path.name):
                self._wheels[wheel.builder] = wheel

    def find(self, cell: Cell) -> SharedWheel | None:
        """Return a published wheel for several cells that installs on this one, or None."""
        with self._lock:
            return next(
                (w for w in self._wheels.values() if is_compatible(w.path.name, cell.interpreter, cell.platform)),
                None,
            )

    def wheel_of(self, builder: Cell) -> Path | None:
        """Return the wheel that a cell offered, or None if it offered none for several cells."""
        with self._lock:
            return None if builder not in self._wheels else self._wheels[builder].path


def _seniority(cell: Cell) -> tuple[bool, tuple[int, int]]:
    """Return the rank of a cell among those that one wheel serves: the oldest CPython first, as in cibuildwheel."""
    return cell.interpreter.implementation is not Implementation.CPYTHON, cell.interpreter.version
