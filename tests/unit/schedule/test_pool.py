"""The pool: how many at once, in which order, who waits for whom, and how it stops."""

import os
import signal
import threading
from collections.abc import Callable
from functools import partial

import pytest

from matrix_runner.errors import ExitCode
from matrix_runner.model.cells import Cell
from matrix_runner.model.events import Event, Notice, Output, Tick
from matrix_runner.schedule import Again, Capacity, Interrupt, Pool, Task
from matrix_runner.schedule.pool import QUEUE_LENGTH

LONG = 60
"""Seconds after which something that should happen is taken not to: no test waits so long unless it fails."""
CELL = Cell.parse("cp311-manylinux_x86_64")


class Ear:
    """Keeps what it hears, and does something each time."""

    def __init__(self, then: Callable[[Event], None] = lambda _: None) -> None:
        """`then`: called with each event, in the main thread."""
        self.heard: list[Event] = []
        self._then = then

    def handle(self, event: Event) -> None:
        """Keep it."""
        self.heard.append(event)
        self._then(event)

    def close(self) -> None:
        """Nothing is held."""


def quiet() -> Interrupt:
    """Return an interrupt that never comes: no handler is installed."""
    return Interrupt(on_first=lambda: None)


def given(number: int) -> int:
    """Return the number."""
    return number


def test_as_many_run_at_once_as_there_are_workers() -> None:
    """Three workers run three tasks side by side, and never a fourth."""
    meeting = threading.Barrier(3)
    lock = threading.Lock()
    running: list[int] = []
    seen: list[int] = []

    def task(number: int) -> int:
        with lock:
            running.append(number)
            seen.append(len(running))
        meeting.wait(LONG)
        with lock:
            running.remove(number)
        return number

    assert Pool([Capacity(slots=3)], ()).run([Task(run=partial(task, n)) for n in range(9)], quiet()) == tuple(range(9))
    assert max(seen) == 3


def test_results_are_in_the_order_of_the_tasks() -> None:
    """What ends last is where it was put, not last."""
    second_is_done = threading.Event()

    def first() -> str:
        assert second_is_done.wait(LONG)
        return "first"

    def second() -> str:
        second_is_done.set()
        return "second"

    assert Pool([Capacity(slots=2)], ()).run([Task(run=first), Task(run=second)], quiet()) == ("first", "second")


def test_no_tasks_are_done_at_once() -> None:
    """An empty batch is no reason to wait, and a pool can run batch after batch."""
    pool = Pool([Capacity(slots=2)], ())
    nothing: tuple[Task[int], ...] = ()
    assert pool.run(nothing, quiet()) == ()
    assert pool.run([Task(run=partial(given, 1))], quiet()) == (1,)
    assert pool.run([Task(run=partial(given, 2)), Task(run=partial(given, 3))], quiet()) == (2, 3)


def test_a_task_waits_until_its_claim_is_granted() -> None:
    """Tasks whose claim is refused are passed over for later ones, and asked again when a task has ended."""
    done: list[str] = []
    tasks = [
        Task(run=lambda: done.append("last"), claim=lambda _: len(done) == 2),
        Task(run=lambda: done.append("second"), claim=lambda _: bool(done)),
        Task(run=lambda: done.append("first")),
    ]
    Pool([Capacity(slots=2)], ()).run(tasks, quiet())
    assert done == ["first", "second", "last"]


def test_waking_asks_again_before_anything_ends() -> None:
    """A task can let others start while it is still at work itself."""
    pool = Pool([Capacity(slots=2)], ())
    may_start, other_ran = threading.Event(), threading.Event()

    def first() -> bool:
        may_start.set()
        pool.wake()
        return other_ran.wait(LONG)

    def other() -> bool:
        other_ran.set()
        return True

    assert pool.run([Task(run=first), Task(run=other, claim=lambda _: may_start.is_set())], quiet()) == (True, True)


def test_tasks_that_wait_for_each_other_are_a_bug_and_not_a_hang() -> None:
    """Where nothing runs and nothing may start, the pool says so."""
    with pytest.raises(AssertionError, match="wait for each other"):
        Pool([Capacity(slots=2)], ()).run([Task(run=partial(given, 1), claim=lambda _: False)], quiet())


def test_what_a_task_raises_is_raised_in_the_main_thread() -> None:
    """A bug in a task is not lost in its thread; tasks that have not begun are not begun."""
    begun: list[int] = []

    def bug() -> int:
        raise ZeroDivisionError("a bug")

    tasks = [Task(run=bug), *(Task(run=partial(begun.append, n)) for n in range(3))]
    with pytest.raises(ZeroDivisionError, match="a bug"):
        Pool([Capacity(slots=1)], ()).run(tasks, quiet())
    assert begun == []


def test_each_workers_events_come_in_order() -> None:
    """What one task tells is heard in the order it was told, by every hearer, in the main thread."""
    threads: set[threading.Thread] = set()
    ears = (Ear(lambda _: threads.add(threading.current_thread())), Ear())
    pool = Pool([Capacity(slots=3)], ears)

    def talk(number: int) -> None:
        for sentence in range(200):
            pool.emit(Notice(at=float(sentence), text=str(number)))

    pool.run([Task(run=partial(talk, n)) for n in range(4)], quiet())
    assert threads == {threading.main_thread()}
    for ear in ears:
        for number in range(4):
            times = [event.at for event in ear.heard if isinstance(event, Notice) and event.text == str(number)]
            assert times == [float(sentence) for sentence in range(200)]


