"""Events on their way from the workers to the main thread, which fetches many at a time."""

import threading
from collections import deque

from matrix_runner.model.events import Event

_AT_ONCE = 100
"""Events that are fetched together, at most."""

NAP = 0.005
"""Seconds in which more events may come before they are fetched. Waking a thread costs more than handling an event:
a cell that does nothing emits two dozen, and waking the main thread for each doubled what the driver takes of the
processor."""


class EventQueue:
    """A bounded queue with one reader. When it is full, writers wait."""

    def __init__(self, length: int) -> None:
        """`length`: events that may wait, more than are fetched at once."""
        self._capacity = length - _AT_ONCE
        self._lock = threading.Lock()
        self._arrived = threading.Condition(self._lock)
        self._has_capacity = threading.Condition(self._lock)
        self._waiting: deque[Event] = deque()
        self._fetched: deque[Event] = deque()
        self._is_asleep = False
        self._is_urgent = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits to be read. For the reader."""
        return not self._fetched and not self._waiting

    def put(self, event: Event) -> None:
        """Leave an event; wait while there is no capacity."""
        with self._lock:
            while len(self._waiting) >= self._capacity:
                self._has_capacity.wait()
            self._waiting.append(event)
            # The first ends the reader's sleep, one that fills the batch its nap.
            if self._is_asleep or len(self._waiting) == _AT_ONCE:
                self._is_asleep = False
                self._arrived.notify()

    def hurry(self) -> None:
        """Have the reader fetch what is there without a nap: somebody waits until it is read."""
        with self._lock:
            self._is_urgent = True
            self._arrived.notify()

    def get(self, timeout: float) -> Event | None:
        """Return the next event; None if none comes for so many seconds."""
        if not self._fetched:
            self._fetch(timeout)
        return self._fetched.popleft() if self._fetched else None

    def _fetch(self, timeout: float) -> None:
        with self._lock:
            if not self._waiting:
                self._is_asleep = True
                self._arrived.wait(timeout)
                self._is_asleep = False
            if self._waiting and not self._is_urgent and len(self._waiting) < _AT_ONCE:
                self._arrived.wait(NAP)
            self._is_urgent = False
            was_full = len(self._waiting) >= self._capacity
            while self._waiting and len(self._fetched) < _AT_ONCE:
                self._fetched.append(self._waiting.popleft())
            if was_full:
                self._has_capacity.notify_all()
