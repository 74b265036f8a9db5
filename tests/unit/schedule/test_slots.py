"""Seats: who has slots while it works, who begins ahead of its turn, and how many processors a task is told to use."""

import threading
from collections.abc import Callable
from functools import partial

import pytest

from matrix_runner.schedule import Capacity, Interrupt, Load, Pool, Slot, Task

LONG = 60


def quiet() -> Interrupt:
    """Return an interrupt that never comes."""
    return Interrupt(on_first=lambda: None)


def sloted(
    run: Callable[[Slot], str], load: Load | None = None, claim: Callable[[int], bool] = lambda _: True
) -> Task[str]:
    """Return a task with a slot of its own."""
    slot = Slot(load or Load())
    return Task(run=partial(run, slot), claim=claim, slot=slot)


def test_the_next_begins_while_the_first_works_and_waits_for_its_slot() -> None:
    """With one slot, the second opens while the first holds the slot, but works only when that is given up."""
    story: list[str] = []
    second_is_open = threading.Event()

    def first(slot: Slot) -> str:
        with slot.acquired():
            assert second_is_open.wait(LONG)
            story.append("first worked")
        return "first"

    def second(slot: Slot) -> str:
        second_is_open.set()
        with slot.acquired():
            story.append("second worked")
        return "second"

    assert Pool([Capacity(slots=1)], ()).run([sloted(first), sloted(second)], quiet()) == ("first", "second")
    assert story == ["first worked", "second worked"]


def test_the_slot_is_free_while_its_task_closes() -> None:
    """What a task does after it gave its slot up keeps nobody from working."""
    second_worked = threading.Event()

    def first(slot: Slot) -> str:
        with slot.acquired():
            pass
        assert second_worked.wait(LONG)
        return "first"

    def second(slot: Slot) -> str:
        with slot.acquired():
            second_worked.set()
        return "second"

    assert Pool([Capacity(slots=1)], ()).run([sloted(first), sloted(second)], quiet()) == ("first", "second")


def test_no_more_work_at_once_than_there_are_slots() -> None:
    """Wide and narrow tasks never hold more slots together than there are, however they open and close."""
    lock = threading.Lock()
    held = [0]
    most = [0]

    def work(width: int, slot: Slot) -> str:
        with slot.acquired():
            with lock:
                held[0] += width
                most[0] = max(most[0], held[0])
            threading.Event().wait(0.002)
            with lock:
                held[0] -= width
        return "done"

    widths = [1, 3, 1, 2, 1, 1, 3, 2, 1, 1, 1, 2]
    tasks = [sloted(partial(work, width), Load(slots=width)) for width in widths]
    assert Pool([Capacity(slots=3)], ()).run(tasks, quiet()) == ("done",) * len(widths)
    assert most[0] <= 3


def test_tasks_whose_memory_is_too_much_together_never_meet() -> None:
    """Memory is taken up from the opening to the end: two halves fit, a third waits, though there are slots."""
    lock = threading.Lock()
    open_now = [0]
    most = [0]
    both = threading.Barrier(2)

    def work(number: int, slot: Slot) -> str:
        with lock:
            open_now[0] += 1
            most[0] = max(most[0], open_now[0])
        with slot.acquired():
            if number < 2:
                both.wait(LONG)
        with lock:
            open_now[0] -= 1
        return "done"

    tasks = [sloted(partial(work, number), Load(memory=50)) for number in range(6)]
    assert Pool([Capacity(slots=6, memory=100)], ()).run(tasks, quiet()) == ("done",) * 6
    assert most[0] == 2


def test_a_task_that_ends_without_its_slot_leaves_none_taken() -> None:
    """One that fails while it opens, ahead of its turn or not, keeps no slot from the others."""

    def fail(_: Slot) -> str:
        return "failed"

    def work(slot: Slot) -> str:
        with slot.acquired():
            return "worked"

    tasks = [sloted(fail), sloted(work), sloted(fail), sloted(fail), sloted(work)]
    assert Pool([Capacity(slots=1)], ()).run(tasks, quiet()) == ("failed", "worked", "failed", "failed", "worked")


