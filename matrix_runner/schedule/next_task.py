"""Which task is next, given what waits and what is free. Pure: every decision of the pool is made here."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """What a task takes up. `memory` in bytes, 0 where nobody said; `seconds`: how long it is expected to take."""

    slots: int = 1
    memory: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Capacity:
    """What there is, or what of it is free. `memory` in bytes; None: nobody counts it."""

    slots: int
    memory: int | None = None

    def limit(self, load: Load) -> Load:
        """Return the load as far as it goes: what asks for more than all there is gets all, and runs alone."""
        memory = load.memory if self.memory is None else min(load.memory, self.memory)
        return Load(slots=min(max(load.slots, 1), self.slots), memory=memory, seconds=load.seconds)

    def has_memory(self, load: Load) -> bool:
        """Whether it has the memory that the load takes up."""
        return self.memory is None or load.memory <= self.memory


class Waiting(Protocol):
    """A task in the queue."""

    @property
    def load(self) -> Load:
        """What it takes up."""
        ...

    @property
    def is_open(self) -> bool:
        """Whether it was begun ahead of its turn: it has its memory, and may start."""
        ...

    @property
    def overtaken(self) -> int:
        """How many have got slots while it was too wide for those that were free."""
        ...


def fits(task: Waiting, free: Capacity) -> bool:
    """Whether there is room for it."""
    return task.load.slots <= free.slots and (task.is_open or free.has_memory(task.load))


MayStart = Callable[[int], bool]
"""Asks whether the task at a position in the queue may start at all; an answer of yes is to stay one."""


def next_for_slots(queue: Sequence[Waiting], free: Capacity, patience: int, may_start: MayStart) -> int | None:
    """Return the position in the queue of the task that gets slots now, or None.

    The first that fits, so that nothing that can be used lies idle. But one that was overtaken `patience` times, and
    may start, is not overtaken again: room is kept until it fits. If it is memory that it lacks, tasks that were begun
    ahead do go on: they hold some, and would never give it back.
    """
    if not free.slots:
        return None
    for position, task in enumerate(queue):
        is_capacity = fits(task, free)
        if (is_capacity or task.overtaken >= patience) and (task.is_open or may_start(position)):
            if is_capacity:
                return position
            lacks_memory = not task.is_open and not free.has_memory(task.load)
            return _first_open(queue, position, free) if lacks_memory else None
    return None


def _first_open(queue: Sequence[Waiting], position: int, free: Capacity) -> int | None:
    """Return the position of the first task behind `position` that was begun and fits, or None."""
    later = range(position + 1, len(queue))
    return next((at for at in later if queue[at].is_open and fits(queue[at], free)), None)


def next_ahead(queue: Sequence[Waiting], free: Capacity, patience: int, may_start: MayStart) -> int | None:
    """Return the position in the queue of the task to begin although no slot is free for it, or None.

    Ahead of its turn a task does what takes time and no processor. It takes its memory up from there on.
    """
    for position, task in enumerate(queue):
        if task.is_open:
            continue
        is_capacity = free.has_memory(task.load)
        if (is_capacity or task.overtaken >= patience) and may_start(position):
            return position if is_capacity else None
    return None


def overtaken_by(queue: Sequence[Waiting], position: int, free: Capacity) -> tuple[int, ...]:
    """Return the positions of the tasks that the one at `position` overtakes: those before it that are too wide."""
    return tuple(earlier for earlier in range(position) if not fits(queue[earlier], free))


def queue_order(loads: Sequence[Load], groups: Sequence[Hashable | None]) -> tuple[int, ...]:
    """Return the positions of the tasks in the order in which they should start: the longest first, the wide of these.

    First of all comes one task of each group, its longest: what its other tasks wait for is then made side by side for
    all groups. None: of no group. Where tasks are equal, they keep the order that they have.
    """
    longest_first = sorted(range(len(loads)), key=lambda at: (-loads[at].seconds, -loads[at].slots))
    leaders: dict[Hashable, int] = {}
    for position in longest_first:
        if groups[position] is not None:
            leaders.setdefault(groups[position], position)
    first = tuple(leaders.values())
    taken = set(first)
    return (*first, *(position for position in longest_first if position not in taken))
