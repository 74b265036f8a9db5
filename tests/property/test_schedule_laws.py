"""Laws of the choice of the next task, on whole runs that are played through: any loads, any room, any durations."""

from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from matrix_runner.schedule.next_task import Capacity, Load, next_ahead, next_for_slots, overtaken_by, queue_order

SECONDS = st.integers(1, 20).map(float)
SLOTLESS = st.builds(Load, slots=st.just(0), seconds=SECONDS)
CELLS = st.builds(Load, slots=st.integers(1, 6), memory=st.integers(0, 12), seconds=SECONDS)
LOADS = st.tuples(st.lists(SLOTLESS, max_size=3), st.lists(CELLS, max_size=11)).map(lambda two: two[0] + two[1])
"""Those that take no slot stand first."""
ROOMS = st.builds(Capacity, slots=st.integers(1, 4), memory=st.none() | st.integers(1, 10))


@dataclass(kw_only=True)
class Part:
    """A task of the play. `number`: its place at the start."""

    number: int
    load: Load
    is_open: bool = False
    overtaken: int = 0
    ends: float = 0.0


@dataclass(kw_only=True)
class Play:
    """A run in which time is a number: who gets slots in which order, and what is in use at each moment."""

    room: Capacity
    queue: list[Part]
    ahead: int = 0
    blocked: dict[int, int] = field(default_factory=dict)
    """Tasks that may not start until another has ended."""
    running: list[Part] = field(default_factory=list)
    ended: set[int] = field(default_factory=set)
    order: list[int] = field(default_factory=list)
    overtakings: dict[int, int] = field(default_factory=dict)
    now: float = 0.0

    def free(self) -> Capacity:
        """Return what is not in use; opened tasks have their memory."""
        slots = self.room.slots - sum(part.load.slots for part in self.running)
        if self.room.memory is None:
            return Capacity(slots=slots)
        opened = [part for part in self.queue if part.is_open]
        return Capacity(
            slots=slots, memory=self.room.memory - sum(part.load.memory for part in [*self.running, *opened])
        )

    def may_start(self, place: int) -> bool:
        """Whether what the task waits for has ended."""
        waits_for = self.blocked.get(self.queue[place].number)
        return waits_for is None or waits_for in self.ended

    def start_all(self) -> None:
        """Start whatever the rules let start now."""
        while True:
            free = self.free()
            place = next_for_slots(self.queue, free, self.room.slots, self.may_start)
            if place is not None:
                for earlier in overtaken_by(self.queue, place, free):
                    self.queue[earlier].overtaken += 1
                part = self.queue.pop(place)
                part.ends = self.now + part.load.seconds
                self.running.append(part)
                self.order.append(part.number)
            elif sum(part.is_open for part in self.queue) < self.ahead:
                place = next_ahead(self.queue, free, self.room.slots, self.may_start)
                if place is None:
                    return
                self.queue[place].is_open = True
            else:
                return

    def step(self) -> None:
        """Let time pass until the next task ends."""
        first = min(self.running, key=lambda part: part.ends)
        self.now = first.ends
        self.running.remove(first)
        self.ended.add(first.number)


def play(loads: list[Load], room: Capacity, *, ahead: int = 0, blocked: dict[int, int] | None = None) -> Play:
    """Return a run that has not begun."""
    parts = [Part(number=number, load=room.limit(load)) for number, load in enumerate(loads)]
    return Play(room=room, queue=parts, ahead=ahead, blocked=blocked or {})


BLOCKS = st.dictionaries(st.integers(1, 13), st.integers(0, 12), max_size=5)


def earlier(blocks: dict[int, int], tasks: int) -> dict[int, int]:
    """Keep those blocks by which a task waits for an earlier one that there is."""
    return {task: other for task, other in blocks.items() if other < task < tasks}


