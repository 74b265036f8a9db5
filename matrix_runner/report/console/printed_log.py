"""The log that the plain console prints: in the syntax of its CI system, and counted against that system's limit."""

import secrets
import time
from collections.abc import Callable, Iterable
from itertools import islice
from typing import TextIO

import msgspec

from matrix_runner.model.outcomes import Outcome
from matrix_runner.report.cell_logs import CellLogs
from matrix_runner.report.ci.ci_commands import without_colour
from matrix_runner.report.ci.log_syntax import Fold, LogSyntax, PlainLog
from matrix_runner.report.console.log_budget import LogBudget
from matrix_runner.report.console.log_part import BAR, LogPart, LogReader
from matrix_runner.report.sanitize import clean_lines
from matrix_runner.report.terminal import LineWriter

_EXCERPT = 20
"""Lines of a failure's cause."""
_BATCH = 500
"""Lines that are written at once of a log that may be too large for memory."""


class PlainStyle(msgspec.Struct, frozen=True, kw_only=True):
    """The format of the log. `verbose`: full logs of all cells. `quiet`: warnings and failures only.

    `prefix`: the project's directory in its repository, asked for when a failure names a place in it; None: in none.
    """

    syntax: LogSyntax = PlainLog()
    colour: bool = False
    verbose: bool = False
    quiet: bool = False
    prefix: Callable[[], str | None] = lambda: None


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """The sources of timestamps in the log, and of the secret that GitHub's commands need; tests have their own."""

    unix_time: Callable[[], float] = time.time
    token: Callable[[], str] = secrets.token_hex


class PrintedLog:
    """Writes lines, folds and the logs of cells. `written`: the number of lines so far."""

    def __init__(self, stream: TextIO, logs: CellLogs, style: PlainStyle, sources: Sources) -> None:
        """`stream`: used by the main thread only; not closed here. `logs`: those of the cells."""
        self._out = LineWriter(stream)
        self._logs = logs
        self._style = style
        self._syntax = style.syntax
        self._sources = sources
        self._is_inside = False
        self._budget = LogBudget(style.syntax)
        self._reader = LogReader(logs=logs, budget=self._budget, colour=style.colour)
        self.written = 0

    def write(self, *lines: str) -> None:
        """Write lines where the log is: in a fold, or in none."""
        self._out.write(*lines)
        self._budget.spend(lines)
        self.written += len(lines)

    def leave_fold(self, title: str) -> None:
        """Get out of a fold that ends only with the next title, which is this one."""
        if self._is_inside:
            self._is_inside = False
            self.write(*self._syntax.outside(title))

    def fold(self, outcome: Outcome, title: str, *, name: str | None = None, is_open: bool = False) -> Fold:
        """Open a fold for a cell, at its end; return it for `close`."""
        now = self._sources.unix_time()
        name = name or str(outcome.cell)
        fold = Fold(name=name, title=title, began=now - outcome.seconds, ended=now, is_open=is_open)
        self.write(*self._syntax.opening(fold))
        return fold

    def close(self, fold: Fold) -> None:
        """Close a fold."""
        self.write(*self._syntax.closing(fold))
        self._is_inside = True

    def passing_log(self, outcome: Outcome, most: int | None, cells: int) -> None:
        """Write the last lines of a passing cell's log, None for all; `cells`: how many more may want to."""
        part = self._cell_log(outcome, most, self._budget.of_passing(cells))
        if not part:
            self.write(f"{BAR}the whole log is {self._path(outcome)}")

    def failed_log(self, outcome: Outcome, most: int | None, failures: int) -> None:
        """Write the last lines of a failed cell's log; `failures`: how many more are to be written."""
        self._cell_log(outcome, most, self._budget.of_failure(failures))

    def untrusted(self, lines: Iterable[str]) -> None:
        """Write safe lines of a build's output, while the CI system takes no commands."""
        token = self._sources.token()
        self.write(*self._syntax.commands_off(token))
        rest = iter(lines)
        while batch := tuple(islice(rest, _BATCH)):
            self.write(*batch)
        self.write(*self._syntax.commands_on(token))

    def _cell_log(self, outcome: Outcome, most: int | None, room: int | None) -> bool:
        """Write the end of a log; return whether nothing more need be said of the rest."""
        if most is None and room is None:
            self.write(f"{BAR}the log:")
            self.untrusted(self._reader.whole(outcome.cell))
            return True
        part = self._reader.end(outcome.cell, most=most, room=room)
        self._show_cause(outcome, part)
        if part.lines:
            self.write(f"{BAR}the log:" if part.is_whole else f"{BAR}the log's last {len(part.lines)} lines:")
            self.untrusted(part.lines)
        if part.is_short:
            rule = self._syntax.limit_rule
            self.write(f"{BAR}more of it is left out here, for {rule}: {self._path(outcome)} has all")
        return part.is_whole or part.is_short

    def _show_cause(self, outcome: Outcome, part: LogPart) -> None:
        """Write the lines that show a failure's cause, if the part of the log that is printed lacks them."""
        excerpt = () if outcome.failure is None else outcome.failure.excerpt
        lines = [f"{BAR}{line}".rstrip() for line in clean_lines("\n".join(excerpt))]
        if lines and not part.is_whole and not set(lines) <= {without_colour(line) for line in part.lines}:
            self.write(f"{BAR}the cause, further up in the log:")
            self.untrusted(lines[:_EXCERPT])

    def _path(self, outcome: Outcome) -> str:
        return outcome.log or str(self._logs.path(outcome.cell))
