"""The class `Task`, a unit of work for the pool, and the end `Again` of one that goes back to the queue."""

from collections.abc import Callable, Hashable
from enum import Enum
from typing import Generic, TypeVar

import msgspec

from matrix_runner.schedule.loads import Load
from matrix_runner.schedule.slot import Slot

R_co = TypeVar("R_co", covariant=True)


class Again(Enum):
    """The end of a task that goes back to the queue; its claim then says when it may start anew."""

    AGAIN = "again"


class Area(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The nodes at which some tasks may start, ever, by number.

    `is_open`: whether any of these tasks may start at one of the nodes at the moment; asked whenever it looks for work.
    """

    nodes: frozenset[int]
    is_open: Callable[[int], bool] = lambda _: True


class Task(msgspec.Struct, Generic[R_co], frozen=True, kw_only=True):
    """A unit of work for the pool. `run` must not raise for expected errors.

    `claim`: asked before the task starts at a node, one claim at a time; False postpones the task there. Asked again as
    `lane` says; a granted claim must stay granted, but the task may start at another node. `slot`: for a task that
    holds its slots during only a part of `run` and may begin before it has them; None: one slot for the whole of `run`.
    `takes_slot`: False for a task that waits for the network rather than using a processor.

    What follows makes decisions cheap where there are many tasks and nodes. `area`: None for all nodes. `is_ready`:
    asked before any claim; False postpones the task everywhere. `lane`: tasks of one lane, and no others, change each
    other's answers. A refusal holds until one of them gives its slots back or ends, or one that has no lane does, or
    `Pool.wake`. Without a lane, or after it went back to the queue, a task is asked when any other ends.
    """

    run: Callable[[], R_co | Again]
    claim: Callable[[int], bool] = lambda _: True
    slot: Slot | None = None
    takes_slot: bool = True
    area: Area | None = None
    is_ready: Callable[[], bool] = lambda: True
    lane: Hashable = None

    @property
    def load(self) -> Load:
        """The task's demand."""
        return Load(slots=int(self.takes_slot)) if self.slot is None else self.slot.load