def test_a_slow_listener_slows_the_workers() -> None:
    """Events that wait are bounded: a worker that tells faster than anybody listens waits, and none is lost."""
    told = [0]
    heard = [0]
    ahead: list[int] = []

    def listen(event: Event) -> None:
        if isinstance(event, Output):
            heard[0] += 1
            ahead.append(told[0] - heard[0])

    pool = Pool([Capacity(slots=1)], (Ear(listen),))
    begun = threading.Event()

    def talk() -> None:
        for _ in range(QUEUE_LENGTH * 3):
            pool.emit(Output(at=0.0, cell=CELL, data=b"x"))
            told[0] += 1
            begun.set()

    pool.run([Task(run=talk)], quiet())
    assert heard[0] == QUEUE_LENGTH * 3
    assert max(ahead) <= QUEUE_LENGTH + 1


def test_time_goes_on_while_nothing_happens() -> None:
    """Listeners are told that nothing happened, so that clocks on a terminal move."""
    ticked = threading.Event()
    ear = Ear(lambda event: ticked.set() if isinstance(event, Tick) else None)
    assert Pool([Capacity(slots=1)], (ear,)).run([Task(run=lambda: ticked.wait(LONG))], quiet()) == (True,)


def raise_signal(number: signal.Signals) -> None:
    """Send ourselves a signal, as a terminal would."""
    os.kill(os.getpid(), number)


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGINT, ExitCode.INTERRUPTED),
        (signal.SIGTERM, ExitCode.TERMINATED),
        (signal.SIGHUP, ExitCode.TERMINATED),
    ],
)
def test_a_signal_starts_nothing_more_and_keeps_what_is_done(number: signal.Signals, code: ExitCode) -> None:
    """The engine is told, running tasks end, no other begins, and the exit code is the signal's."""
    aborted = threading.Event()
    before = signal.getsignal(number)

    def running() -> str:
        raise_signal(number)
        assert aborted.wait(LONG)
        return "ended"

    with Interrupt(on_first=aborted.set) as interrupt:
        tasks = [Task(run=lambda: "done"), Task(run=running), Task(run=lambda: "never")]
        results = Pool([Capacity(slots=1)], ()).run(tasks, interrupt)
        later = Pool([Capacity(slots=1)], ()).run([Task(run=lambda: "never")], interrupt)
    assert results == ("done", "ended", None)
    assert later == (None,)
    assert interrupt.exit_code is code
    assert signal.getsignal(number) is before


def test_a_task_that_does_not_end_is_left_behind_in_the_end() -> None:
    """After an interrupt a worker that hangs is waited for, but not for ever."""
    released = threading.Event()

    def hang() -> None:
        raise_signal(signal.SIGINT)
        released.wait(LONG)

    with Interrupt(on_first=lambda: None) as interrupt:
        results = Pool([Capacity(slots=1)], ()).run([Task(run=hang)], interrupt)
        assert not released.is_set()
    released.set()
    assert results == (None,)
    assert not interrupt.is_urgent


def test_a_second_signal_does_not_wait() -> None:
    """With the second signal the pool leaves hanging workers at once; the first signal's code stays."""
    released = threading.Event()

    def hang() -> None:
        raise_signal(signal.SIGTERM)
        released.wait(LONG)

    late: list[Event] = []

    def again(event: Event) -> None:
        if interrupt.is_urgent:
            late.append(event)
        elif interrupt.is_requested:
            raise_signal(signal.SIGINT)

    with Interrupt(on_first=lambda: None) as interrupt:
        results = Pool([Capacity(slots=1)], (Ear(again),)).run([Task(run=hang)], interrupt)
    released.set()
    assert results == (None,)
    assert late == []
    assert interrupt.is_urgent
    assert interrupt.exit_code is ExitCode.TERMINATED


@pytest.mark.parametrize("workers", [1, 3])
def test_a_task_that_goes_back_starts_anew_when_its_claim_says_so(workers: int) -> None:
    """It gives its worker back meanwhile, and starts before tasks that have not begun."""
    order: list[str] = []
    done: set[str] = set()

    def first() -> str:
        order.append("first")
        done.add("first")
        return "leader"

    def second() -> str | Again:
        order.append("second")
        return "follower" if "first" in done else Again.AGAIN

    def may_follow(_: int) -> bool:
        # Granted at the start, and after its first end only when the other one has ended.
        return "second" not in order or "first" in done

    tasks = (
        Task(run=second, claim=may_follow),
        Task(run=first, claim=lambda _: "second" in order),
        Task(run=lambda: "last", claim=lambda _: order.count("second") == 2),
    )
    assert Pool([Capacity(slots=workers)], ()).run(tasks, quiet()) == ("follower", "leader", "last")
    assert order == ["second", "first", "second"]
