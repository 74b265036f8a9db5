"""Laws of the choice of the next task, on whole runs that are played through: any loads, any room, any durations."""

from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from queue_walk import QueueWalk
from virtual_run import Timing, VirtualRun

from matrix_runner.schedule import Area, Capacity, Load, Slot, Task, queue_order

SECONDS = st.integers(1, 20).map(float)
SLOTLESS = st.builds(Load, slots=st.just(0), seconds=SECONDS)
CELLS = st.builds(Load, slots=st.integers(1, 6), memory=st.integers(0, 12), seconds=SECONDS)
LOADS = st.tuples(st.lists(SLOTLESS, max_size=3), st.lists(CELLS, max_size=11)).map(lambda two: two[0] + two[1])
"""Those that take no slot stand first."""
ROOMS = st.builds(Capacity, slots=st.integers(1, 4), memory=st.none() | st.integers(1, 10))
BLOCKS = st.dictionaries(st.integers(1, 13), st.integers(0, 12), max_size=5)
"""Tasks that may not start until another has ended."""


@dataclass(kw_only=True)
class Play:
    """A course by the tasks' loads, and what has ended. `goes_back`: tasks that go back to the queue once."""

    loads: list[Load]
    blocks: dict[int, int] = field(default_factory=dict)
    goes_back: set[int] = field(default_factory=set)
    finished: set[int] = field(default_factory=set)

    def timing(self, number: int, node: int) -> Timing:
        """Each takes what it is expected to take, and its number decides between two that would end together."""
        return Timing(work=self.loads[number].seconds + number / 1000 + node / 1_000_000)

    def ended(self, number: int, _: int) -> bool:
        """Keep it, if it does not go back."""
        if number in self.goes_back:
            self.goes_back.remove(number)
            return True
        self.finished.add(number)
        return False

    def may_start(self, number: int) -> bool:
        """Whether what the task waits for has ended."""
        waits_for = self.blocks.get(number)
        return waits_for is None or waits_for in self.finished

    def tasks(self, areas: tuple[Area | None, ...] = (None,), lanes: int = 0) -> list[Task[object]]:
        """Return the tasks. `lanes`: how many there are, of which those that wait share one with what they wait for."""

        def lane(number: int) -> int | None:
            while number in self.blocks:
                number = self.blocks[number]
            return None if not lanes else number % lanes

        def task(number: int, load: Load) -> Task[object]:
            is_asked_for_all = number % 2
            return Task(
                run=lambda: None,
                is_ready=(lambda: self.may_start(number)) if is_asked_for_all else (lambda: True),
                claim=lambda _: bool(is_asked_for_all) or self.may_start(number),
                slot=Slot(load),
                area=areas[number % len(areas)],
                lane=lane(number),
            )

        return [task(number, load) for number, load in enumerate(self.loads)]


def play(
    loads: list[Load], room: Capacity, *, ahead: int = 0, blocks: dict[int, int] | None = None
) -> tuple[VirtualRun, Play]:
    """Return a run at one node that has not begun, and its course."""
    course = Play(loads=loads, blocks=earlier(blocks or {}, len(loads)))
    return VirtualRun.of(course.tasks(), [room], course, ahead=ahead), course


def earlier(blocks: dict[int, int], tasks: int) -> dict[int, int]:
    """Keep those blocks by which a task waits for an earlier one that there is."""
    return {task: other for task, other in blocks.items() if other < task < tasks}


def order(run: VirtualRun) -> list[int]:
    """Return the tasks in the order in which they got their slots."""
    return [step.task for step in run.steps if step.is_work]


@given(LOADS, ROOMS, st.integers(0, 2), BLOCKS)
def test_every_task_runs_once_and_never_beyond_the_room(
    loads: list[Load], room: Capacity, ahead: int, blocks: dict[int, int]
) -> None:
    """Whatever tasks take up, wait for and last, all run, and what has begun never takes up more than there is."""
    run, _ = play(loads, room, ahead=ahead, blocks=blocks)
    (node,) = run.turns.nodes
    run.start()
    while not run.is_over:
        begun = [attempt.entry for attempt in run.attempts.values()]
        assert node.free_slots == room.slots - sum(each.taken.slots for each in begun if each.has_slots)
        assert node.free_slots >= 0
        if room.memory is not None:
            assert node.free_memory == room.memory - sum(each.taken.memory for each in begun)
            assert node.free_memory >= 0
        run.advance()
    assert sorted(order(run)) == list(range(len(loads)))


