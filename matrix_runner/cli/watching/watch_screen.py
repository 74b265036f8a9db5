"""What a person sees of `runner watch`: the table that stays, or lines where there is no terminal."""

import os
import sys
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from msgspec.structs import replace

from matrix_runner.cli.wiring.opened_project import OpenedProject
from matrix_runner.cli.wiring.performed_build import ShownBuild, usual_show
from matrix_runner.cli.wiring.planned_build import standard_streams
from matrix_runner.config.kinds.values import LogFolds, Progress
from matrix_runner.model.outcomes import Report
from matrix_runner.report.summary.report_writers import Streams
from matrix_runner.report.summary.text_summary import RunDirectories, failures_in_full, totals
from matrix_runner.report.terminal import LineWriter

if TYPE_CHECKING:
    from matrix_runner.model.events import Listener
    from matrix_runner.report.cell_logs import CellLogs
    from matrix_runner.report.console.staying_table import StayingTable


class WatchScreen(Protocol):
    """Shows runs, and what is between them."""

    @property
    def streams(self) -> Streams:
        """The streams for all that is said besides."""
        ...

    @property
    def progress(self) -> Progress:
        """The look of runs."""
        ...

    def show(self) -> ShownBuild:
        """Return how the next run is shown."""
        ...

    def tell(self, *lines: str) -> None:
        """Tell why there is no run."""
        ...

    def rest(self, text: str) -> None:
        """Say what is waited for."""
        ...

    def resume(self, text: str) -> None:
        """Say why the wait is over."""
        ...

    def refresh(self) -> None:
        """Be called from time to time while something is waited for."""
        ...

    def leave(self) -> None:
        """Leave the terminal in order."""
        ...


class LineScreen:
    """Lines, one after another: those of `runner build`, and between runs what is waited for, and why one begins."""

    def __init__(self, progress: Progress, *, verbose: bool) -> None:
        """`progress`: neither `auto` nor `live`."""
        self.streams = standard_streams()
        self.progress = progress
        self._verbose = verbose

    def show(self) -> ShownBuild:
        """Return how the next run is shown: as by `runner build`."""
        return usual_show(self.progress, self.streams, verbose=self._verbose)

    def tell(self, *lines: str) -> None:
        """Print on standard error why there is no run."""
        self.streams.errors.write(*lines)

    def rest(self, text: str) -> None:
        """Print what is waited for; with events on standard output, on standard error."""
        (self.streams.errors if self.progress is Progress.JSON else self.streams.out).write(text)

    def resume(self, text: str) -> None:
        """Print why the wait is over."""
        self.rest(text)

    def refresh(self) -> None:
        """Nothing changes on paper."""

    def leave(self) -> None:
        """Nothing is to be restored."""


class TableScreen:
    """The table that stays; all else is printed above it."""

    progress = Progress.LIVE

    def __init__(self) -> None:
        """Nothing is drawn yet."""
        from matrix_runner.report.console.live_table import make_console
        from matrix_runner.report.console.staying_table import StayingTable

        self._table = StayingTable(make_console(sys.stdout, os.environ))
        above = _AboveTable(self._table)
        self.streams = replace(standard_streams(), out=above, errors=above)

    def show(self) -> ShownBuild:
        """Return how the next run is shown: in the table, its failures in full above."""
        summary = _FailuresAbove(self._table, colour=self.streams.colour)
        return ShownBuild(streams=self.streams, console_of=self._follow, summaries=lambda _: (summary,))

    def _follow(self, _: OpenedProject, logs: "CellLogs", __: LogFolds) -> "AbstractContextManager[Listener]":
        return self._table.follow(logs)

    def tell(self, *lines: str) -> None:
        """Say above the table why there is no run."""
        self._table.say(*lines)

    def rest(self, text: str) -> None:
        """Say below the table what is waited for."""
        self._table.rest(text)

    def resume(self, text: str) -> None:
        """Say above the table why the wait is over."""
        self._table.rest("")
        self._table.say(text, style="bold")

    def refresh(self) -> None:
        """Fit the table to the terminal."""
        self._table.refresh()

    def leave(self) -> None:
        """Leave the table as it is."""
        self._table.leave()


class _AboveTable(LineWriter):
    """Writes lines above the table: a stream of its own would draw into it. What each run would say is told once."""

    def __init__(self, table: "StayingTable") -> None:
        super().__init__(sys.stdout)
        self._table = table
        self._told: set[str] = set()

    def write(self, *lines: str) -> None:
        """Print the lines above the table, except those that an earlier run has had."""
        self._table.say(*(line for line in lines if line not in self._told))
        self._told.update(lines)


class _FailuresAbove:
    """The end of a run besides the table: its failures in full, and what was delivered."""

    def __init__(self, table: "StayingTable", *, colour: bool) -> None:
        self._table = table
        self._colour = colour

    def show(self, report: Report, directories: RunDirectories, left_out: int) -> None:
        """Show the summary."""
        del left_out
        delivered = totals(report, directories)[0]
        self._table.say(*failures_in_full(report, colour=self._colour, again=directories.again), delivered)


def watch_screen(progress: Progress, *, verbose: bool) -> WatchScreen:
    """Return the screen for a look of runs. `progress`: anything but `auto`."""
    return TableScreen() if progress is Progress.LIVE else LineScreen(progress, verbose=verbose)
