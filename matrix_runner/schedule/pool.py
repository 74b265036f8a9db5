"""A pool of workers on this machine. Workers emit events into a queue; the main thread reads it and owns all else."""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from matrix_runner.model.events import Event, Tick
from matrix_runner.schedule.signals import Interrupt

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

QUEUE_LENGTH = 1_000
"""Events that may wait. When it is full, workers wait too: a terminal that is slower than a build slows it, and memory
stays flat."""

TICK = 0.1
"""Seconds without an event after which listeners are told, so that clocks on a terminal move."""

GRACE = 4.0
"""Seconds that workers have to end after an interrupt: in all it must stay below five."""


class Hearer(Protocol):
    """Whoever listens to a run's events, in the main thread."""

    def handle(self, event: Event) -> None:
        """Take note of an event."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Task(Generic[R_co]):
    """Something to do once. `run` must not raise for what can go wrong in it.

    `claim`: asked before it starts, with no other claim going on; False leaves it for later. It is asked again when
    any task ends, and when `Pool.wake` is called.
    """

    run: Callable[[], R_co]
    claim: Callable[[], bool] = lambda: True


class Pool:
    """Runs batches of tasks with so many workers, and tells hearers of the events meanwhile."""

    def __init__(self, workers: int, hearers: Sequence[Hearer]) -> None:
        """`workers`: at least one."""
        self.workers = workers
        self._hearers = hearers
        self._events: queue.Queue[Event] = queue.Queue(QUEUE_LENGTH)
        self._changed = threading.Condition()
        self._began = time.monotonic()

    def clock(self) -> float:
        """Return monotonic seconds since the pool was made."""
        return time.monotonic() - self._began

    def emit(self, event: Event) -> None:
        """Hand an event to the main thread; waits while the queue is full. From any thread but the main one."""
        self._events.put(event)

    def tell(self, event: Event) -> None:
        """Pass an event to the hearers at once. From the main thread only."""
        for hearer in self._hearers:
            hearer.handle(event)

    def wake(self) -> None:
        """Ask waiting tasks again whether they may start. From any thread."""
        with self._changed:
            self._changed.notify_all()

    def run(self, tasks: Sequence[Task[R]], interrupt: Interrupt) -> tuple[R | None, ...]:
        """Run all tasks; return their results in the order of the tasks, None for one that did not end.

        From the main thread only. After an interrupt it returns when the workers have ended, or after `GRACE` seconds,
        or at a second signal, whichever is first.
        """
        batch = _Batch(tasks, self._changed, interrupt)
        workers = range(min(self.workers, len(tasks)))
        batch.workers_left = len(workers)
        for number in workers:
            threading.Thread(target=self._be_worker, args=(batch,), name=f"worker-{number}", daemon=True).start()
        deadline: float | None = None
        while batch.workers_left or not self._events.empty():
            self._hear()
            if interrupt.is_requested:
                batch.stop()
                deadline = deadline or time.monotonic() + GRACE
                if interrupt.is_urgent or time.monotonic() > deadline:
                    break
        return batch.results()

    def _be_worker(self, batch: "_Batch[R]") -> None:
        try:
            batch.work()
        finally:
            batch.dismiss_worker()
            # The main thread may be waiting for an event: with this one it need not wait for the next tick.
            self._events.put(Tick(at=self.clock()))

    def _hear(self) -> None:
        """Pass on what is there; if that is nothing for a moment, a tick."""
        try:
            event: Event = self._events.get(timeout=TICK)
        except queue.Empty:
            event = Tick(at=self.clock())
        self.tell(event)


class _Batch(Generic[R]):
    """Tasks that are being worked off, and what came of them."""

    def __init__(self, tasks: Sequence[Task[R]], changed: threading.Condition, interrupt: Interrupt) -> None:
        self._tasks = tasks
        self._changed = changed
        self._interrupt = interrupt
        self._waiting = list(range(len(tasks)))
        self._running = 0
        self.workers_left = 0
        self._is_stopped = False
        self._crash: BaseException | None = None
        self._results: dict[int, R] = {}

    def stop(self) -> None:
        """Start no further task."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()

    def dismiss_worker(self) -> None:
        """Say that a worker has nothing more to do."""
        with self._changed:
            self.workers_left -= 1

    def results(self) -> tuple[R | None, ...]:
        """Return what came of each task. Raise what a task raised: that is a bug."""
        if self._crash is not None:
            raise self._crash
        return tuple(self._results.get(position) for position in range(len(self._tasks)))

    def work(self) -> None:
        """Be a worker, until there is nothing left to start."""
        try:
            while (position := self._take()) is not None:
                result = self._tasks[position].run()
                with self._changed:
                    self._results[position] = result
                    self._running -= 1
                    self._changed.notify_all()
        except BaseException as crash:  # noqa: BLE001  a worker must not die silently: the main thread raises it
            self._crash = crash
            self.stop()

    def _take(self) -> int | None:
        """Wait for a task that may start; None when there is none to come."""
        with self._changed:
            # Asked here too: a task that an interrupt ended must not be followed by another before `stop` is called.
            while self._waiting and not self._is_stopped and not self._interrupt.is_requested:
                for position in self._waiting:
                    if self._tasks[position].claim():
                        self._waiting.remove(position)
                        self._running += 1
                        return position
                if not self._running:
                    raise AssertionError("tasks wait for each other, and none runs")
                self._changed.wait()
            return None