@given(LOADS, ROOMS, st.integers(0, 2), BLOCKS)
def test_nothing_that_can_be_used_lies_idle(
    loads: list[Load], room: Capacity, ahead: int, blocks: dict[int, int]
) -> None:
    """A task that may start and fits waits for nothing, unless room is kept for one that was overtaken often enough."""
    run, course = play(loads, room, ahead=ahead, blocks=blocks)
    (node,) = run.turns.nodes
    run.start()
    while not run.is_over:
        worked = set(order(run))
        queued = [each for each in run.turns.entries if each.position not in worked]
        waiting = [each for each in queued if each.is_open or course.may_start(each.position)]
        kept = any(node.reserves_for(each) for each in waiting)
        assert kept or not any(node.fits(each) for each in waiting)
        run.advance()


@given(st.integers(1, 4), st.lists(SECONDS, min_size=1, max_size=30), st.integers(1, 12))
def test_a_wide_task_does_not_starve(slots: int, others: list[float], place: int) -> None:
    """However many narrow tasks there are, one that needs all slots is overtaken no more often than there are slots."""
    wide = Load(slots=slots, seconds=5.0)
    loads = [Load(seconds=seconds) for seconds in others]
    at = min(place, len(loads))
    run, _ = play([*loads[:at], wide, *loads[at:]], Capacity(slots=slots))
    run.play()
    assert len([number for number in order(run)[: order(run).index(at)] if number > at]) <= slots


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
    run, _ = play([Load(slots=9, memory=99, seconds=3.0), Load(seconds=1.0)], Capacity(slots=2, memory=8), ahead=1)
    run.start()
    assert order(run) == [0]
    run.advance()
    assert order(run) == [0, 1]


def test_a_task_goes_ahead_only_with_its_memory() -> None:
    """What is opened ahead takes up memory, and one for which there is none is passed over."""
    loads = [Load(memory=6, seconds=9.0), Load(memory=6, seconds=5.0), Load(memory=2, seconds=1.0)]
    run, _ = play(loads, Capacity(slots=1, memory=8), ahead=1)
    run.start()
    assert [step.task for step in run.steps if not step.is_work] == [0, 2]


BACK = st.sets(st.integers(0, 13), max_size=3)


@given(LOADS, ROOMS, st.integers(0, 2), BLOCKS, BACK, st.integers(0, 3))
def test_it_is_decided_as_by_a_walk_along_the_queue(  # noqa: PLR0917
    loads: list[Load], room: Capacity, ahead: int, blocks: dict[int, int], back: set[int], lanes: int
) -> None:
    """What begins when, and who gets slots, is what the plain rules say, whatever lanes the tasks are in."""
    assert_same(loads, [room], ahead, blocks, back, lanes, ())


@given(LOADS, st.lists(ROOMS, min_size=2, max_size=4), BLOCKS, BACK, st.integers(0, 3))
def test_it_is_decided_so_at_several_nodes_too(
    loads: list[Load], rooms: list[Capacity], blocks: dict[int, int], back: set[int], lanes: int
) -> None:
    """With tasks that may start at any node, at the first or at the last ones."""
    areas = (frozenset(range(len(rooms))), frozenset((0,)), frozenset((len(rooms) - 2, len(rooms) - 1)))
    assert_same(loads, rooms, 2, blocks, back, lanes, areas)


def assert_same(  # noqa: PLR0917
    loads: list[Load],
    rooms: list[Capacity],
    ahead: int,
    blocks: dict[int, int],
    back: set[int],
    lanes: int,
    areas: tuple[frozenset[int], ...],
) -> None:
    """Play a run by both, and compare every step."""
    told = []
    for kind in (VirtualRun.of, QueueWalk):
        course = Play(loads=loads, blocks=earlier(blocks, len(loads)), goes_back=set(back))
        tasks = course.tasks(tuple(Area(nodes=nodes) for nodes in areas) or (None,), lanes)
        run = kind(tasks, rooms, course, ahead=ahead)
        run.play()
        told.append(sorted(run.steps, key=lambda step: (step.at, step.is_work, step.task)))
    assert told[0] == told[1]
