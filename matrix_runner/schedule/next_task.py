"""Scheduling decisions, as pure functions: queue order, and the next task for the free slots and memory."""

from collections.abc import Callable, Hashable, Sequence
from typing import Protocol

import msgspec


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """A task's demand. `slots`: 0 for one that uses no processor. `memory`: bytes, 0 if unspecified.

    `seconds`: its expected duration.
    """

    slots: int = 1
    memory: int = 0
    seconds: float = 0.0


class Capacity(msgspec.Struct, frozen=True, kw_only=True):
    """Total or free capacity. `memory` in bytes; None: not limited."""

    slots: int
    memory: int | None = None

    def limit(self, load: Load) -> Load:
        """Return the load cut to this capacity: a task that asks for more gets everything, and runs alone."""
        memory = load.memory if self.memory is None else min(load.memory, self.memory)
        return Load(slots=min(load.slots, self.slots), memory=memory, seconds=load.seconds)

    def has_memory(self, load: Load) -> bool:
        """Whether the load's memory is free."""
        return self.memory is None or load.memory <= self.memory


class Waiting(Protocol):
    """A task in the queue."""

    @property
    def load(self) -> Load:
        """The task's demand."""
        ...

    @property
    def is_open(self) -> bool:
        """Whether the task began ahead of its turn: it holds its memory, and needs no claim."""
        ...

    @property
    def overtaken(self) -> int:
        """How many tasks got slots while this one was too wide for the free ones."""
        ...


def fits(task: Waiting, free: Capacity) -> bool:
    """Whether the task's slots and memory are free."""
    return task.load.slots <= free.slots and (task.is_open or free.has_memory(task.load))


MayStart = Callable[[int], bool]
"""Asks whether the task at a queue position may start; a yes must stay a yes."""


def next_for_slots(queue: Sequence[Waiting], free: Capacity, patience: int, may_start: MayStart) -> int | None:
    """Return the queue position of the task that gets slots now, or None.

    The first task that fits, so that no usable slot lies idle. But a task overtaken `patience` times that may start is
    not overtaken again: capacity is reserved until it fits. If it lacks memory, tasks begun ahead do continue: they
    hold memory, and would never release it. Tasks that take no slot stand before all others.
    """
    for position, task in enumerate(queue):
        if not free.slots and task.load.slots:
            return None
        is_capacity = fits(task, free)
        if (is_capacity or task.overtaken >= patience) and (task.is_open or may_start(position)):
            if is_capacity:
                return position
            lacks_memory = not task.is_open and not free.has_memory(task.load)
            return _first_open(queue, position, free) if lacks_memory else None
    return None


def _first_open(queue: Sequence[Waiting], position: int, free: Capacity) -> int | None:
    """Return the position of the first begun task behind `position` that fits, or None."""
    later = range(position + 1, len(queue))
    return next((at for at in later if queue[at].is_open and fits(queue[at], free)), None)


def next_ahead(queue: Sequence[Waiting], free: Capacity, patience: int, may_start: MayStart) -> int | None:
    """Return the queue position of the task to begin although no slot is free for it, or None.

    Ahead of its turn, a task does work that takes time and no processor. It occupies its memory from then on.
    """
    for position, task in enumerate(queue):
        if task.is_open:
            continue
        is_capacity = free.has_memory(task.load)
        if (is_capacity or task.overtaken >= patience) and may_start(position):
            return position if is_capacity else None
    return None


def overtaken_by(queue: Sequence[Waiting], position: int, free: Capacity) -> tuple[int, ...]:
    """Return the positions of the tasks overtaken by the one at `position`: those before it that do not fit."""
    return tuple(earlier for earlier in range(position) if not fits(queue[earlier], free))


_ABOUT_AS_LONG = 0.8
"""The least part of a task's time for which it lets another go first: more at the end of a run would be lost."""


def may_take_over(waiting: Load, opening: Load) -> bool:
    """Whether a task that could work at once may have the slots of one that is still opening.

    Only if it is about as long: the longest tasks come first so that none of them is the last.
    """
    return waiting.slots == opening.slots and waiting.seconds >= _ABOUT_AS_LONG * opening.seconds


def queue_order(loads: Sequence[Load], groups: Sequence[Hashable | None]) -> tuple[int, ...]:
    """Return the positions of the tasks in starting order: longest first, and widest among equals.

    The longest task of each group precedes all others, so that the groups' shared work is done in parallel. None: no
    group. The order is stable.
    """
    longest_first = sorted(range(len(loads)), key=lambda at: (-loads[at].seconds, -loads[at].slots))
    leaders: dict[Hashable, int] = {}
    for position in longest_first:
        if groups[position] is not None:
            leaders.setdefault(groups[position], position)
    first = tuple(leaders.values())
    taken = set(first)
    return (*first, *(position for position in longest_first if position not in taken))
