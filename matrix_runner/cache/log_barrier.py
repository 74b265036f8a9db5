"""Makes a worker wait until the main thread has written the end of a cell's log, before caching it."""

import threading
from typing import final

from matrix_runner.model.cells import Cell
from matrix_runner.model.events import CellFinished, Event

_SECONDS = 30.0
"""Seconds that a worker waits; after that the cell is not cached."""


@final
class LogBarrier:
    """The last listener: when it receives a cell's end, every other listener has."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._ended: set[Cell] = set()

    def handle(self, event: Event) -> None:
        """Record a cell's end."""
        if isinstance(event, CellFinished):
            with self._changed:
                self._ended.add(event.outcome.cell)
                self._changed.notify_all()

    def close(self) -> None:
        """Nothing to release."""

    def wait(self, cell: Cell) -> bool:
        """Wait until the cell's log is complete; return whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: cell in self._ended, _SECONDS)
