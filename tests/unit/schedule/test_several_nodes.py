"""A pool of several nodes: each has slots and memory of its own, and a claim says where a task may start."""

import threading
from collections import Counter
from collections.abc import Callable
from functools import partial

import pytest

from matrix_runner.schedule import Again, Capacity, Interrupt, Load, Pool, Slot, Task

LONG = 60


def quiet() -> Interrupt:
    """Return an interrupt that never comes."""
    return Interrupt(on_first=lambda: None)


def task(run: Callable[[Slot], object], load: Load | None = None, nodes: tuple[int, ...] = (0, 1, 2)) -> Task[object]:
    """Return a task with a slot, which may start at some nodes."""
    slot = Slot(load or Load())
    return Task(run=partial(run, slot), claim=lambda node: node in nodes, slot=slot)


class Usage:
    """The most tasks at work at each node at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now: Counter[int] = Counter()
        self.most: Counter[int] = Counter()

    def work(self, slot: Slot) -> int:
        """Hold the slots for a moment; return the node."""
        with slot.acquired():
            with self._lock:
                self._now[slot.node] += 1
                self.most[slot.node] = max(self.most[slot.node], self._now[slot.node])
            threading.Event().wait(0.002)
            with self._lock:
                self._now[slot.node] -= 1
        return slot.node


def test_no_node_has_more_tasks_than_slots() -> None:
    """All of them are used."""
    usage = Usage()
    ran = Pool([Capacity(slots=1), Capacity(slots=3)], ()).run([task(usage.work) for _ in range(60)], quiet())
    assert set(ran) == {0, 1}
    assert usage.most[0] <= 1
    assert usage.most[1] <= 3


def test_a_claim_says_where() -> None:
    """A task starts at a node that it names, also when another one is idle."""
    nodes = [(number % 3,) for number in range(30)]
    pool = Pool([Capacity(slots=2)] * 3, ())
    ran = pool.run([task(lambda slot: slot.node, nodes=each) for each in nodes], quiet())
    assert [(node,) for node in ran] == nodes


@pytest.mark.parametrize("slots", [1, 2])
def test_one_that_needs_more_than_a_small_node_has_gets_all_of_it(slots: int) -> None:
    """It is cut to the node at which it starts, not to the largest."""
    shares: list[int] = []

    def work(slot: Slot) -> None:
        with slot.acquired():
            shares.append(slot.share)

    Pool([Capacity(slots=slots), Capacity(slots=8)], ()).run([task(work, Load(slots=8), (0,))], quiet())
    assert shares == [slots]


def test_memory_is_a_nodes_own() -> None:
    """Two tasks that need all memory run at the same time on two nodes, one on each."""
    together = threading.Barrier(2, timeout=LONG)

    def work(slot: Slot) -> int:
        with slot.acquired():
            together.wait()
        return slot.node

    ran = Pool([Capacity(slots=2, memory=8)] * 2, ()).run([task(work, Load(memory=8)) for _ in range(2)], quiet())
    assert sorted(map(str, ran)) == ["0", "1"]


def test_one_that_goes_back_may_start_at_another_node() -> None:
    """As its claim says by then, ahead of tasks that have not begun."""
    gone: set[int] = set()

    def work(slot: Slot) -> int | Again:
        with slot.acquired():
            if slot.node == 1 and 1 not in gone:
                gone.add(1)
                return Again.AGAIN
        return slot.node

    slot = Slot(Load())
    one = Task(run=partial(work, slot), claim=lambda node: (node == 1) is not (1 in gone), slot=slot)
    assert Pool([Capacity(slots=1), Capacity(slots=1)], ()).run([one], quiet()) == (0,)


def test_what_could_work_elsewhere_at_once_is_not_begun_ahead() -> None:
    """Four tasks of the same length on two nodes with two slots: two on each."""
    all_began = threading.Barrier(4, timeout=LONG)

    def work(slot: Slot) -> int:
        with slot.acquired():
            all_began.wait()
        return slot.node

    ran = Pool([Capacity(slots=2)] * 2, ()).run([task(work) for _ in range(4)], quiet())
    assert Counter(ran) == {0: 2, 1: 2}


def test_a_task_without_slots_starts_on_a_node_that_is_full() -> None:
    """It waits for the network, and others wait for it."""
    arrived = threading.Event()

    def work(slot: Slot) -> int:
        with slot.acquired():
            assert arrived.wait(LONG)
        return slot.node

    bring = Task(run=arrived.set, claim=lambda node: node == 1, takes_slot=False)
    ran = Pool([Capacity(slots=1)] * 2, ()).run([bring, *(task(work) for _ in range(4))], quiet())
    assert set(ran[1:]) == {0, 1}
