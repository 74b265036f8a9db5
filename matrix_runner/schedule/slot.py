"""A task's place among the slots: taken while it works, given up while it opens or closes what it works in."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from matrix_runner.schedule.next_task import Load


class SlotHandle(Protocol):
    """What a pool answers for one task."""

    def enter(self) -> None:
        """Wait for the task's slots."""
        ...

    def leave(self) -> None:
        """Give them up."""
        ...

    @property
    def share(self) -> int:
        """How many slots are to be used."""
        ...


class Slot:
    """For one task. Without a pool it is always free, and as wide as its load."""

    __slots__ = ("_handle", "load")

    def __init__(self, load: Load) -> None:
        """`load`: what the task takes up."""
        self.load = load
        self._handle: SlotHandle | None = None

    def bind(self, handle: SlotHandle) -> None:
        """Let a pool answer."""
        self._handle = handle

    def unbind(self) -> None:
        """Be without a pool again: the task has ended, and what the pool knows of it need not be kept."""
        self._handle = None

    @contextmanager
    def acquired(self) -> Iterator[None]:
        """Hold the task's slots; wait until they are free. Once the run is stopped, nothing is waited for."""
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
        """How many processors the task's tools may use now: its slots, and its part of those that nobody can use."""
        return max(self.load.slots, 1) if self._handle is None else self._handle.share
