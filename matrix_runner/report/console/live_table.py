"""The live table on a terminal. Import it only when it is shown: it imports rich."""

import textwrap
from collections.abc import Mapping
from contextlib import suppress
from typing import TextIO

from msgspec.structs import replace
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from matrix_runner.model.cells import Cell
from matrix_runner.model.events import (
    CellFinished,
    CellStarted,
    Event,
    Notice,
    Output,
    RunFinished,
    RunStarted,
    StepFinished,
    StepStarted,
    Tick,
    WaitEnded,
    WaitProgressed,
    WaitStarted,
)
from matrix_runner.model.outcomes import Outcome
from matrix_runner.report.cell_logs import HEAD, CellLogs
from matrix_runner.report.console.board import ASCII, UNICODE, Outlook, Viewport, board_lines, fit
from matrix_runner.report.console.run_progress import CellPhase, CellProgress, RunProgress
from matrix_runner.report.phrases import cause, duration, is_failed
from matrix_runner.report.sanitize import clean_lines, last_line, sanitized_lines
from matrix_runner.report.terminal import speaks_unicode, wants_colour

_PAUSE = 1 / 8
"""Minimal seconds between two drawings; faster ones are unreadable."""

_LATEST = 4096
"""Bytes of a cell's latest output held to show its last line."""

_EXCERPT = 10


def make_console(stream: TextIO, environ: Mapping[str, str]) -> Console:
    """Return a console for the stream that honours NO_COLOR, FORCE_COLOR and TERM of the given environment."""
    colour = wants_colour(environ, is_terminal=stream.isatty())
    return Console(
        file=stream,
        color_system="auto" if colour else None,
        no_color=not colour,
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=False,
        _environ=environ,
    )


class LiveTable:
    """A row per cell, redrawn at most eight times a second; notices and failures scroll by above.

    With `logs` (which must receive each event first) a failure is shown with the end of its log. At the end of the run
    the table vanishes: the summary replaces it. If the terminal disappears, the drawing stops, not the run.
    """

    def __init__(self, console: Console, logs: CellLogs | None = None, *, stays: bool = False) -> None:
        """`console`: see `make_console`. `stays`: the table does not vanish at its end. Main thread only."""
        self._console = console
        self._glyphs = UNICODE if speaks_unicode(console.encoding) else ASCII
        self._is_gone = False
        self._begin(logs)
        self._live = Live(
            console=console,
            auto_refresh=False,
            transient=not stays,
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="crop",
        )

    def _begin(self, logs: CellLogs | None) -> None:
        """Know nothing yet of a run."""
        self._logs = logs
        self._progress = RunProgress()
        self._latest: dict[Cell, bytes] = {}
        self._drawn = -_PAUSE

    def handle(self, event: Event) -> None:
        """Process an event, and redraw if the pause has passed."""
        self._progress.handle(event)
        if not self._is_gone:
            try:
                self._show(event)
            except OSError:
                self._is_gone = True

    def _show(self, event: Event) -> None:
        match event:
            case RunStarted():
                self._live.start()
            case Output():
                self._latest[event.cell] = _end(self._latest.get(event.cell, b"") + event.data[-_LATEST:])
            case StepStarted():
                self._latest.pop(event.cell, None)
            case Notice():
                self._print(_notice(event, self._console.width))
            case CellFinished():
                self._latest.pop(event.outcome.cell, None)
                if is_failed(event.outcome):
                    self._print(self._failure(event.outcome))
            case (
                WaitStarted() | WaitProgressed() | WaitEnded() | CellStarted() | StepFinished() | RunFinished() | Tick()
            ):
                pass
        if self._progress.now - self._drawn >= _PAUSE:
            self._draw()

    def close(self) -> None:
        """Remove the table and restore the cursor."""
        with suppress(OSError):
            self._live.stop()

    def _draw(self) -> None:
        self._drawn = self._progress.now
        self._live.update(Group(*self._lines()), refresh=True)

    def _lines(self) -> tuple[Text, ...]:
        cells = tuple(self._with_detail(cell) for cell in self._progress.cells)
        return board_lines(cells, self._progress.now, self._viewport(), self._progress.waits, self._outlook())

    def _outlook(self) -> Outlook:
        return Outlook(expected=self._progress.expected, workers=self._progress.workers)

    def _viewport(self) -> Viewport:
        width, height = self._console.size
        # One line remains free: a table as high as the terminal would scroll it at every drawing.
        return Viewport(width=width, height=height - 1, glyphs=self._glyphs)

    def _with_detail(self, cell: CellProgress) -> CellProgress:
        if cell.phase is not CellPhase.RUNNING:
            return cell
        latest = self._latest.get(cell.cell)
        detail = last_line(latest) if latest else ""
        return replace(cell, detail=detail or last_line(cell.detail.encode(errors="replace")))

    def _print(self, lines: tuple[Text, ...]) -> None:
        for line in lines:
            if self._glyphs is ASCII:
                line.plain = line.plain.encode("ascii", "replace").decode()
            self._console.print(line)

    def _failure(self, outcome: Outcome) -> tuple[Text, ...]:
        head = Text.assemble(
            (f"{self._glyphs.failed} {outcome.cell}", "bold red"),
            (f" failed in {cause(outcome)} after {duration(outcome.seconds)}", "red"),
        )
        return (
            head,
            *(fit(Text(f"  | {line}", style="bright_black"), self._viewport()) for line in self._excerpt(outcome)),
        )

    def _excerpt(self, outcome: Outcome) -> tuple[str, ...]:
        """Return the last lines of the cell's log, without its footer, which repeats the heading."""
        if self._logs is None:
            return ()
        tail = self._logs.tail(outcome.cell, 64 * 1024)
        lines = [line for line in sanitized_lines((tail,), is_start=False) if line]
        if lines and lines[-1].startswith(HEAD):
            lines.pop()
        return tuple(lines[-_EXCERPT:])


def _notice(notice: Notice, width: int) -> tuple[Text, ...]:
    about = f"{notice.cell}: " if notice.cell else ""
    label, style = ("warning  ", "yellow") if notice.is_warning else ("note     ", "bright_black")
    columns = max(width - len(label), 20)
    lines = [part for line in clean_lines(f"{about}{notice.text}") for part in textwrap.wrap(line, columns) or [""]]
    first, *rest = lines or [""]
    return (Text.assemble((label, style), first), *(Text(f"{'':<{len(label)}}{line}") for line in rest))


def _end(data: bytes) -> bytes:
    """Return the data, or the end of long data from the beginning of a line."""
    if len(data) <= _LATEST:
        return data
    data = data[-_LATEST:]
    return data[data.find(b"\n", 0, -1) + 1 :]
