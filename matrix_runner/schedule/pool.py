"""A pool of worker threads, for one node or several; the main thread alone passes their events to listeners."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from matrix_runner.model.cells import Cell
from matrix_runner.model.events import (
    Event,
    Listener,
    Notice,
    OnTransfer,
    Tick,
    Transfer,
    WaitEnded,
    WaitProgressed,
    WaitStarted,
)
from matrix_runner.model.outcomes import RunWarning, Wait
from matrix_runner.schedule.batch import Batch
from matrix_runner.schedule.event_queue import EventQueue
from matrix_runner.schedule.loads import Capacity
from matrix_runner.schedule.signals import Interrupt
from matrix_runner.schedule.task import Task
from matrix_runner.schedule.turns import AHEAD

R = TypeVar("R")

TRANSFER_PAUSE = 0.5
"""Seconds between two events about something that is fetched: a daemon tells hundreds a second."""

QUEUE_LENGTH = 1_000
"""The bound of the event queue. When it is full, workers wait: a slow terminal slows the build, and memory stays
flat."""

TICK = 0.1
"""Seconds without an event before listeners get a tick, so that clocks on a terminal move."""

GRACE = 4.0
"""Seconds that workers have to end after an interrupt; the whole interrupt must take less than five."""


class Pool:
    """Runs batches of tasks, as many at once as slots allow, and passes their events to listeners."""

    def __init__(self, nodes: Sequence[Capacity], listeners: Sequence[Listener], *, ahead: int = AHEAD) -> None:
        """`nodes`: for each, its slots, at least one, and the memory of all tasks that run there together.

        `ahead`: the number of tasks that may begin at a node before their slots are free.
        """
        self._nodes = tuple(nodes)
        self._ahead = ahead
        self._reconsider: Callable[[], None] = lambda: None
        self._listeners = listeners
        self._events = EventQueue(QUEUE_LENGTH)
        self._lock = threading.RLock()
        self._began = time.monotonic()
        self._waits: list[Wait] = []
        self._warnings: list[RunWarning] = []

    def clock(self) -> float:
        """Return monotonic seconds since the pool was created."""
        return time.monotonic() - self._began

    def emit(self, event: Event) -> None:
        """Queue an event for the main thread; blocks while the queue is full. From any thread but the main one."""
        self._events.put(event)

    def hurry(self) -> None:
        """Have the queued events handled without delay, because a thread waits for that. From any thread."""
        self._events.hurry()

    def tell(self, event: Event) -> None:
        """Pass an event to the listeners at once. Main thread only."""
        if isinstance(event, Notice) and event.is_warning:
            self._warnings.append(RunWarning(text=event.text, cell=event.cell))
        for listener in self._listeners:
            listener.handle(event)

    def notify(self, text: str, *, cell: Cell | None = None, is_warning: bool = False) -> None:
        """Send the user a notice about the run or about one cell. From any thread."""
        notice = Notice(at=self.clock(), text=text, cell=cell, is_warning=is_warning)
        if threading.current_thread() is threading.main_thread():
            self.tell(notice)
        else:
            self.emit(notice)

    @contextmanager
    def waiting(self, text: str) -> Iterator[OnTransfer]:
        """Tell that cells wait for the work in this context. `text`: what is done. From a worker.

        Yield a function that tells what has come so far; more often than twice a second it says nothing.
        """
        began = self.clock()
        self.emit(WaitStarted(at=began, text=text))
        told = began

        def tell(transfer: Transfer) -> None:
            nonlocal told
            now = self.clock()
            if now - told >= TRANSFER_PAUSE:
                told = now
                self.emit(WaitProgressed(at=now, text=text, transfer=transfer))

        try:
            yield tell
        finally:
            ended = self.clock()
            self._waits.append(Wait(text=text, began=began, seconds=ended - began))
            self.emit(WaitEnded(at=ended, text=text))

    @property
    def waits(self) -> tuple[Wait, ...]:
        """The ended work that cells waited for, in order of its end."""
        return tuple(self._waits)

    @property
    def warnings(self) -> tuple[RunWarning, ...]:
        """The warnings so far, in the order in which listeners heard them."""
        return tuple(self._warnings)

    def wake(self) -> None:
        """Reconsider the tasks whose claim was refused. From any thread."""
        self._reconsider()

    def run(self, tasks: Sequence[Task[R]], interrupt: Interrupt) -> tuple[R | None, ...]:
        """Run all tasks; return their results in task order, None for a task that did not end.

        Main thread only. After an interrupt it returns when the workers have ended, after `GRACE` seconds, or at a
        second signal, whichever is first.
        """
        batch = Batch(tasks, self._nodes, self._lock, interrupt, ahead=self._ahead)
        self._reconsider = batch.reconsider
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
            # Wakes the main thread, which may be waiting for an event, before the next tick.
            self._events.put(Tick(at=self.clock()))
            self._events.hurry()

    def _hear(self) -> None:
        """Pass the next event to the listeners; a tick if none arrives in time."""
        self.tell(self._events.get(TICK) or Tick(at=self.clock()))
