"""The tasks that have not begun, sorted by where they may start and what they take, so that a node finds its next.

A node looks at the first task of each line, not at every task. Whatever the number of tasks and nodes, taking one out
costs the logarithm of their number.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Hashable, Iterable

import msgspec

from matrix_runner.schedule.loads import Load


class Lane(msgspec.Struct, kw_only=True, eq=False):
    """Tasks whose claims change together. `epoch`: how often they may have; `is_refused`: whether any was since.

    `parked`: those that are not ready, out of their lines until the next change. `waiting`: how many have not begun;
    `slotless`: of these, those that take no slot. `fields`: where they stand.
    """

    epoch: int = 0
    is_refused: bool = False
    parked: list["Entry"] = msgspec.field(default_factory=list)
    waiting: int = 0
    slotless: int = 0
    fields: set["Field"] = msgspec.field(default_factory=set)


class Entry(msgspec.Struct, kw_only=True, eq=False):
    """A task's state. `position`: among the tasks of the batch; `rank`: its place in the queue, the least is first.

    `load`: as the task asks. `taken`: what it occupies at the node where it has begun. `node`: that one. `overtaken`:
    how many tasks got slots while this one had begun, and was too wide for the free ones.
    """

    position: int
    rank: int
    load: Load
    may_go_ahead: bool
    line: "Line"
    lane: Lane
    taken: Load = Load(slots=0)
    node: int | None = None
    overtaken: int = 0
    is_ready: bool = False
    is_queued: bool = True
    has_slots: bool = False
    is_awaited: bool = False
    """Whether its thread waits for its slots."""

    @property
    def is_open(self) -> bool:
        """Whether the task has begun: it holds its memory, and needs no claim."""
        return self.node is not None


def _downward(entry: Entry) -> int:
    return -entry.rank


class Line:
    """Tasks of one load that may start at the same nodes, in order; none of them has begun."""

    __slots__ = ("_entries", "_most", "_overtakers", "field", "key", "load", "waiting")

    def __init__(self, field: "Field", key: Hashable, load: Load, most: int) -> None:
        """`key`: by which the field knows it. `most`: how often a task need be known to be overtaken."""
        self.field = field
        self.key = key
        self.load = load
        self.waiting = 0
        """How many tasks have not begun, those that are parked too."""
        self._most = most
        self._entries: list[Entry] = []
        """From the last to the first, which is the one that leaves."""
        self._overtakers: list[int] = []
        """The greatest ranks of the tasks that overtook any of these: all those before one were overtaken by it."""

    @property
    def head(self) -> Entry | None:
        """The first task."""
        return self._entries[-1] if self._entries else None

    def after(self, rank: int) -> Entry | None:
        """Return the first task behind a rank."""
        at = bisect_left(self._entries, -rank, key=_downward)
        return self._entries[at - 1] if at else None

    def put(self, entry: Entry) -> None:
        """Put a task at its rank."""
        if not self._entries or entry.rank < self._entries[-1].rank:
            self._entries.append(entry)
        else:
            insort(self._entries, entry, key=_downward)

    def take(self, entry: Entry) -> None:
        """Take a task out."""
        if self._entries[-1] is entry:
            self._entries.pop()
        else:
            del self._entries[bisect_left(self._entries, -entry.rank, key=_downward)]

    def overtake(self, rank: int) -> None:
        """Note that a task with a rank got slots, for which these were too wide."""
        insort(self._overtakers, rank)
        del self._overtakers[: -self._most]

    def overtaken(self, entry: Entry) -> int:
        """Return how many tasks behind this one got slots, as far as need be known."""
        return len(self._overtakers) - bisect_right(self._overtakers, entry.rank)


class Field:
    """All lines of the tasks that may start at the same nodes."""

    __slots__ = ("_heads", "_lines", "_most", "_ranks", "is_open", "nodes")

    def __init__(self, nodes: frozenset[int], is_open: Callable[[int], bool], most: int) -> None:
        """`nodes`, `is_open`: as of `Area`. `most`: as for `Line`."""
        self.nodes = nodes
        self.is_open = is_open
        self._most = most
        self._lines: dict[Hashable, Line] = {}
        self._ranks: list[int] = []
        self._heads: dict[int, Entry] = {}

    def line(self, load: Load, *, may_go_ahead: bool, only_for: Entry | None = None) -> Line:
        """Return the line for a load; `only_for`: one of its own for a task, which so has been overtaken by none."""
        key = (load.slots, load.memory, may_go_ahead, only_for)
        if key not in self._lines:
            self._lines[key] = Line(self, key, load, self._most)
        return self._lines[key]

    @property
    def lines(self) -> Iterable[Line]:
        """The lines that have tasks."""
        return self._lines.values()

    def forget(self, line: Line) -> None:
        """Drop a line, if all its tasks have begun."""
        if not line.waiting:
            del self._lines[line.key]

    def head_after(self, rank: int | None) -> Entry | None:
        """Return the first task of a line that is the next behind a rank; None: the first of all."""
        at = 0 if rank is None else bisect_right(self._ranks, rank)
        return self._heads[self._ranks[at]] if at < len(self._ranks) else None

    def put(self, entry: Entry) -> None:
        """Put a task into its line."""
        line = entry.line
        before = line.head
        line.put(entry)
        self._replace(before, line.head)

    def take(self, entry: Entry) -> None:
        """Take a task out of its line."""
        line = entry.line
        before = line.head
        line.take(entry)
        self._replace(before, line.head)

    def _replace(self, before: Entry | None, after: Entry | None) -> None:
        if before is after:
            return
        if before is not None:
            del self._ranks[bisect_left(self._ranks, before.rank)], self._heads[before.rank]
        if after is not None:
            insort(self._ranks, after.rank)
            self._heads[after.rank] = after
