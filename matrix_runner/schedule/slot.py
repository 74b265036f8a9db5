"""A task's slots: acquired while it works, released while it opens or closes its container."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from matrix_runner.schedule.loads import Load


class SlotHandle(Protocol):
    """The pool's side of one task's slots."""

    def enter(self) -> None:
        """Wait for the task's slots."""
        ...

    def leave(self) -> None:
        """Release the task's slots."""
        ...

    @property
    def share(self) -> int:
        """The number of slots that the task may use now."""
        ...


class Slot:
    """The slots of one task. Without a pool they are always free, and as many as its load asks for.

    `node`: the one at which the task has begun, as the pool counts its nodes.
    """

    __slots__ = ("_handle", "load", "node")

    def __init__(self, load: Load) -> None:
        """`load`: the task's demand."""
        self.load = load
        self.node = 0
        self._handle: SlotHandle | None = None

    def bind(self, handle: SlotHandle) -> None:
        """Attach to a pool."""
        self._handle = handle

    def unbind(self) -> None:
        """Detach from the pool, so that the ended task's state in it can be freed."""
        self._handle = None

    @contextmanager
    def acquired(self) -> Iterator[None]:
        """Hold the task's slots, after waiting until they are free. Once the run is stopped, does not wait."""
        handle = self._handle
        if handle is None:
            yield
            return
        handle.enter()
        try:
            yield
        finally:
            handle.leave()

    @property
    def share(self) -> int:
        """Processors that the task's tools may use now: its slots, and its part of those that no task can use."""
        return max(self.load.slots, 1) if self._handle is None else self._handle.share
