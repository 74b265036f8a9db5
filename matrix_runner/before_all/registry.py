"""Which cells share a `before-all` in this run, which of them runs it, and how that ended.

The registry answers the scheduler's question whether a job may start (`claim`), and gives each cell its part.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from matrix_runner.matrix import Job
from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import Failure


@dataclass(frozen=True, kw_only=True, slots=True)
class FailedBeforeAll:
    """A `before-all` that failed for all cells that share it: the cell that ran it, and why."""

    by: Cell
    failure: Failure


@dataclass(frozen=True, kw_only=True, slots=True)
class PreparedImage:
    """An image in which `before-all` has been run. `source`: digest of the project's files in it.

    `is_existing`: an earlier run made it, so that it may be damaged, or gone when it is wanted.
    """

    image: str
    source: str
    is_existing: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class BeforeAllPart:
    """A cell's part in its `before-all`.

    `image`: the prepared image to start from, None for the job's own. `is_runner`: it falls to this cell to run
    `before-all`. `failed`: another cell has run it, and it failed.
    """

    image: PreparedImage | None = None
    is_runner: bool = False
    failed: FailedBeforeAll | None = None


@dataclass(kw_only=True, slots=True)
class _State:
    """The progress of one `before-all`; changed only under the registry's lock."""

    by: Cell | None
    prepared: PreparedImage | None = None
    failure: Failure | None = None
    is_settled: bool = False


class BeforeAllRegistry:
    """Every `before-all` of a run. Thread-safe.

    The first cell of an image runs it and goes on in the same container; the others wait, then start from a snapshot.
    Where an earlier run left such an image, all start from that, and none waits.
    """

    def __init__(self, keys: Mapping[Cell, str]) -> None:
        """`keys`: of each cell that has a `before-all`; cells with equal keys share one."""
        self._keys = keys
        self._lock = threading.Condition()
        self._states: dict[str, _State] = {}

    def adopt(self, key: str, prepared: PreparedImage) -> None:
        """Take the image that an earlier run prepared, before any cell starts."""
        with self._lock:
            self._states[key] = _State(by=None, prepared=prepared, is_settled=True)

    def claim(self, job: Job) -> bool:
        """Whether the cell may start. If no cell has taken its `before-all` on, this one has now, and keeps it."""
        key = self._keys.get(job.cell)
        if key is None:
            return True
        with self._lock:
            state = self._states.setdefault(key, _State(by=job.cell))
            return state.by == job.cell or state.is_settled

    def wait(self, job: Job, is_cancelled: Callable[[], bool]) -> BeforeAllPart:
        """Return the cell's part: at once, but for a cell that found an image rejected by another meanwhile."""
        with self._lock:
            while not is_cancelled() and not self.claim(job):
                self._lock.wait(0.5)
            return self.part(job)

    def part(self, job: Job) -> BeforeAllPart:
        """Return the cell's part as it is now."""
        with self._lock:
            state = self._states.get(self._keys.get(job.cell, ""))
            if state is None:
                return BeforeAllPart()
            failed = None
            if state.failure is not None and state.by is not None:
                failed = FailedBeforeAll(by=state.by, failure=state.failure)
            is_runner = state.by == job.cell and not state.is_settled
            return BeforeAllPart(image=state.prepared, is_runner=is_runner, failed=failed)

    def reject(self, job: Job, prepared: PreparedImage) -> None:
        """Give up an image of an earlier run that cannot be used; it falls to this cell to prepare another.

        If another cell found out before, it falls to that one.
        """
        key = self._keys.get(job.cell)
        with self._lock:
            if key is not None and self._states[key].prepared == prepared:
                self._states[key] = _State(by=job.cell)

    def settle(self, job: Job, *, prepared: PreparedImage | None = None, failure: Failure | None = None) -> None:
        """Record how the cell's `before-all` ended. `prepared`: None for the image as it was."""
        key = self._keys.get(job.cell)
        if key is None:
            return
        with self._lock:
            state = self._states[key]
            if state.by == job.cell and not state.is_settled:
                state.is_settled = True
                state.prepared, state.failure = prepared, failure
                self._lock.notify_all()

    def release(self, job: Job) -> None:
        """Record that the cell has ended. If it never came to `before-all`, that falls to the next cell that asks."""
        key = self._keys.get(job.cell)
        with self._lock:
            state = None if key is None else self._states.get(key)
            if key is not None and state is not None and state.by == job.cell and not state.is_settled:
                del self._states[key]
                self._lock.notify_all()
