"""The state machine of the scheduler: where tasks may start, and which claims are asked again when."""

from collections import Counter
from collections.abc import Callable, Hashable
from functools import partial

from virtual_run import Timing, VirtualRun

from matrix_runner.schedule import Area, Capacity, Load, Slot, Task


class Plain:
    """A course in which each task takes its number and one second more, and none goes back unless it is told to."""

    def __init__(self, *, goes_back: int | None = None) -> None:
        """`goes_back`: a task that goes back to the queue once."""
        self.ended_in_order: list[int] = []
        self._goes_back = goes_back

    def timing(self, number: int, _: int) -> Timing:
        """Return what a task takes."""
        return Timing(work=number + 1.0)

    def ended(self, number: int, _: int) -> bool:
        """Keep it."""
        self.ended_in_order.append(number)
        is_again, self._goes_back = number == self._goes_back, None if number == self._goes_back else self._goes_back
        return is_again


def task(
    claim: Callable[[int], bool] = lambda _: True,
    *,
    area: Area | None = None,
    is_ready: Callable[[], bool] = lambda: True,
    lane: Hashable = None,
) -> Task[object]:
    """Return a task with a slot."""
    return Task(run=lambda: None, claim=claim, slot=Slot(Load()), area=area, is_ready=is_ready, lane=lane)


def nodes_of(run: VirtualRun) -> dict[int, set[int]]:
    """Return the nodes at which each task began."""
    found: dict[int, set[int]] = {}
    for step in run.steps:
        found.setdefault(step.task, set()).add(step.node)
    return found


def test_a_task_starts_in_its_area_only() -> None:
    """Also where other nodes are idle."""
    first, rest = Area(nodes=frozenset((0,))), Area(nodes=frozenset((1, 2)))
    tasks = [task(area=first) for _ in range(6)] + [task(area=rest) for _ in range(6)]
    run = VirtualRun.of(tasks, [Capacity(slots=1)] * 3, Plain())
    run.play()
    begun = nodes_of(run)
    assert all(begun[number] == {0} for number in range(6))
    assert all(begun[number] <= {1, 2} for number in range(6, 12))


def test_a_closed_area_is_asked_whenever_a_node_looks() -> None:
    """A node at which it is closed gets none of its tasks, whatever their claims say, until it is open."""
    closed = {1}
    area = Area(nodes=frozenset((0, 1)), is_open=lambda node: node not in closed)
    course = Plain()
    run = VirtualRun.of([task(area=area, lane="one") for _ in range(8)], [Capacity(slots=1)] * 2, course, ahead=0)
    run.start()
    run.advance()
    assert {step.node for step in run.steps} == {0}
    closed.clear()
    run.poke()
    while not run.is_over:
        run.advance()
    assert {step.node for step in run.steps} == {0, 1}
    assert sorted(course.ended_in_order) == list(range(8))


def test_claims_are_asked_again_only_when_their_lane_may_have_changed_them() -> None:
    """A hundred tasks of one lane end; those that wait in another are not asked each time."""
    asked: Counter[str] = Counter()
    course = Plain()

    def claim(name: str, node: int) -> bool:
        asked[name] += 1
        return name != "waits" or (node >= 0 and 100 in course.ended_in_order)

    tasks = [
        *(task(partial(claim, "runs"), lane="busy") for _ in range(100)),
        task(partial(claim, "first"), lane="other"),
        *(task(partial(claim, "waits"), lane="other") for _ in range(5)),
    ]
    run = VirtualRun.of(tasks, [Capacity(slots=2)], course, ahead=0)
    run.play()
    assert sorted(course.ended_in_order) == list(range(106))
    assert asked["runs"] == 100
    assert asked["waits"] <= 5 + 5 + 5


def test_a_task_that_is_not_ready_is_asked_once_for_all_nodes() -> None:
    """However many nodes have nothing to do, it is one question each time its lane changes."""
    asked = [0]
    course = Plain()

    def is_ready() -> bool:
        asked[0] += 1
        return 0 in course.ended_in_order

    run = VirtualRun.of([task(lane="a"), task(is_ready=is_ready, lane="a")], [Capacity(slots=1)] * 50, course)
    run.play()
    assert course.ended_in_order == [0, 1]
    assert asked[0] == 2


def test_one_that_went_back_is_asked_whenever_any_task_ends() -> None:
    """What it waits for now is known to nobody but its claim: here a task of another lane."""
    course = Plain(goes_back=0)

    def claim(_: int) -> bool:
        return not course.ended_in_order or 2 in course.ended_in_order

    tasks = [task(claim, lane="a"), task(lane="b"), task(lane="c"), *(task(lane="d") for _ in range(3))]
    run = VirtualRun.of(tasks, [Capacity(slots=2)], course, ahead=0)
    run.play()
    again = [step.at for step in run.steps if step.task == 0 and step.is_work]
    others = [step.at for step in run.steps if step.task == 5 and step.is_work]
    assert len(again) == 2
    assert again[1] < others[0]


def test_a_claim_that_no_lane_tells_is_asked_before_all_wait_for_ever() -> None:
    """A lane that says too little costs time, and does not stop the run."""
    course = Plain()
    tasks = [task(lane="a"), task(lambda _: 0 in course.ended_in_order, lane="b")]
    VirtualRun.of(tasks, [Capacity(slots=2)], course).play()
    assert course.ended_in_order == [0, 1]
