"""Loads of tasks, capacities of nodes, and the order in which tasks stand in the queue. Pure."""

from collections.abc import Hashable, Sequence

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
        if load.slots <= self.slots and self.has_memory(load):
            return load
        memory = load.memory if self.memory is None else min(load.memory, self.memory)
        return Load(slots=min(load.slots, self.slots), memory=memory, seconds=load.seconds)

    def has_memory(self, load: Load) -> bool:
        """Whether the load's memory is free."""
        return self.memory is None or load.memory <= self.memory


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
