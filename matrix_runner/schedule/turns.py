"""Whose turn it is: the state of a batch of tasks on its nodes, and every step of it. Without threads, without a clock.

`Batch` drives it with threads; a simulation drives it with a clock of its own.
"""

from collections import deque
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

from matrix_runner.schedule.loads import Capacity, may_take_over
from matrix_runner.schedule.next_task import NextTask, next_ahead, next_for_slots
from matrix_runner.schedule.node_state import NodeState, free_nodes
from matrix_runner.schedule.task import Area, Task
from matrix_runner.schedule.waiting_tasks import Entry, Field, Lane

R = TypeVar("R")

AHEAD = 2
"""Tasks that may begin before their slots are free: the next containers open while the current cells run. Two, since
cells that began together often end together; never more than there are slots."""


class Turns(Generic[R]):
    """The queue, the tasks that have begun, and the nodes. One caller at a time.

    `entries`: of the tasks, in their order. `begun`: tasks that nobody runs yet. `granted`: those that got the slots
    for which somebody waits. Whoever drives it empties both. `active`: how many tasks have begun and not ended;
    `unbegun`: how many have not begun. After each step `settle` decides what follows from it.
    """

    def __init__(
        self,
        tasks: Sequence[Task[R]],
        nodes: Sequence[Capacity],
        *,
        ahead: int = AHEAD,
        is_ending: Callable[[], bool] = lambda: False,
    ) -> None:
        """`nodes`: the total capacity of each. `ahead`: at each of them. `is_ending`: whether no task is to start."""
        self._tasks = tasks
        self._is_ending = is_ending
        self._lanes: dict[Hashable, Lane] = {None: Lane()}
        self._front = 0
        self._slotless = 0
        self.active = 0
        self.unbegun = len(tasks)
        self.begun: deque[Entry] = deque()
        self.granted: deque[Entry] = deque()
        fields: dict[Area | None, Field] = {}
        everywhere = Area(nodes=frozenset(range(len(nodes))))
        for area in dict.fromkeys(task.area for task in tasks):
            where = area or everywhere
            fields[area] = Field(where.nodes, where.is_open, max(total.slots for total in nodes))
        # Backwards, as the end of a line is where it grows.
        backwards = [self._entry(at, tasks[at], fields[tasks[at].area]) for at in reversed(range(len(tasks)))]
        self.entries = tuple(reversed(backwards))
        self.nodes = free_nodes(nodes, tuple(fields.values()), ahead)
        self._unsettled = set(range(len(nodes)))
        """The nodes at which something may have become possible."""
        self._unused: set[int] = set()
        """The nodes that found nothing for what is free."""
        self._changed: dict[Lane, bool] = {}
        """The lanes whose claims may have changed; whether areas may have, too."""
        self._kept: dict[Entry, set[int]] = {}
        """The nodes that keep capacity for a task."""

    def _entry(self, position: int, task: Task[R], field: Field) -> Entry:
        load, may_go_ahead = task.load, task.slot is not None
        line = field.line(load, may_go_ahead=may_go_ahead)
        lane = self._lanes.get(task.lane) or self._lanes.setdefault(task.lane, Lane())
        entry = Entry(position=position, rank=position, load=load, may_go_ahead=may_go_ahead, line=line, lane=lane)
        self._join(entry)
        return entry

    def _join(self, entry: Entry) -> None:
        """Put a task that has not begun into its line and its lane."""
        field, lane = entry.line.field, entry.lane
        field.put(entry)
        entry.line.waiting += 1
        lane.fields.add(field)
        lane.waiting += 1
        lane.slotless += not entry.load.slots
        self._slotless += not entry.load.slots

    @property
    def is_stuck(self) -> bool:
        """Whether tasks wait for each other, and none runs."""
        return bool(self.unbegun) and not self.active

    def settle(self) -> None:
        """Assign free slots, and begin the tasks that may begin."""
        self._settle()
        if self.is_stuck and not self._is_ending():
            # A claim may have changed for a reason that no lane tells.
            self.reconsider()
            self._settle()

    def _settle(self) -> None:
        while (self._changed or self._unsettled) and not self._is_ending():
            self._ask_again()
            nodes = [self.nodes[number] for number in sorted(self._unsettled)]
            self._unsettled.clear()
            # Slots first, at all nodes: what could work elsewhere at once is not to wait for its turn here.
            for advance in (self._give_slots, self._go_ahead):
                for node in nodes:
                    while not self._is_ending() and advance(node):
                        pass
            self._unused.difference_update(node.number for node in nodes if node.is_full)
            self._unused.update(node.number for node in nodes if not node.is_full)

    def reconsider(self) -> None:
        """Have all refused claims asked again, and all nodes look that have something free."""
        self._changed.update(dict.fromkeys(self._lanes.values(), True))

    def ask_for_slots(self, entry: Entry) -> None:
        """Queue a task that held slots before, and works once more: it goes first."""
        if entry.has_slots or entry.is_queued:
            return
        node = self._node_of(entry)
        self._front -= 1
        entry.rank, entry.is_queued = self._front, True
        node.opened.insert(0, entry)
        node.ahead += 1
        self._unsettled.add(node.number)

    def use_slots(self, entry: Entry) -> None:
        """Have a task use its slots, those of one that cannot use them yet, or wait: see `Entry.has_slots`."""
        node = self._node_of(entry)
        if entry.has_slots:
            node.opening.remove(entry)
            return
        other = next((one for one in node.opening if may_take_over(entry.taken, one.taken)), None)
        if other is None:
            entry.is_awaited = True
            return
        node.opening.remove(other)
        node.opened.remove(entry)
        # The next to get any.
        self._front -= 1
        other.rank = self._front
        node.opened.insert(0, other)
        other.has_slots, other.is_queued = False, True
        entry.has_slots, entry.is_queued = True, False

    def give_back(self, entry: Entry) -> None:
        """Take back a task's slots, or withdraw it from the queue."""
        self._give_up(entry)
        self._ask_others(entry)

    def end(self, entry: Entry, *, is_queued_again: bool = False) -> None:
        """End a task, or put it back in front of the queue."""
        node = self._node_of(entry)
        self._give_up(entry)
        node.active, self.active = node.active - 1, self.active - 1
        node.slotless -= not entry.taken.slots
        node.occupy(memory=-entry.taken.memory)
        if is_queued_again:
            self._front -= 1
            entry.rank, entry.node, entry.overtaken = self._front, None, 0
            entry.is_queued, entry.is_ready = True, False
            entry.line = entry.line.field.line(entry.load, may_go_ahead=entry.may_go_ahead, only_for=entry)
            # What it waits for now is not what its lane tells.
            entry.lane = self._lanes[None]
            self._changed[entry.lane] = True
            self.unbegun += 1
            self._join(entry)
        self._ask_others(entry)

    def share(self, entry: Entry) -> int:
        """Return a task's slots plus its part of those that no task can use now."""
        node = self._node_of(entry)
        at_work = max(node.active - node.ahead - node.slotless, 1)
        return entry.taken.slots + node.free_slots // at_work

    def _ask_others(self, entry: Entry) -> None:
        """Have those claims asked again that a task's end, or that of its work, may have changed."""
        own = self._tasks[entry.position].lane
        if own is None:
            self.reconsider()
            return
        for lane in (self._lanes.get(own), self._lanes[None]):
            if lane is not None:
                self._changed.setdefault(lane, False)

    def _ask_again(self) -> None:
        """Ask what is not ready in the lanes that may have changed, and have nodes look where that may help."""
        changed, self._changed = self._changed, {}
        for lane, is_all in changed.items():
            parked, lane.parked = lane.parked, []
            for entry in parked:
                entry.is_ready = self._tasks[entry.position].is_ready()
                if entry.is_ready:
                    entry.line.field.put(entry)
                else:
                    lane.parked.append(entry)
            if lane.waiting and (is_all or lane.is_refused or len(lane.parked) < len(parked)):
                lane.epoch, lane.is_refused = lane.epoch + 1, False
                for field in lane.fields:
                    self._unsettled.update(field.nodes if lane.slotless else field.nodes & self._unused)

    def _give_up(self, entry: Entry) -> None:
        node = self._node_of(entry)
        entry.is_awaited = False
        if entry in node.opening:
            node.opening.remove(entry)
        if entry.has_slots:
            entry.has_slots = False
            node.occupy(slots=-entry.taken.slots)
        elif entry.is_queued:
            entry.is_queued = False
            node.opened.remove(entry)
            node.ahead -= 1
        self._unsettled.add(node.number)

    def _node_of(self, entry: Entry) -> NodeState:
        """Return the node at which a task has begun."""
        assert entry.node is not None  # noqa: S101  it is set where a task begins
        return self.nodes[entry.node]

    def _may_start(self, entry: Entry, node: NodeState) -> bool:
        if node.is_refused(entry):
            return False
        task = self._tasks[entry.position]
        if not entry.is_ready:
            if not task.is_ready():
                entry.line.field.take(entry)
                entry.lane.parked.append(entry)
                return False
            entry.is_ready = True
        if task.claim(node.number):
            return True
        node.refuse(entry)
        return False

    def _give_slots(self, node: NodeState) -> bool:
        if not node.free_slots and not self._slotless:
            return False
        found = next_for_slots(node, lambda entry: self._may_start(entry, node))
        entry = found.task
        self._keep(node, found)
        if entry is None:
            return False
        if entry.load.slots:
            node.overtake(entry)
        if entry.is_open:
            node.opened.remove(entry)
            node.ahead -= 1
        else:
            self._begin(entry, node)
        entry.is_queued, entry.has_slots = False, True
        node.occupy(slots=entry.taken.slots)
        if entry.is_awaited:
            entry.is_awaited = False
            self.granted.append(entry)
        elif entry.may_go_ahead:
            node.opening.append(entry)
        return True

    def _go_ahead(self, node: NodeState) -> bool:
        if node.ahead >= node.ahead_limit:
            return False
        found = next_ahead(node, lambda entry: self._may_start(entry, node))
        entry = found.task
        self._keep(node, found)
        if entry is None:
            return False
        entry.overtaken = entry.line.overtaken(entry)
        self._begin(entry, node)
        node.ahead += 1
        at = next((at for at, other in enumerate(node.opened) if other.rank > entry.rank), len(node.opened))
        node.opened.insert(at, entry)
        return True

    def _keep(self, node: NodeState, found: NextTask) -> None:
        if found.kept_for is not None:
            self._kept.setdefault(found.kept_for, set()).add(node.number)

    def _begin(self, entry: Entry, node: NodeState) -> None:
        lane = entry.lane
        entry.line.field.take(entry)
        entry.line.waiting -= 1
        entry.line.field.forget(entry.line)
        lane.waiting -= 1
        lane.slotless -= not entry.load.slots
        self._slotless -= not entry.load.slots
        if not lane.waiting:
            key = self._tasks[entry.position].lane
            if self._lanes.get(key) is lane and key is not None:
                del self._lanes[key]
        self.unbegun -= 1
        self._unsettled.update(self._kept.pop(entry, ()))
        entry.node, entry.taken = node.number, node.limited(entry.load)
        slot = self._tasks[entry.position].slot
        if slot is not None:
            slot.node = node.number
        node.active, self.active = node.active + 1, self.active + 1
        node.slotless += not entry.taken.slots
        node.occupy(memory=entry.taken.memory)
        self.begun.append(entry)
