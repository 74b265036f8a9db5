"""The scheduler's rules as they are said: one list, walked from its front for each node, whenever anything happens.

`Turns` keeps the same rules without the walk. Slow, and obvious: what tests hold it against.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from virtual_run import Course, Step

from matrix_runner.schedule import Capacity, Load, Task


@dataclass(kw_only=True, eq=False)
class Walker:
    """A task. `node`: where it has begun; `ends`: when its work ends, once it works."""

    number: int
    load: Load
    may_go_ahead: bool
    node: int | None = None
    overtaken: int = 0
    ends: float | None = None


@dataclass(kw_only=True)
class Place:
    """A node: what there is, and what is free."""

    total: Capacity
    slots: int
    memory: int | None
    ahead_limit: int
    ahead: int = 0

    def has_memory(self, task: Walker) -> bool:
        """Whether the task's memory is free."""
        return self.memory is None or self.total.limit(task.load).memory <= self.memory

    def fits(self, task: Walker) -> bool:
        """Whether the task's slots and memory are free."""
        slots = self.total.limit(task.load).slots
        return slots <= self.slots and (task.node is not None or self.has_memory(task))


class QueueWalk:
    """A run by the rules. Opening and closing take no time here."""

    def __init__(self, tasks: Sequence[Task[object]], nodes: Sequence[Capacity], course: Course, *, ahead: int) -> None:
        """`ahead`: how many tasks may begin at each node before their slots are free."""
        self._tasks = tasks
        self._course = course
        self._places = [
            Place(total=total, slots=total.slots, memory=total.memory, ahead_limit=min(ahead, total.slots))
            for total in nodes
        ]
        self._queue = [
            Walker(number=number, load=task.load, may_go_ahead=task.slot is not None)
            for number, task in enumerate(tasks)
        ]
        self._working: list[Walker] = []
        self._now = 0.0
        self.steps: list[Step] = []

    def play(self) -> None:
        """Play the run to its end."""
        self._settle()
        while self._working:
            task = min(self._working, key=lambda one: one.ends or 0.0)
            assert task.ends is not None
            assert task.node is not None
            self._now = task.ends
            self._working.remove(task)
            place, node = self._places[task.node], task.node
            taken = place.total.limit(task.load)
            place.slots += taken.slots
            place.memory = None if place.memory is None else place.memory + taken.memory
            if self._course.ended(task.number, node):
                task.node, task.overtaken, task.ends = None, 0, None
                self._queue.insert(0, task)
            self._settle()

    def _settle(self) -> None:
        is_new = True
        while is_new:
            is_new = False
            for advance in (self._give_slots, self._go_ahead):
                for number in range(len(self._places)):
                    while advance(number):
                        is_new = True

    def _may_ever_start(self, task: Walker, number: int) -> bool:
        area = self._tasks[task.number].area
        return task.node == number if task.node is not None else area is None or number in area.nodes

    def _may_start(self, task: Walker, number: int) -> bool:
        own = self._tasks[task.number]
        if task.node is not None or not self._may_ever_start(task, number):
            return task.node == number
        return (own.area is None or own.area.is_open(number)) and own.is_ready() and own.claim(number)

    def _is_kept_for(self, task: Walker, number: int) -> bool:
        return task.overtaken >= self._places[number].total.slots

    def _next(self, number: int) -> Walker | None:
        """The first that fits; one overtaken here as often as there are slots has capacity kept for it."""
        place = self._places[number]
        for at, task in enumerate(self._queue):
            if not place.slots and task.load.slots:
                continue
            fits = place.fits(task)
            if not (fits or self._is_kept_for(task, number)) or not self._may_start(task, number):
                continue
            if fits:
                return task
            if task.node is None and not place.has_memory(task):
                later = (one for one in self._queue[at + 1 :] if one.node == number and place.fits(one))
                return next(later, None)
            return None
        return None

    def _give_slots(self, number: int) -> bool:
        place, task = self._places[number], self._next(number)
        if task is None:
            return False
        for earlier in self._queue[: self._queue.index(task)] if task.load.slots else ():
            earlier.overtaken += self._may_ever_start(earlier, number) and not place.fits(earlier)
        self._queue.remove(task)
        if task.node is None:
            self._begin(task, number)
        else:
            place.ahead -= 1
        place.slots -= place.total.limit(task.load).slots
        task.ends = self._now + self._course.timing(task.number, number).work
        self._working.append(task)
        self.steps.append(Step(at=self._now, task=task.number, node=number, is_work=True))
        return True

    def _go_ahead(self, number: int) -> bool:
        place = self._places[number]
        if place.ahead >= place.ahead_limit:
            return False
        for task in self._queue:
            if task.node is not None or not task.may_go_ahead:
                continue
            has_memory = place.has_memory(task)
            if (has_memory or self._is_kept_for(task, number)) and self._may_start(task, number):
                if has_memory:
                    place.ahead += 1
                    self._begin(task, number)
                return has_memory
        return False

    def _begin(self, task: Walker, number: int) -> None:
        place = self._places[number]
        task.node = number
        if place.memory is not None:
            place.memory -= place.total.limit(task.load).memory
        self.steps.append(Step(at=self._now, task=task.number, node=number, is_work=False))
