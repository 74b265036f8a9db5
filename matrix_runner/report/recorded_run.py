"""A run as its report directory tells it, also while it goes on or after it was killed: its cells, and their logs."""

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from matrix_runner.errors import UsageError
from matrix_runner.files import chunks_of
from matrix_runner.model.cells import Cell
from matrix_runner.report.console.run_progress import CellPhase, CellProgress, RunProgress
from matrix_runner.report.event_records import replay
from matrix_runner.report.event_stream import NAME
from matrix_runner.report.log_following import followed_log, step_of_log, steps_of_log
from matrix_runner.report.log_index import read_index
from matrix_runner.report.phrases import cause, clock, duration, is_failed
from matrix_runner.wheelhouse.directory_lock import is_locked
from matrix_runner.wheelhouse.report_directory import LOGS
from matrix_runner.wording import first_of, size_text


class RecordedRun:
    """The run that a report directory is of."""

    def __init__(self, directory: Path) -> None:
        """Read the events of the run. Raise UsageError if they cannot be read."""
        self._directory = directory
        self._progress = RunProgress()
        for event in replay(directory / NAME):
            self._progress.handle(event)

    def matching(self, patterns: Sequence[str]) -> tuple[str, ...]:
        """Return the cells that match a pattern, in plan order. Raise UsageError for a pattern that matches none."""
        names = [str(each.cell) for each in self._progress.cells]
        for pattern in patterns:
            if not any(_fits(name, pattern) for name in names):
                raise UsageError(f"the run has no cell {pattern}", hint=f"it has {self.some_cells()}")
        return tuple(name for name in names if any(_fits(name, pattern) for pattern in patterns))

    def failed(self) -> tuple[str, ...]:
        """Return the cells that failed, in plan order."""
        return tuple(str(each.cell) for each in self._progress.cells if each.is_failed)

    def some_cells(self) -> str:
        """Return some of the run's cells, for a hint."""
        return first_of([str(each.cell) for each in self._progress.cells], 4) or "none"

    def log(self, cell: str) -> Path:
        """Return the path of a cell's log, whether it is there or not."""
        return self._directory / LOGS / f"{Cell.parse(cell).stem}.log"

    def read(self, cell: str, step: str | None) -> Iterator[bytes]:
        """Yield a cell's log in chunks, or a step's part of it. Raise UsageError if there is none."""
        log = self.log(cell)
        try:
            if step is not None:
                steps = steps_of_log(log, cell)
                if step not in steps:
                    raise UsageError(
                        f"{cell} did not come to {step}" if steps else f"{cell} ran no step",
                        hint=f"its log has {', '.join(steps)}" if steps else None,
                    )
                yield from step_of_log(log, cell, step)
                return
            yield from chunks_of(log)
        except OSError as error:
            raise UsageError(f"{cell} has no log here: {log}: {error.strerror}") from error

    def followed(self, cell: str) -> Iterator[bytes]:
        """Yield a cell's log as it is written, until the cell or the run ends. Raise UsageError if there is none."""
        log = self.log(cell)

        def is_over() -> bool:
            index = read_index(log.parent).get(cell, ())
            return any(each.step is None for each in index) or not is_locked(self._directory)

        try:
            yield from followed_log(log, is_over)
        except OSError as error:
            raise UsageError(f"{cell} has no log here: {log}: {error.strerror}") from error

    def overview(self) -> tuple[str, ...]:
        """Return the run's cells, a line each: status, time, the log and its size."""
        going_on = is_locked(self._directory)
        cells = self._progress.cells
        width = max((len(str(each.cell)) for each in cells), default=0)
        return tuple(self._line(each, width, is_going_on=going_on) for each in cells)

    def _line(self, progress: CellProgress, width: int, *, is_going_on: bool) -> str:
        log = self.log(str(progress.cell))
        try:
            size = f"{log} ({size_text(log.stat().st_size)})"
        except OSError:
            size = "no log"
        word = self._word(progress, is_going_on=is_going_on)
        return f"{progress.cell!s:<{width}}  {word:<30}  {size}"

    def _word(self, progress: CellProgress, *, is_going_on: bool) -> str:
        outcome = progress.outcome
        if outcome is not None:
            word = f"failed in {cause(outcome)}" if is_failed(outcome) else str(outcome.status)
            return f"{word}, {duration(outcome.seconds)}"
        if progress.phase is CellPhase.RUNNING:
            step = str(progress.step or "")
            since = clock(self._progress.now - progress.started)
            return f"running {step}, {since}" if is_going_on else f"broken off in {step or 'its beginning'}"
        return "waiting" if is_going_on else "not begun"


def _fits(name: str, pattern: str) -> bool:
    """Whether a pattern is about a cell; one without a package is about those of all."""
    return fnmatchcase(name if ":" in pattern else Cell.parse(name).local, pattern)