@given(LOADS, ROOMS, st.integers(0, 2), BLOCKS)
def test_every_task_runs_once_and_never_beyond_the_room(
    loads: list[Load], room: Capacity, ahead: int, blocks: dict[int, int]
) -> None:
    """Whatever tasks take up, wait for and last, all run, and what has begun never takes up more than there is."""
    run = play(loads, room, ahead=ahead, blocked=earlier(blocks, len(loads)))
    run.start_all()
    while run.running:
        free = run.free()
        assert free.slots >= 0
        assert free.memory is None or free.memory >= 0
        run.step()
        run.start_all()
    assert sorted(run.order) == list(range(len(loads)))


@given(LOADS, ROOMS, st.integers(0, 2), BLOCKS)
def test_nothing_that_can_be_used_lies_idle(
    loads: list[Load], room: Capacity, ahead: int, blocks: dict[int, int]
) -> None:
    """A task that may start and fits waits for nothing, unless room is kept for one that was overtaken often enough."""
    run = play(loads, room, ahead=ahead, blocked=earlier(blocks, len(loads)))
    run.start_all()
    while run.running:
        free = run.free()
        waiting = [part for place, part in enumerate(run.queue) if part.is_open or run.may_start(place)]
        fitting = [
            part
            for part in waiting
            if part.load.slots <= free.slots
            and (part.is_open or free.memory is None or part.load.memory <= free.memory)
        ]
        kept = any(part.overtaken >= room.slots for part in waiting)
        assert not fitting or kept
        run.step()
        run.start_all()


@given(st.integers(1, 4), st.lists(SECONDS, min_size=1, max_size=30), st.integers(1, 12))
def test_a_wide_task_does_not_starve(slots: int, others: list[float], place: int) -> None:
    """However many narrow tasks there are, one that needs all slots is overtaken no more often than there are slots."""
    wide = Load(slots=slots, seconds=5.0)
    loads = [Load(seconds=seconds) for seconds in others]
    at = min(place, len(loads))
    run = play([*loads[:at], wide, *loads[at:]], Capacity(slots=slots))
    run.start_all()
    while run.running:
        run.step()
        run.start_all()
    behind = [number for number in run.order[: run.order.index(at)] if number > at]
    assert len(behind) <= slots


@given(LOADS, st.lists(st.sampled_from([None, "x86_64", "i686"]), min_size=14, max_size=14))
def test_the_longest_come_first_after_one_of_each_group(loads: list[Load], groups: list[str | None]) -> None:
    """The queue has every task once: first each group's longest, then all by duration, equals in their order."""
    groups = groups[: len(loads)]
    order = queue_order(loads, groups)
    assert sorted(order) == list(range(len(loads)))
    count = len(set(groups) - {None})
    leaders = order[:count]
    assert {groups[at] for at in leaders} == set(groups) - {None}
    for at in leaders:
        assert loads[at].seconds == max(
            load.seconds for load, group in zip(loads, groups, strict=True) if group == groups[at]
        )
    for part in (leaders, order[count:]):
        keys = [(-loads[at].seconds, -loads[at].slots) for at in part]
        assert keys == sorted(keys)
    rest = order[count:]
    assert all(
        first < second
        for first, second in pairwise(rest)
        if (loads[first].seconds, loads[first].slots) == (loads[second].seconds, loads[second].slots)
    )


def test_what_asks_for_more_than_there_is_runs_alone() -> None:
    """Neither slots nor memory beyond all there is keep a task from running; nothing else runs beside it."""
    run = play([Load(slots=9, memory=99, seconds=3.0), Load(seconds=1.0)], Capacity(slots=2, memory=8), ahead=1)
    run.start_all()
    assert run.order == [0]
    run.step()
    run.start_all()
    assert run.order == [0, 1]


def test_a_task_goes_ahead_only_with_its_memory() -> None:
    """What is opened ahead takes up memory, and one for which there is none is passed over."""
    loads = [Load(memory=6, seconds=9.0), Load(memory=6, seconds=5.0), Load(memory=2, seconds=1.0)]
    run = play(loads, Capacity(slots=1, memory=8), ahead=1)
    run.start_all()
    assert [part.number for part in run.queue if part.is_open] == [2]
