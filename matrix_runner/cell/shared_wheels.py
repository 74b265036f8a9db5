"""Wheels that serve several cells of a run: an abi3 wheel is built by its leader and tested by the others."""

import re
import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec

from matrix_runner.matrix import Job
from matrix_runner.model.cells import Cell, Implementation
from matrix_runner.model.platforms import Platform
from matrix_runner.project.build_hints import hints_at_stable_abi
from matrix_runner.request import BuildInputs
from matrix_runner.wheelhouse import is_compatible, serves_several
from matrix_runner.wheelhouse.module_suffixes import FIRST_ABI3T, stable_abi
from matrix_runner.wheelhouse.wheel_name import parse_name


class SharedWheel(msgspec.Struct, frozen=True, kw_only=True):
    """A published wheel that other cells need not build again."""

    builder: Cell
    path: Path


class SharedWheels:
    """Published wheels of this run that serve several cells. Thread-safe.

    With `waits`, the first stable-ABI interpreter of a platform builds before the later ones start; among free-threaded
    ones the first that has one (PEP 803), unless that with the GIL is of 3.15 or later too: its wheel may be for both.
    And the other way round the wheel of a free-threaded one may be for later ones with the GIL: these wait for it too.
    Of several that serve a cell it tests the one that installers would take: of the newest Python.
    Without `waits`, a wheel's name tells it when it is built: of the cells that the wheel serves, the one with the
    oldest Python then builds it, and the others test that one. So no cell vouches for a wheel that it has not tested,
    and it is not a matter of speed which of two wheels of one name is delivered.
    """

    def __init__(self, jobs: Sequence[Job], *, waits: bool) -> None:
        """`jobs`: all jobs of the run, in plan order."""
        self._lock = threading.Lock()
        self._wheels: dict[Cell, SharedWheel] = {}
        self._leaders: dict[tuple[Platform, str], Cell] = {}
        self._finished: set[Cell] = set()
        self._awaited: dict[Cell, Cell] = {}
        self._cells = tuple(sorted((job.cell for job in jobs), key=_seniority))
        if waits:
            for cell in self._cells:
                abi = stable_abi(cell.interpreter)
                if abi is not None:
                    self._leaders.setdefault((cell.platform, abi), cell)

    @classmethod
    def of(cls, inputs: BuildInputs) -> "SharedWheels":
        """Create it for a build: cells wait for each other if a build file mentions the stable ABI."""
        return cls(inputs.plan.jobs, waits=hints_at_stable_abi(inputs.build_files))

    def may_start(self, job: Job) -> bool:
        """Whether the cell need not wait for another cell's wheel."""
        with self._lock:
            awaited = self._awaited.get(job.cell)
            return self.leaders(job.cell) | ({awaited} if awaited is not None else set()) <= self._finished

    def give_way(self, cell: Cell, wheel: str) -> Cell | None:
        """Return the cell that builds a wheel in this one's place, for which this one then waits; None: this one.

        `wheel`: the name of a wheel that the cell has built. The cell with the oldest Python that it serves builds it.
        """
        if not serves_several(wheel):
            return None
        with self._lock:
            for earlier in self._cells[: self._cells.index(cell)]:
                if earlier in self._finished or self._is_served(earlier):
                    continue
                if is_compatible(wheel, earlier.interpreter, earlier.platform):
                    self._awaited[cell] = earlier
                    return earlier
        return None

    def leader(self, cell: Cell) -> Cell | None:
        """Return the leader whose wheel this cell waits for and may reuse; None if there is none."""
        abi = stable_abi(cell.interpreter)
        if abi is None:
            return None
        with_gil = self._leaders.get((cell.platform, "abi3"))
        is_for_both = with_gil is not None and with_gil.interpreter.version >= FIRST_ABI3T
        leader = with_gil if is_for_both else self._leaders.get((cell.platform, abi))
        return None if leader == cell else leader

    def leaders(self, cell: Cell) -> frozenset[Cell]:
        """Return the leaders whose wheels may serve this cell, by what build files hint at."""
        each = (self.leader(cell), self._free_threaded_leader(cell))
        return frozenset(leader for leader in each if leader is not None)

    def _free_threaded_leader(self, cell: Cell) -> Cell | None:
        """Return the free-threaded leader whose wheel may serve a later cell with the GIL as well (`abi3.abi3t`)."""
        leader = self._leaders.get((cell.platform, "abi3t"))
        is_later = cell.interpreter.supports_stable_abi and cell.interpreter.version >= FIRST_ABI3T
        return leader if is_later and leader is not None and self.leader(leader) is None else None

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
            return self._found(cell)

    def _found(self, cell: Cell) -> SharedWheel | None:
        fitting = [w for w in self._wheels.values() if is_compatible(w.path.name, cell.interpreter, cell.platform)]
        return max(fitting, key=lambda wheel: _newest_python(wheel.path.name), default=None)

    def _is_served(self, cell: Cell) -> bool:
        """Whether another cell's wheel serves the cell, or is likely to: then it builds none."""
        leader = self.leader(cell)
        return (leader is not None and leader not in self._finished) or self._found(cell) is not None

    def wheel_of(self, builder: Cell) -> Path | None:
        """Return the wheel that a cell offered, or None if it offered none for several cells."""
        with self._lock:
            return None if builder not in self._wheels else self._wheels[builder].path


def _seniority(cell: Cell) -> tuple[bool, tuple[int, int], bool]:
    """Return the rank of a cell among those that one wheel serves: the oldest CPython first, as in cibuildwheel.

    Of one version, that with the GIL.
    """
    interpreter = cell.interpreter
    is_other = interpreter.implementation is not Implementation.CPYTHON
    return is_other, interpreter.version, interpreter.is_free_threaded


def _newest_python(wheel: str) -> int:
    """Return the minor version of the newest CPython that a wheel's name has; 0 for a generic one (`py3`)."""
    found = (re.fullmatch(r"cp3([0-9]+)", tag.interpreter) for tag in parse_name(wheel).tags)
    return max((int(match[1]) for match in found if match is not None), default=0)
