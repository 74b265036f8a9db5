"""What cells share within a run: wheels that serve several cells, and images that `before-all` prepared.

Both answer the scheduler's question "may this job start?": an abi3 wheel is built by one cell and tested by the others,
and `before-all` is run by one cell for all of its image.
"""

import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from matrix_runner.matrix import Job
from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import Failure
from matrix_runner.model.platforms import Platform
from matrix_runner.wheelhouse import is_compatible, serves_several

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
class SharedWheel:
    """A published wheel that other cells need not build again."""

    builder: Cell
    path: Path


class SharedWheels:
    """Published wheels of this run that serve several cells. Thread-safe.

    With `waits`, the first stable-ABI interpreter of a platform builds before the later ones start.
    """

    def __init__(self, jobs: Iterable[Job], *, waits: bool) -> None:
        """`jobs`: all of the run, in plan order."""
        self._lock = threading.Lock()
        self._wheels: dict[Cell, SharedWheel] = {}
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

    def add(self, wheel: SharedWheel) -> None:
        """Offer a published wheel to the cells that start later; those that waited for its cell need not any more."""
        with self._lock:
            self._finished.add(wheel.builder)
            if serves_several(wheel.path.name):
                self._wheels[wheel.builder] = wheel

    def find(self, cell: Cell) -> SharedWheel | None:
        """Return a wheel made for several cells that installs on this one, if one is published."""
        with self._lock:
            return next(
                (w for w in self._wheels.values() if is_compatible(w.path.name, cell.interpreter, cell.platform)),
                None,
            )

    def wheel_of(self, builder: Cell) -> Path | None:
        """Return the wheel that a cell put here, if it serves several cells."""
        with self._lock:
            return None if builder not in self._wheels else self._wheels[builder].path


@dataclass(frozen=True, kw_only=True, slots=True)
class FailedBeforeAll:
    """A `before-all` that failed for all cells that share it: in which of them, and why."""

    by: Cell
    failure: Failure


@dataclass(frozen=True, kw_only=True, slots=True)
class PreparedImage:
    """An image in which `before-all` has been run. `source`: digest of the project's files in it.

    `is_kept`: an earlier run made it, so that it may be damaged, or gone when it is wanted.
    """

    image: str
    source: str
    is_kept: bool = False


@dataclass(kw_only=True, slots=True)
class _BeforeAllRun:
    """How far `before-all` is for one image; changed only under the lock of `BeforeAllRuns`."""

    by: Cell | None
    prepared: PreparedImage | None = None
    failure: Failure | None = None
    is_settled: bool = False


class BeforeAllRuns:
    """Which images have had their `before-all`, by whom. Thread-safe.

    The first cell of an image runs it and goes on in the same container; the others wait, then start from a snapshot.
    Where an earlier run left such an image, all start from that, and nobody waits.
    """

    def __init__(self, key: Callable[[Job], str | None]) -> None:
        """`key`: what makes two jobs share a preparation; None for a job that needs none."""
        self._key = key
        self._lock = threading.Condition()
        self._by_key: dict[str, _BeforeAllRun] = {}

    def key(self, job: Job) -> str | None:
        """Return what the jobs that share a preparation have in common; None for a job that needs none."""
        return self._key(job)

    def adopt(self, key: str, prepared: PreparedImage) -> None:
        """Take what an earlier run prepared, before any cell starts."""
        with self._lock:
            self._by_key[key] = _BeforeAllRun(by=None, prepared=prepared, is_settled=True)

    def reject(self, job: Job, prepared: PreparedImage) -> None:
        """Give up an image of an earlier run that cannot be used; it falls to this cell to prepare another.

        If another cell found out before, it falls to that one.
        """
        key = self._key(job)
        with self._lock:
            if key is not None and self._by_key[key].prepared == prepared:
                self._by_key[key] = _BeforeAllRun(by=job.cell)

    def wait(self, job: Job, is_cancelled: Callable[[], bool]) -> None:
        """Return when the cell may start: at once, but for one that found an image rejected by another cell."""
        with self._lock:
            while not is_cancelled() and not self.claim(job):
                self._lock.wait(0.5)

    def claim(self, job: Job) -> bool:
        """Whether the cell may start; if nobody has prepared its image, it is now the one to do so."""
        key = self._key(job)
        if key is None:
            return True
        with self._lock:
            preparation = self._by_key.setdefault(key, _BeforeAllRun(by=job.cell))
            return preparation.by == job.cell or preparation.is_settled

    def is_preparer(self, job: Job) -> bool:
        """Whether it falls to this cell to run `before-all`, and it has not yet."""
        key = self._key(job)
        with self._lock:
            preparation = None if key is None else self._by_key.get(key)
            return preparation is not None and preparation.by == job.cell and not preparation.is_settled

    def settle(self, job: Job, *, prepared: PreparedImage | None = None, failure: Failure | None = None) -> None:
        """Say how the preparation ended; `prepared`: what to start from, None for the image as it was."""
        key = self._key(job)
        if key is None:
            return
        with self._lock:
            preparation = self._by_key[key]
            if preparation.by == job.cell and not preparation.is_settled:
                preparation.is_settled = True
                preparation.prepared, preparation.failure = prepared, failure
                self._lock.notify_all()

    def release(self, job: Job) -> None:
        """Say that the cell ended. If it never came to `before-all`, that falls to the next cell that asks."""
        key = self._key(job)
        with self._lock:
            if key is not None and self.is_preparer(job):
                del self._by_key[key]
                self._lock.notify_all()

    def prepared(self, job: Job) -> PreparedImage | None:
        """Return the prepared image, or None where the original one serves."""
        key = self._key(job)
        with self._lock:
            preparation = None if key is None else self._by_key.get(key)
            return None if preparation is None else preparation.prepared

    def failed_by(self, job: Job) -> FailedBeforeAll | None:
        """Return the `before-all` that this cell shares and that failed, if it did."""
        key = self._key(job)
        with self._lock:
            preparation = None if key is None else self._by_key.get(key)
            if preparation is None or preparation.failure is None or preparation.by is None:
                return None
            return FailedBeforeAll(by=preparation.by, failure=preparation.failure)
