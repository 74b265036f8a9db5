"""The registry of `before-all` runs: the cells that share one, the cell that runs it, its result.

It decides whether a job may start (`claim`, for the scheduler), and gives each cell its part.
"""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from matrix_runner.matrix import Job
from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import Failure


class FailedBeforeAll(msgspec.Struct, frozen=True, kw_only=True):
    """A `before-all` that failed for all its cells: the cell that ran it, and the failure."""

    by: Cell
    failure: Failure


class PreparedImage(msgspec.Struct, frozen=True, kw_only=True):
    """An image in which `before-all` has run, or the layer that makes one of the job's own image.

    `image`: its id, None for a layer. `source`: digest of the project's files in it; a layer has none of them. `layer`:
    a file of `carry.carried_layers`. `is_existing`: made by an earlier run, so it may be damaged or already removed.
    """

    image: str | None
    source: str = ""
    layer: Path | None = None
    is_existing: bool = False


class BeforeAllPart(msgspec.Struct, frozen=True, kw_only=True):
    """A cell's part in its `before-all`.

    `image`: the prepared image to start from, None for the job's own. `is_runner`: this cell must run `before-all`.
    `failed`: another cell's failed run.
    """

    image: PreparedImage | None = None
    is_runner: bool = False
    failed: FailedBeforeAll | None = None


class _State(msgspec.Struct, kw_only=True):
    """The progress of one `before-all`; changed only under the registry's lock."""

    by: Cell | None
    prepared: PreparedImage | None = None
    failure: Failure | None = None
    is_settled: bool = False


class BeforeAllRegistry:
    """Every `before-all` of a run. Thread-safe.

    The first cell of a key runs it and continues in the same container; the others wait, then start from a snapshot. If
    an earlier run left the image, all start from that, and none waits.
    """

    def __init__(self) -> None:
        """Create it without cells."""
        self._keys: dict[Cell, str] = {}
        self._lock = threading.Condition()
        self._states: dict[str, _State] = {}

    def expect(self, keys: Mapping[Cell, str]) -> None:
        """Add cells with a `before-all`, before they start, with their keys. Those with equal keys share one."""
        with self._lock:
            self._keys.update(keys)

    def key(self, cell: Cell) -> str | None:
        """Return a cell's key; None if it has no `before-all`, or none that is known."""
        return self._keys.get(cell)

    def keys(self) -> tuple[str, ...]:
        """Return the key of each cell."""
        with self._lock:
            return tuple(self._keys.values())

    def adopt(self, key: str, prepared: PreparedImage) -> None:
        """Register a prepared image of an earlier run, before any of its cells starts."""
        with self._lock:
            self._states[key] = _State(by=None, prepared=prepared, is_settled=True)

    def is_settled(self, key: str) -> bool:
        """Whether the result of a `before-all` is known already."""
        with self._lock:
            return key in self._states and self._states[key].is_settled

    def claim(self, job: Job) -> bool:
        """Whether the cell may start. Assigns a `before-all` without a cell to this one, until `release`."""
        key = self._keys.get(job.cell)
        if key is None:
            return True
        with self._lock:
            state = self._states.setdefault(key, _State(by=job.cell))
            return state.by == job.cell or state.is_settled

    def wait(self, job: Job, is_cancelled: Callable[[], bool]) -> BeforeAllPart:
        """Return the cell's part; waits only if another cell has meanwhile rejected the image."""
        with self._lock:
            while not is_cancelled() and not self.claim(job):
                self._lock.wait(0.5)
            return self.part(job)

    def part(self, job: Job) -> BeforeAllPart:
        """Return the cell's current part."""
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
        """Reject an unusable image of an earlier run; this cell must prepare another.

        If another cell rejected it before, that cell does.
        """
        key = self._keys.get(job.cell)
        with self._lock:
            if key is not None and self._states[key].prepared == prepared:
                self._states[key] = _State(by=job.cell)

    def settle(self, job: Job, *, prepared: PreparedImage | None = None, failure: Failure | None = None) -> None:
        """Record the result of the cell's `before-all`. `prepared`: None for the image as it was."""
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
        """Record that the cell has ended. If it never ran its `before-all`, the next cell that asks does."""
        key = self._keys.get(job.cell)
        with self._lock:
            state = None if key is None else self._states.get(key)
            if key is not None and state is not None and state.by == job.cell and not state.is_settled:
                del self._states[key]
                self._lock.notify_all()
