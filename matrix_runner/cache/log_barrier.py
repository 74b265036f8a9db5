"""Holds back a worker until the main thread has written the end of a cell's log."""

import threading
from typing import final

from matrix_runner.model.cells import Cell
from matrix_runner.model.events import CellFinished, Event

_SECONDS = 30.0
"""How long a worker waits, before the cell is not cached."""


@final
class LogBarrier:
    """A listener, the last of all: once it has heard of a cell's end, every other listener has."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._ended: set[Cell] = set()

    def handle(self, event: Event) -> None:
        """Note a cell's end."""
        if isinstance(event, CellFinished):
            with self._changed:
                self._ended.add(event.outcome.cell)
                self._changed.notify_all()

    def close(self) -> None:
        """Nothing is held."""

    def wait(self, cell: Cell) -> bool:
        """Wait until the cell's log is complete; return whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: cell in self._ended, _SECONDS)
