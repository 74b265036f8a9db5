"""The failures at the end of a run's log in CI: each once, with all of its cells, and the end of one of their logs."""

from collections.abc import Iterable

import msgspec

from matrix_runner.model.outcomes import Outcome
from matrix_runner.report.cell_logs import CellLogs
from matrix_runner.report.console.cell_lines import CellLines
from matrix_runner.report.console.printed_log import PrintedLog
from matrix_runner.report.phrases import has_log
from matrix_runner.report.same_failures import failure_groups
from matrix_runner.wording import first_of

FAILED_LINES = 200
"""Lines of a failed cell's log."""

_NAMED_CELLS = 8


class FailureLogs(msgspec.Struct, frozen=True, kw_only=True):
    """Prints the logs of failed cells. `is_verbose`: all of each."""

    log: PrintedLog
    lines: CellLines
    logs: CellLogs
    is_verbose: bool

    def print(self, failed: Iterable[Outcome], *, explains: bool) -> None:
        """Print each failure's log, open. `explains`: its message and hint too, where no summary follows."""
        shown = [group for group in failure_groups(failed) if explains or self.has(group.first)]
        for number, group in enumerate(shown):
            first = group.first
            title = f"FAILED {first_of(group.names, _NAMED_CELLS)}  {self.lines.in_short(first, None)}"
            self.log.write("")
            fold = self.log.fold(first, title, name=f"failed-{first.cell}", is_open=True)
            if explains:
                self.log.write(*self.lines.indented(*self.lines.in_full(first)))
            if self.has(first):
                self.end(first, len(shown) - number)
            self.log.close(fold)

    def has(self, outcome: Outcome) -> bool:
        """Whether the cell has a log worth printing."""
        return has_log(outcome) and self.logs.has(outcome.cell)

    def end(self, outcome: Outcome, failures: int) -> None:
        """Print the end of a failed cell's log; `failures`: how many more are to be printed, with this one."""
        self.log.failed_log(outcome, None if self.is_verbose else FAILED_LINES, failures)
