"""The division of what a CI system takes of a job's log: passing logs are shortened first. Pure."""

from collections.abc import Iterable

from matrix_runner.report.ci.log_syntax import LogSyntax

_OURS = 3 / 4
"""The part of a job's log for a run: its other commands print too."""
_PASSING, _FAILURES = 1 / 2, 7 / 8
"""The parts of ours up to which logs of passing cells, and then of failed ones, are printed.

The rest is for the line of each cell, warnings and the summary, which are never left out.
"""


class LogBudget:
    """Counts what is printed, and says how much of a log may be printed next; None: all of it."""

    def __init__(self, syntax: LogSyntax) -> None:
        """`syntax`: the CI system's, with its limit."""
        self._limit = None if syntax.log_limit is None else int(syntax.log_limit * _OURS)
        self._overhead = syntax.line_overhead
        self._spent = 0

    @property
    def is_limited(self) -> bool:
        """Whether there is a limit."""
        return self._limit is not None

    def size(self, line: str) -> int:
        """Return the bytes that a line takes."""
        return len(line.encode(errors="replace")) + 1 + self._overhead

    def spend(self, lines: Iterable[str]) -> None:
        """Count lines that are printed."""
        if self._limit is not None:
            self._spent += sum(map(self.size, lines))

    def of_passing(self, cells: int) -> int | None:
        """Return the bytes for the log of the next passing cell, if it and others are `cells`."""
        return self._share(_PASSING, cells)

    def of_failure(self, failures: int) -> int | None:
        """Return the bytes for the log of the next failure, if it and others are `failures`."""
        return self._share(_FAILURES, failures)

    def _share(self, part: float, claimants: int) -> int | None:
        if self._limit is None:
            return None
        return max(int(self._limit * part) - self._spent, 0) // max(claimants, 1)
