"""What cells share within a run: wheels that serve several cells, and images that `before-all` prepared.

Both answer the scheduler's question "may this job start?": an abi3 wheel is built by one cell and tested by the others,
and `before-all` is run by one cell for all of its image.
"""

import re
import threading
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from pathlib import Path

from matrix_runner.matrix import Job
from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import Failure
from matrix_runner.model.platforms import Platform
from matrix_runner.wheelhouse import is_compatible

_STABLE_ABI = re.compile(r"py[_-]limited[_-]api|limited[_-]api|Py_LIMITED_API|\babi3\b|wheel\.py-api")

_BUILD_FILES = ("pyproject.toml", "setup.py", "setup.cfg", "Cargo.toml", "meson.build", "CMakeLists.txt")


def hints_at_stable_abi(project: Path) -> bool:
    """Whether a build file speaks of the limited API, so that the first wheel may serve later interpreters.

    Only a hint: if it is wrong, cells wait for nothing, or build a wheel twice; the result is the same.
    """
    for name in _BUILD_FILES:
        try:
            text = (project / name).read_text("utf-8", errors="replace")
        except OSError:
            continue
        if _STABLE_ABI.search(text):
            return True
    return False


@dataclass(frozen=True, kw_only=True, slots=True)
class Reusable:
    """A published wheel that other cells need not build again."""

    builder: Cell
    path: Path


class Shelf:
    """Published wheels of this run that serve several cells. Thread-safe.

    With `waits`, the first stable-ABI interpreter of a platform builds before the later ones start.
    """

    def __init__(self, jobs: Iterable[Job], *, waits: bool) -> None:
        """`jobs`: all of the run, in plan order."""
        self._lock = threading.Lock()
        self._wheels: list[Reusable] = []
        self._leaders: dict[Platform, Cell] = {}
        self._finished: set[Cell] = set()
        if waits:
            for job in jobs:
                if job.cell.interpreter.supports_stable_abi:
                    leader = self._leaders.setdefault(job.cell.platform, job.cell)
                    if job.cell.interpreter.version < leader.interpreter.version:
                        self._leaders[job.cell.platform] = job.cell

    def may_start(self, job: Job) -> bool:
        """Whether the cell need not wait for another's wheel."""
        leader = self.leader(job)
        if leader is None:
            return True
        with self._lock:
            return leader in self._finished

    def leader(self, job: Job) -> Cell | None:
        """Return the cell whose wheel this one waits for, which may serve it too; None if there is none."""
        leader = self._leaders.get(job.cell.platform)
        if leader == job.cell or not job.cell.interpreter.supports_stable_abi:
            return None
        return leader

    def finish(self, cell: Cell) -> None:
        """Say that the cell ended, however it did: nobody need wait for it any more."""
        with self._lock:
            self._finished.add(cell)

    def add(self, wheel: Reusable) -> None:
        """Offer a published wheel to the cells that start later; those that waited for its cell need not any more."""
        with self._lock:
            self._wheels.append(wheel)
            self._finished.add(wheel.builder)

    def find(self, cell: Cell) -> Reusable | None:
        """Return a wheel that installs on the cell, if one is published."""
        with self._lock:
            return next(
                (w for w in self._wheels if is_compatible(w.path.name, cell.interpreter, cell.platform)),
                None,
            )

    def wheel_of(self, builder: Cell) -> Path | None:
        """Return the wheel that a cell put here, if it did."""
        with self._lock:
            return next((wheel.path for wheel in self._wheels if wheel.builder == builder), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class FailedPreparation:
    """A `before-all` that failed for all cells that share it: in which of them, and why."""

    by: Cell
    failure: Failure


@dataclass(kw_only=True, slots=True)
class _Preparation:
    """How far `before-all` is for one image; changed only under the lock of `Preparations`."""

    by: Cell
    image: str | None = None
    failure: Failure | None = None
    is_settled: bool = False


class Preparations:
    """Which images have had their `before-all`, by whom. Thread-safe.

    The first cell of an image runs it and goes on in the same container; the others wait, then start from a snapshot.
    """

    def __init__(self, key: Callable[[Job], Hashable | None]) -> None:
        """`key`: what makes two jobs share a preparation; None for a job that needs none."""
        self._key = key
        self._lock = threading.Lock()
        self._by_key: dict[Hashable, _Preparation] = {}

    def claim(self, job: Job) -> bool:
        """Whether the cell may start; if nobody has prepared its image, it is now the one to do so."""
        key = self._key(job)
        if key is None:
            return True
        with self._lock:
            preparation = self._by_key.setdefault(key, _Preparation(by=job.cell))
            return preparation.by == job.cell or preparation.is_settled

    def is_preparer(self, job: Job) -> bool:
        """Whether it falls to this cell to run `before-all`, and it has not yet."""
        key = self._key(job)
        with self._lock:
            preparation = None if key is None else self._by_key[key]
            return preparation is not None and preparation.by == job.cell and not preparation.is_settled

    def settle(self, job: Job, *, image: str | None = None, failure: Failure | None = None) -> None:
        """Say how the preparation ended; `image`: the snapshot to start from, None for the image as it was."""
        key = self._key(job)
        if key is None:
            return
        with self._lock:
            preparation = self._by_key[key]
            if preparation.by == job.cell and not preparation.is_settled:
                preparation.is_settled = True
                preparation.image, preparation.failure = image, failure

    def release(self, job: Job) -> None:
        """Say that the cell ended. If it never came to `before-all`, that falls to the next cell that asks."""
        key = self._key(job)
        if self.is_preparer(job):
            with self._lock:
                del self._by_key[key]

    def image(self, job: Job) -> str | None:
        """Return the prepared image, or None where the original one serves."""
        key = self._key(job)
        with self._lock:
            return None if key is None else self._by_key[key].image

    def failed_by(self, job: Job) -> FailedPreparation | None:
        """Return the `before-all` that this cell shares and that failed, if it did."""
        key = self._key(job)
        with self._lock:
            preparation = None if key is None else self._by_key[key]
            if preparation is None or preparation.failure is None:
                return None
            return FailedPreparation(by=preparation.by, failure=preparation.failure)
