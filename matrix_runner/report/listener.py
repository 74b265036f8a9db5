"""What the scheduler's main thread tells events to."""

from typing import Protocol

from matrix_runner.model.events import Event


class Listener(Protocol):
    """Hears a run's events, one after another, in the main thread.

    Events of one cell come in their order; between cells there is none. Where several listeners hear a run, `CellLogs`
    comes first, because the others read what it wrote.
    """

    def handle(self, event: Event) -> None:
        """Take one event. Must be quick: the run's queue waits for it."""
        ...

    def close(self) -> None:
        """Release what is held and leave the terminal clean. Idempotent; called however the run ended."""
        ...
