"""The state of a node: what of its capacity is free, the tasks that have begun there, and the claims it was refused."""

from collections.abc import Sequence

import msgspec

from matrix_runner.schedule.loads import Capacity, Load
from matrix_runner.schedule.waiting_tasks import Entry, Field, Lane


class Refusals(msgspec.Struct, kw_only=True):
    """The tasks of a lane whose claims a node was refused. `epoch`: the lane's, at which they were."""

    epoch: int
    entries: set[Entry] = msgspec.field(default_factory=set)


class NodeState(msgspec.Struct, kw_only=True, eq=False):
    """The state of a node: its capacity, and how many tasks are there.

    `free_memory`: None if it is not limited. `ahead_limit`: how many may begin before their slots are free. `fields`:
    of the tasks that may start here. `opened`: those that have begun and wait for slots, in the order of the queue.
    `opening`: those that have their slots, and do not use them yet. `slotless`: those that need none.
    """

    number: int
    total: Capacity
    ahead_limit: int
    free_slots: int
    free_memory: int | None
    fields: tuple[Field, ...]
    opened: list[Entry] = msgspec.field(default_factory=list)
    opening: list[Entry] = msgspec.field(default_factory=list)
    refused: dict[Lane, Refusals] = msgspec.field(default_factory=dict)
    active: int = 0
    ahead: int = 0
    slotless: int = 0

    @property
    def is_full(self) -> bool:
        """Whether no task can begin or get slots here, but one that takes none."""
        return not self.free_slots and self.ahead >= self.ahead_limit

    def occupy(self, *, slots: int = 0, memory: int = 0) -> None:
        """Take capacity; with negative numbers, give it back."""
        self.free_slots -= slots
        if self.free_memory is not None:
            self.free_memory -= memory

    def fits(self, entry: Entry) -> bool:
        """Whether the task's slots and memory are free."""
        return self._has_slots(entry.load) if entry.is_open else self._has_room(entry.load)

    def has_memory(self, entry: Entry) -> bool:
        """Whether the task's memory is free."""
        return self._has_memory(entry.load)

    def _has_room(self, load: Load) -> bool:
        return self._has_slots(load) and self._has_memory(load)

    def _has_slots(self, load: Load) -> bool:
        return min(load.slots, self.total.slots) <= self.free_slots

    def _has_memory(self, load: Load) -> bool:
        free, total = self.free_memory, self.total.memory
        return free is None or total is None or min(load.memory, total) <= free

    def reserves_for(self, entry: Entry) -> bool:
        """Whether the task was overtaken so often that it is not overtaken again."""
        overtaken = entry.overtaken if entry.is_open else entry.line.overtaken(entry)
        return overtaken >= self.total.slots

    def overtake(self, entry: Entry) -> None:
        """Count for the tasks before one that gets slots here that they are too wide for what is free."""
        for earlier in self.opened:
            earlier.overtaken += earlier.rank < entry.rank and not self.fits(earlier)
        for field in self.fields:
            for line in field.lines:
                if not self._has_room(line.load):
                    line.overtake(entry.rank)

    def limited(self, load: Load) -> Load:
        """Return what a task takes up here."""
        return self.total.limit(load)

    def is_refused(self, entry: Entry) -> bool:
        """Whether the task's claim was refused, and cannot have changed since."""
        known = self.refused.get(entry.lane)
        return known is not None and known.epoch == entry.lane.epoch and entry in known.entries

    def refuse(self, entry: Entry) -> None:
        """Note a claim that was refused."""
        known = self.refused.get(entry.lane)
        if known is None or known.epoch != entry.lane.epoch:
            known = self.refused[entry.lane] = Refusals(epoch=entry.lane.epoch)
        known.entries.add(entry)
        entry.lane.is_refused = True


def free_nodes(capacities: Sequence[Capacity], fields: Sequence[Field], ahead: int) -> tuple[NodeState, ...]:
    """Return nodes at which nothing has begun. `ahead`: how many tasks may begin before their slots are free."""
    of_node: list[list[Field]] = [[] for _ in capacities]
    for field in fields:
        for number in field.nodes:
            of_node[number].append(field)
    return tuple(
        NodeState(
            number=number,
            total=total,
            ahead_limit=min(ahead, total.slots),
            free_slots=total.slots,
            free_memory=total.memory,
            fields=tuple(of_node[number]),
        )
        for number, total in enumerate(capacities)
    )
