"""A pool of workers on this machine. Workers emit events into a queue; the main thread reads it and owns all else."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from matrix_runner.model.cells import Cell
from matrix_runner.model.events import Event, Listener, Notice, Tick
from matrix_runner.schedule.batch import AHEAD, Batch, Task
from matrix_runner.schedule.event_queue import EventQueue
from matrix_runner.schedule.next_task import Capacity
from matrix_runner.schedule.signals import Interrupt

R = TypeVar("R")

QUEUE_LENGTH = 1_000
"""Events that may wait. When it is full, workers wait too: a terminal that is slower than a build slows it, and memory
stays flat."""

TICK = 0.1
"""Seconds without an event after which listeners are told, so that clocks on a terminal move."""

GRACE = 4.0
"""Seconds that workers have to end after an interrupt: in all it must stay below five."""


class Pool:
    """Runs batches of tasks, as many at once as there are slots for, and tells listeners of the events meanwhile."""

    def __init__(
        self, workers: int, listeners: Sequence[Listener], *, memory: int | None = None, ahead: int = AHEAD
    ) -> None:
        """`workers`: slots, at least one. `memory`: bytes that tasks may take up together; None: it is not counted.

        `ahead`: how many tasks may begin before there are slots for them.
        """
        self._capacity = Capacity(slots=workers, memory=memory)
        self._ahead = min(ahead, workers)
        self._settle: Callable[[], None] = lambda: None
        self._listeners = listeners
        self._events = EventQueue(QUEUE_LENGTH)
        self._lock = threading.RLock()
        self._began = time.monotonic()

    def clock(self) -> float:
        """Return monotonic seconds since the pool was made."""
        return time.monotonic() - self._began

    def emit(self, event: Event) -> None:
        """Hand an event to the main thread; waits while the queue is full. From any thread but the main one."""
        self._events.put(event)

    def hurry(self) -> None:
        """Have the events so far heard without delay, because somebody waits for that. From any thread."""
        self._events.hurry()

    def tell(self, event: Event) -> None:
        """Pass an event to the listeners at once. From the main thread only."""
        for listener in self._listeners:
            listener.handle(event)

    def notify(self, text: str, *, cell: Cell | None = None, is_warning: bool = False) -> None:
        """Tell the user something, about the run or about one cell. From any thread."""
        notice = Notice(at=self.clock(), text=text, cell=cell, is_warning=is_warning)
        if threading.current_thread() is threading.main_thread():
            self.tell(notice)
        else:
            self.emit(notice)

    def wake(self) -> None:
        """Ask waiting tasks again whether they may start. From any thread."""
        self._settle()

    def run(self, tasks: Sequence[Task[R]], interrupt: Interrupt) -> tuple[R | None, ...]:
        """Run all tasks; return their results in the order of the tasks, None for one that did not end.

        From the main thread only. After an interrupt it returns when the workers have ended, or after `GRACE` seconds,
        or at a second signal, whichever is first.
        """
        batch = Batch(tasks, self._capacity, self._lock, interrupt, ahead=self._ahead)
        self._settle = batch.settle
        batch.settle()
        batch.workers_left = batch.threads
        for number in range(batch.threads):
            threading.Thread(target=self._be_worker, args=(batch,), name=f"worker-{number}", daemon=True).start()
        deadline: float | None = None
        while batch.workers_left or not self._events.is_empty:
            self._hear()
            if interrupt.is_requested:
                batch.stop()
                deadline = deadline or time.monotonic() + GRACE
                if interrupt.is_urgent or time.monotonic() > deadline:
                    break
        return batch.results()

    def _be_worker(self, batch: Batch[R]) -> None:
        try:
            batch.work()
        finally:
            batch.dismiss_worker()
            # The main thread may be waiting for an event: with this one it need not wait for the next tick.
            self._events.put(Tick(at=self.clock()))
            self._events.hurry()

    def _hear(self) -> None:
        """Pass on what is there; if that is nothing for a moment, a tick."""
        self.tell(self._events.get(TICK) or Tick(at=self.clock()))