def test_a_slot_does_not_wait_for_a_container() -> None:
    """What is open takes the slot of one that opens still, which gets the next."""
    worked = threading.Event()

    def slow(slot: Slot) -> str:
        assert worked.wait(LONG)
        with slot.acquired():
            return "slow"

    def quick(slot: Slot) -> str:
        with slot.acquired():
            worked.set()
            return "quick"

    assert Pool([Capacity(slots=1)], ()).run([sloted(slow), sloted(quick)], quiet()) == ("slow", "quick")


@pytest.mark.parametrize("load", [Load(seconds=10), Load(slots=2, seconds=100)])
def test_a_slot_is_kept_for_what_takes_longer(load: Load) -> None:
    """The longest keeps its slots while it opens, as it would be the last to end; so does one of another width."""
    opened, order = threading.Event(), []

    def longest(slot: Slot) -> str:
        assert opened.wait(LONG)
        threading.Event().wait(0.05)
        with slot.acquired():
            order.append("longest")
        return "longest"

    def other(slot: Slot) -> str:
        opened.set()
        with slot.acquired():
            order.append("other")
        return "other"

    tasks = [sloted(longest, Load(seconds=100)), sloted(other, load)]
    assert Pool([Capacity(slots=load.slots)], ()).run(tasks, quiet()) == ("longest", "other")
    assert order == ["longest", "other"]


def test_a_slot_can_be_taken_once_more() -> None:
    """A task that tries again after its first attempt gets a slot again, before those that have not begun."""
    order: list[str] = []

    def twice(slot: Slot) -> str:
        for attempt in ("one", "two"):
            with slot.acquired():
                order.append(attempt)
        return "twice"

    def later(slot: Slot) -> str:
        with slot.acquired():
            order.append("later")
        return "later"

    assert Pool([Capacity(slots=1)], (), ahead=0).run([sloted(twice), sloted(later)], quiet()) == ("twice", "later")
    assert order.index("two") > order.index("one")
    assert sorted(order) == ["later", "one", "two"]


def test_a_task_alone_may_use_all_processors() -> None:
    """A single task is told all slots; tasks that fill the slots are told their own; a wide one, its width."""
    meeting = threading.Barrier(3)

    def alone(slot: Slot) -> str:
        with slot.acquired():
            return str(slot.share)

    def together(slot: Slot) -> str:
        with slot.acquired():
            meeting.wait(LONG)
            share = str(slot.share)
            meeting.wait(LONG)
        return share

    assert Pool([Capacity(slots=4)], ()).run([sloted(alone)], quiet()) == ("4",)
    loads = (Load(slots=2), Load(), Load())
    assert Pool([Capacity(slots=4)], ()).run([sloted(together, load) for load in loads], quiet()) == ("2", "1", "1")


def test_slots_that_blocked_tasks_cannot_use_are_shared_until_they_can() -> None:
    """While others wait for it, a task may use their processors; once they have begun, it may not."""
    released = threading.Event()
    begun = threading.Event()
    pool = Pool([Capacity(slots=2)], ())

    def leader(slot: Slot) -> str:
        with slot.acquired():
            before = slot.share
            released.set()
            pool.wake()
            assert begun.wait(LONG)
            return f"{before} then {slot.share}"

    def follower(slot: Slot) -> str:
        with slot.acquired():
            begun.set()
            assert ended.wait(LONG)
        return "followed"

    ended = threading.Event()

    def lead(slot: Slot) -> str:
        try:
            return leader(slot)
        finally:
            ended.set()

    tasks = [sloted(lead), sloted(follower, claim=lambda _: released.is_set())]
    assert pool.run(tasks, quiet()) == ("2 then 1", "followed")


def test_a_slot_without_a_pool_is_free() -> None:
    """Whoever runs a cell by hand need not have a pool."""
    slot = Slot(Load(slots=3))
    with slot.acquired():
        assert slot.share == 3
