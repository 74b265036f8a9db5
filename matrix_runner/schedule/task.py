"""The class `Task`, a unit of work for the pool, and the end `Again` of one that goes back to the queue."""

from collections.abc import Callable
from enum import Enum
from typing import Generic, TypeVar

import msgspec

from matrix_runner.schedule.next_task import Load
from matrix_runner.schedule.slot import Slot

R_co = TypeVar("R_co", covariant=True)


class Again(Enum):
    """The end of a task that goes back to the queue; its claim then says when it may start anew."""

    AGAIN = "again"


class Task(msgspec.Struct, Generic[R_co], frozen=True, kw_only=True):
    """A unit of work for the pool. `run` must not raise for expected errors.

    `claim`: asked before the task starts, one claim at a time; False postpones the task. Repeated when any task ends
    and on `Pool.wake`; a granted claim must stay granted. `slot`: for a task that holds its slots during only a part of
    `run` and may begin before it has them; None: one slot for the whole of `run`. `takes_slot`: False for a task that
    waits for the network rather than using a processor.
    """

    run: Callable[[], R_co | Again]
    claim: Callable[[], bool] = lambda: True
    slot: Slot | None = None
    takes_slot: bool = True

    @property
    def load(self) -> Load:
        """The task's demand."""
        return Load(slots=int(self.takes_slot)) if self.slot is None else self.slot.load
