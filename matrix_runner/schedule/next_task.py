"""Scheduling decisions: the next task for a node's free slots and memory. They change nothing."""

from collections.abc import Callable
from heapq import heappop, heappush

import msgspec

from matrix_runner.schedule.node_state import NodeState
from matrix_runner.schedule.waiting_tasks import Entry, Field

MayStart = Callable[[Entry], bool]
"""Asks whether a task that has not begun may start here; a yes stays one. It may take the task out of its line."""


class NextTask(msgspec.Struct, frozen=True, kw_only=True):
    """A decision. `task`: None if nothing can start; `kept_for`: the task for which capacity is kept."""

    task: Entry | None = None
    kept_for: Entry | None = None


class _Walk:
    """The tasks that a node may start next, in the order of the queue: of each line the first, then as it is asked."""

    def __init__(self, node: NodeState, *, with_open: bool) -> None:
        """`with_open`: with those that have begun."""
        self._found: list[tuple[int, int, Entry, Field | None]] = []
        self._count = 0
        self._last: int | None = None
        for field in node.fields:
            first = field.head_after(None)
            if first is not None and field.is_open(node.number):
                self._push(first, field)
        for entry in node.opened if with_open else ():
            self._push(entry, None)

    def _push(self, entry: Entry, field: Field | None) -> None:
        self._count += 1
        heappush(self._found, (entry.rank, self._count, entry, field))

    def next(self) -> Entry | None:
        """Return the next task."""
        while self._found:
            rank, _, entry, field = heappop(self._found)
            if field is not None:
                following = field.head_after(rank)
                if following is not None:
                    self._push(following, field)
            # A line's second task is found twice once the first has left.
            if self._last is None or rank > self._last:
                self._last = rank
                return entry
        return None

    def go_on_behind(self, entry: Entry) -> None:
        """Have the task's line looked at further."""
        following = entry.line.after(entry.rank)
        if following is not None:
            self._push(following, None)


def next_for_slots(node: NodeState, may_start: MayStart) -> NextTask:
    """Return the task that gets slots of a node now.

    The first task that fits, so that no usable slot lies idle. But a task overtaken as often as there are slots, which
    may start, is not overtaken again: capacity is reserved until it fits. If it lacks memory, tasks begun ahead do
    continue: they hold memory, and would never release it. What takes no slot waits for none.
    """
    walk = _Walk(node, with_open=True)
    while (entry := walk.next()) is not None:
        if not node.free_slots and entry.load.slots:
            continue
        is_capacity = node.fits(entry)
        if not is_capacity and not node.reserves_for(entry):
            continue
        if not entry.is_open and not may_start(entry):
            walk.go_on_behind(entry)
            continue
        if is_capacity:
            return NextTask(task=entry)
        later = None
        if not entry.is_open and not node.has_memory(entry):
            later = next((one for one in node.opened if one.rank > entry.rank and node.fits(one)), None)
        return NextTask(task=later, kept_for=entry)
    return NextTask()


def next_ahead(node: NodeState, may_start: MayStart) -> NextTask:
    """Return the task to begin at a node although no slot is free for it.

    Ahead of its turn, a task does work that takes time and no processor. It occupies its memory from then on.
    """
    walk = _Walk(node, with_open=False)
    while (entry := walk.next()) is not None:
        if not entry.may_go_ahead:
            continue
        is_capacity = node.has_memory(entry)
        if not is_capacity and not node.reserves_for(entry):
            continue
        if may_start(entry):
            return NextTask(task=entry) if is_capacity else NextTask(kept_for=entry)
        walk.go_on_behind(entry)
    return NextTask()
