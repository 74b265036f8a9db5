"""A bounded, batching queue of events from the workers to the main thread."""

import threading
from collections import deque

from matrix_runner.model.events import Event

AT_ONCE = 300
"""The largest number of events fetched together."""

NAP = 0.03
"""Seconds to wait for more events before a fetch. Waking a thread costs more than handling an event: an idle cell emits
two dozen, and waking the main thread for each doubled the driver's processor time."""


class EventQueue:
    """A bounded queue with one reader. Writers block while it is full."""

    def __init__(self, length: int, *, at_once: int = AT_ONCE) -> None:
        """`length`: the queue's bound; must exceed the size of one fetch."""
        self._capacity = length - at_once
        self._at_once = at_once
        self._lock = threading.Lock()
        self._arrived = threading.Condition(self._lock)
        self._has_capacity = threading.Condition(self._lock)
        self._waiting: deque[Event] = deque()
        self._fetched: deque[Event] = deque()
        self._is_asleep = False
        self._is_urgent = False

    @property
    def is_empty(self) -> bool:
        """Whether no events are left to read. For the reader only."""
        return not self._fetched and not self._waiting

    def put(self, event: Event) -> None:
        """Append an event; block while the queue is full."""
        with self._lock:
            while len(self._waiting) >= self._capacity:
                self._has_capacity.wait()
            self._waiting.append(event)
            # The first event ends the reader's sleep; a full fetch ends its nap.
            if self._is_asleep or len(self._waiting) == self._at_once:
                self._is_asleep = False
                self._arrived.notify()

    def hurry(self) -> None:
        """End the reader's nap: a thread waits until the events so far are handled."""
        with self._lock:
            self._is_urgent = True
            self._arrived.notify()

    def get(self, timeout: float) -> Event | None:
        """Return the next event, or None after `timeout` seconds without one."""
        if not self._fetched:
            self._fetch(timeout)
        return self._fetched.popleft() if self._fetched else None

    def _fetch(self, timeout: float) -> None:
        with self._lock:
            if not self._waiting:
                self._is_asleep = True
                self._arrived.wait(timeout)
                self._is_asleep = False
            if self._waiting and not self._is_urgent and len(self._waiting) < self._at_once:
                self._arrived.wait(NAP)
            self._is_urgent = False
            was_full = len(self._waiting) >= self._capacity
            while self._waiting and len(self._fetched) < self._at_once:
                self._fetched.append(self._waiting.popleft())
            if was_full:
                self._has_capacity.notify_all()
