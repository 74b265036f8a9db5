"""The state of a batch of tasks: each task's own, the queue, the tasks that have begun, the free capacity."""

import threading
from collections import deque

import msgspec

from matrix_runner.schedule.next_task import Capacity, Load, may_take_over


class Entry(msgspec.Struct, kw_only=True, eq=False):
    """A task's state in the batch; `next_task.Waiting` while it is queued."""

    position: int
    load: Load
    may_go_ahead: bool
    is_open: bool = False
    overtaken: int = 0
    is_queued: bool = True
    has_slots: bool = False
    turn: threading.Condition | None = None
    """Notified when the task gets its slots; exists only while its thread waits for them."""


class BatchState(msgspec.Struct, kw_only=True):
    """The queue of waiting tasks, the begun tasks without a thread, and the free capacity.

    `opening`: tasks that have their slots, and do not use them yet.
    """

    free: Capacity
    queue: list[Entry] = msgspec.field(default_factory=list)
    begun: deque[Entry] = msgspec.field(default_factory=deque)
    opening: list[Entry] = msgspec.field(default_factory=list)
    active: int = 0
    ahead: int = 0
    slotless: int = 0

    def take_over(self, entry: Entry) -> None:
        """Give a task that could work the slots of one that could not use them yet, which is the next to get any."""
        other = next((one for one in self.opening if may_take_over(entry.load, one.load)), None)
        if other is None:
            return
        self.opening.remove(other)
        self.queue.remove(entry)
        self.queue.insert(0, other)
        other.has_slots, other.is_queued, other.is_open = False, True, True
        entry.has_slots, entry.is_queued = True, False
