"""The pool of a run as its cells see it on another machine: whatever they tell goes to where the run was started."""

from collections.abc import Callable

from matrix_runner.model.cells import Cell
from matrix_runner.model.events import Event, Notice
from matrix_runner.schedule import Pool


class RelayedPool(Pool):
    """A pool without tasks of its own, whose events are passed on in the thread that tells them."""

    def __init__(self, tell: Callable[[Event], None]) -> None:
        """`tell`: passes an event on."""
        super().__init__((), ())
        self._tell = tell

    def emit(self, event: Event) -> None:
        """Pass an event on."""
        self._tell(event)

    def tell(self, event: Event) -> None:
        """Pass an event on."""
        self._tell(event)

    def hurry(self) -> None:
        """Do nothing: nothing waits here."""

    def notify(self, text: str, *, cell: Cell | None = None, is_warning: bool = False) -> None:
        """Pass a notice on."""
        self._tell(Notice(at=self.clock(), text=text, cell=cell, is_warning=is_warning))
