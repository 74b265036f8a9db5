"""The live table of `runner watch`: it stays from run to run, with a line below that says what is waited for."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from msgspec.structs import replace
from rich.console import Console
from rich.text import Text

from matrix_runner.model.events import Event, Notice, RunStarted
from matrix_runner.report.cell_logs import CellLogs
from matrix_runner.report.console.board import Viewport, fit
from matrix_runner.report.console.live_table import LiveTable

_CALM: Final = "bright_black"


class StayingTable(LiveTable):
    """A live table for several runs, one after another: what was built last remains in sight until the next begins.

    Notices, failures and what else is said scroll by above it, as in a single run. Main thread only.
    """

    def __init__(self, console: Console) -> None:
        """`console`: see `make_console`."""
        super().__init__(console, stays=True)
        self._below = ""
        self._size = console.size
        self._is_resting = False
        self._noticed: set[str] = set()

    @contextmanager
    def follow(self, logs: CellLogs) -> "Iterator[StayingTable]":
        """Follow a run as its listener. `logs`: see `LiveTable`."""
        self._begin(logs)
        self._below, self._is_resting = "", False
        yield self

    def handle(self, event: Event) -> None:
        """Process an event of the run. At its start the rows of the last one give way.

        A notice that an earlier run has had is not told again.
        """
        if isinstance(event, Notice):
            words = f"{event.cell} {event.text}"
            if words in self._noticed:
                return
            self._noticed.add(words)
        super().handle(event)
        if isinstance(event, RunStarted):
            self._redraw()

    def close(self) -> None:
        """Show how the run has ended; the table stays."""
        self._redraw()

    def say(self, *lines: str, style: str = "") -> None:
        """Print lines above the table."""
        if self._is_gone:
            return
        with suppress(OSError):
            self._print(tuple(Text.from_ansi(line, style=style) for line in lines))

    def rest(self, text: str) -> None:
        """Say below the table what is waited for; "": nothing any more."""
        self._below, self._is_resting = text, True
        with suppress(OSError):
            self._live.start()
        self._redraw()

    def refresh(self) -> None:
        """Draw anew if the terminal has another size than before. While no run does so."""
        if self._is_resting and self._console.size != self._size:
            self._redraw()

    def leave(self) -> None:
        """Leave the table as it is, and restore the cursor."""
        self._below, self._is_resting = "", False
        self._redraw()
        super().close()

    def _redraw(self) -> None:
        self._size = self._console.size
        if not self._is_gone:
            try:
                self._draw()
            except OSError:
                self._is_gone = True

    def _lines(self) -> tuple[Text, ...]:
        if not self._progress.cells:
            return (fit(Text(self._below, style=_CALM), self._viewport()),) if self._below else ()
        lines = super()._lines()
        return (*lines, fit(Text(self._below, style=_CALM), self._viewport())) if self._below else lines

    def _viewport(self) -> Viewport:
        viewport = super()._viewport()
        return replace(viewport, height=max(viewport.height - bool(self._below), 1))
