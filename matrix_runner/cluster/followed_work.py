"""Work at a cluster's workers while it goes on: its events are passed on, its end and its worker's are heard."""

import pickle
import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from typing import Final

from msgspec.structs import replace

from matrix_runner.cell.run_context import RunContext
from matrix_runner.engine.cluster.dask_client import Work
from matrix_runner.errors import EngineError
from matrix_runner.model.events import CellFinished, CellStarted, Event, WaitEnded, WaitStarted

_LOOK: Final = 2.0
"""Seconds between two looks whether a signal has stopped the run. It ends the work itself, which is heard at once."""


class Ended(Enum):
    """What ends the following of some work: the work's own end, or its worker's."""

    WORK = "work"
    WORKER = "worker"


class Inbox:
    """All that is heard of some work."""

    def __init__(self, address: str) -> None:
        """`address`: of its worker."""
        self.address = address
        self.work: Work | None = None
        self.is_lost = False
        self.started: float | None = None
        """When the cell began, in seconds of the run."""
        self.waits: dict[str, None] = {}
        """What is waited for there, as far as its end was not told."""
        self.heard: queue.SimpleQueue[Event | Ended] = queue.SimpleQueue()


class FollowedWork:
    """The inboxes of all work of a run. Thread-safe."""

    def __init__(self) -> None:
        """Without any."""
        self._lock = threading.Lock()
        self._inboxes: dict[str, Inbox] = {}

    @contextmanager
    def inbox(self, key: str, address: str) -> Iterator[Inbox]:
        """Give the inbox of work, before it is given to a worker. `key`: of the work; `address`: of the worker."""
        inbox = Inbox(address)
        with self._lock:
            self._inboxes[key] = inbox
        try:
            yield inbox
        finally:
            with self._lock:
                self._inboxes.pop(key, None)

    def lose(self, address: str, forget: Callable[[Work], None]) -> None:
        """Tell those who follow work at a worker that the worker is lost; quick.

        `forget`: has the cluster give up work. Somebody may be waiting for its result already, which would not come.
        """
        with self._lock:
            there = [inbox for inbox in self._inboxes.values() if inbox.address == address]
        for inbox in there:
            inbox.is_lost = True
            inbox.heard.put(Ended.WORKER)
            if inbox.work is not None:
                threading.Thread(target=forget, args=(inbox.work,), daemon=True, name="lost-work").start()

    def hear(self, told: object) -> None:
        """Put events where their work is followed. In the client's own thread."""
        if not isinstance(told, Mapping):
            return
        inbox, data = self._inboxes.get(str(told.get("key"))), told.get("events")
        if inbox is not None and isinstance(data, bytes):
            for event in pickle.loads(data):  # noqa: S301  the cluster's own, which may run any code here and there
                inbox.heard.put(event)


def follow(work: Work, inbox: Inbox, context: RunContext) -> object:
    """Pass on what a worker tells until its work has ended; return its reply.

    None after a signal, or if the worker was lost. Raise EngineError if the cluster has lost the work.
    """
    work.when_done(lambda: inbox.heard.put(Ended.WORK))
    try:
        while not context.is_cancelled:
            try:
                event = inbox.heard.get(timeout=_LOOK)
            except queue.Empty:
                continue
            if event is Ended.WORK:
                return work.result()
            if event is Ended.WORKER:
                return None
            _pass_on(event, inbox, context)
    except EngineError:
        if not inbox.is_lost:
            raise
    finally:
        for text in inbox.waits:
            context.pool.emit(WaitEnded(at=context.pool.clock(), text=text))
    return None


def _pass_on(event: Event, inbox: Inbox, context: RunContext) -> None:
    now = context.pool.clock()
    if isinstance(event, CellStarted):
        inbox.started = now
    elif isinstance(event, WaitStarted):
        inbox.waits[event.text] = None
    elif isinstance(event, WaitEnded):
        inbox.waits.pop(event.text, None)
    # What a worker calls finished is so when it is delivered.
    if not isinstance(event, CellFinished):
        context.pool.emit(replace(event, at=now))
