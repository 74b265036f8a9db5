"""The part of a cell's log that a console prints: its end, in so many lines and bytes, or all of it."""

from collections import deque
from collections.abc import Iterator, Sequence

import msgspec

from matrix_runner.model.cells import Cell
from matrix_runner.report.cell_logs import CellLogs
from matrix_runner.report.console.log_budget import LogBudget
from matrix_runner.report.sanitize import sanitized_lines

BAR = "  | "
"""Stands before each line of a log: none of them begins as a line of ours, or as a command of a CI system."""

_MOST_READ = 1024 * 1024
"""Bytes of a log's end that are read for a number of its last lines."""


class LogPart(msgspec.Struct, frozen=True, kw_only=True):
    """The last lines of a log. `is_whole`: there are no others. `is_short`: a CI system's limit left some out."""

    lines: tuple[str, ...]
    is_whole: bool
    is_short: bool


class LogReader(msgspec.Struct, frozen=True, kw_only=True):
    """Reads logs of cells for the console, as safe lines behind a bar. `colour`: with their colours."""

    logs: CellLogs
    budget: LogBudget
    colour: bool

    def whole(self, cell: Cell) -> Iterator[str]:
        """Yield all lines of a log, which may be too large for memory."""
        for line in sanitized_lines(self.logs.read(cell), colour=self.colour, is_start=False):
            yield f"{BAR}{line}".rstrip()

    def end(self, cell: Cell, *, most: int | None, room: int | None) -> LogPart:
        """Return the last `most` lines of a log that fit in `room` bytes. One may be None, for no such limit."""
        count = max(min(_MOST_READ if most is not None else room or 0, _MOST_READ if room is None else room), 1)
        tail = self.logs.tail(cell, count)
        lines = deque(
            sanitized_lines((tail,), colour=self.colour, is_start=False), maxlen=None if most is None else most + 1
        )
        is_cut = len(tail) >= count
        if is_cut and len(lines) > 1:
            # It has lost its beginning.
            lines.popleft()
        if most is not None and len(lines) > most:
            lines.popleft()
            is_cut = True
        shown = self._fitting(tuple(f"{BAR}{line}".rstrip() for line in lines), room)
        is_short = len(shown) < len(lines) or (is_cut and count == room and (most is None or len(lines) < most))
        return LogPart(lines=shown, is_whole=not is_cut and not is_short, is_short=is_short)

    def _fitting(self, lines: Sequence[str], room: int | None) -> tuple[str, ...]:
        """Return the last ones of the lines that fit."""
        if room is None:
            return tuple(lines)
        first = len(lines)
        while first and room >= (size := self.budget.size(lines[first - 1])):
            first, room = first - 1, room - size
        return tuple(lines[first:])
