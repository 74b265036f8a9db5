"""The plain console for CI systems and pipes: a block per finished cell, notices, and signs of life."""

from typing import TextIO

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
from matrix_runner.model.outcomes import Outcome, RunWarning, Status
from matrix_runner.report.cell_logs import CellLogs
from matrix_runner.report.console.cell_lines import CellLines
from matrix_runner.report.console.failure_logs import FailureLogs
from matrix_runner.report.console.printed_log import PlainStyle, PrintedLog, Sources
from matrix_runner.report.console.run_progress import RunProgress
from matrix_runner.report.phrases import has_log, is_failed, step_times
from matrix_runner.report.same_failures import failure_groups, failure_key
from matrix_runner.report.sanitize import clean_line
from matrix_runner.wording import counted

SIGN_OF_LIFE = 60.0
"""Seconds without a line before a sign of life is printed."""
QUIET_SIGN_OF_LIFE = 300.0
"""The same for `--progress quiet`: Travis CI and CircleCI end a job after ten silent minutes."""

_PASSED_LINES = 20
"""Lines of a passing cell's log in its fold: mostly the result of its tests."""


class PlainConsole:
    """Prints each cell as a block when it ends, never interleaved, notices at once, and a sign of life in silence.

    In CI a passing cell is a closed fold; a failed one is a line when it ends, and its log stands open at the end of
    the run, where a page of CI shows it first. Elsewhere a failure is explained at once: who reads a pipe reads on.
    What several cells fail in alike is explained once. Reads logs from `logs`, which must receive each event first.
    """

    def __init__(self, stream: TextIO, logs: CellLogs, style: PlainStyle, sources: Sources | None = None) -> None:
        """`stream`: used by the main thread only; not closed here."""
        self._logs = logs
        self._style = style
        self._syntax = style.syntax
        self._progress = RunProgress()
        self._lines = CellLines(self._progress, colour=style.colour)
        self._log = PrintedLog(stream, logs, style, sources or Sources())
        self._failures = FailureLogs(log=self._log, lines=self._lines, logs=logs, is_verbose=style.verbose)
        self._printed = 0.0
        self._seen: dict[object, Outcome] = {}
        self._failed: list[Outcome] = []
        self._warnings: list[RunWarning] = []
        self._is_over = False

    def handle(self, event: Event) -> None:
        """Print the lines for an event."""
        self._progress.handle(event)
        before = self._log.written
        if isinstance(event, RunFinished):
            self._end(explains=self._style.quiet)
        elif self._style.quiet and not _is_trouble(event):
            self._show_life(QUIET_SIGN_OF_LIFE)
        else:
            self._print(event)
        if self._log.written > before:
            self._printed = self._progress.now

    def close(self) -> None:
        """Print what was kept for the end of a run that did not come to it."""
        self._end(explains=True)

    def _print(self, event: Event) -> None:
        match event:
            case RunStarted():
                workers = counted(event.workers, "worker")
                self._say(f"{counted(len(event.cells), 'cell')} to build, {workers}, run {clean_line(event.run)}")
            case CellStarted():
                self._say(self._lines.start(event.cell, event.node))
            case Notice():
                if event.is_warning:
                    self._warnings.append(RunWarning(text=event.text, cell=event.cell))
                self._say(*self._lines.notice(event))
            case CellFinished():
                if is_failed(event.outcome):
                    self._fail(event.outcome)
                else:
                    self._pass(event.outcome)
                self._log.write(*self._syntax.progress(self._progress.done, len(self._progress)))
            case (
                Output()
                | StepStarted()
                | StepFinished()
                | WaitStarted()
                | WaitProgressed()
                | WaitEnded()
                | RunFinished()
                | Tick()
            ):
                self._show_life(SIGN_OF_LIFE)

    def _say(self, *lines: str) -> None:
        """Print lines that stand in no fold."""
        self._log.leave_fold(f"{self._progress.done} of {len(self._progress)} done")
        self._log.write(*lines)

    def _show_life(self, seconds: float) -> None:
        if self._progress.now - self._printed >= seconds:
            self._say(*self._syntax.heartbeat(self._lines.sign_of_life()))

    def _pass(self, outcome: Outcome) -> None:
        has_log = self._logs.has(outcome.cell) and (self._style.verbose or outcome.status is Status.PASSED)
        most = None if self._style.verbose else _PASSED_LINES
        steps = step_times(outcome.steps)
        if self._syntax.has_folds and has_log:
            fold = self._log.fold(outcome, self._lines.title(outcome))
            self._log.write(*([f"steps: {steps}"] if steps else []))
            self._log.passing_log(outcome, most, self._cells_to_come)
            self._log.close(fold)
            return
        result = self._lines.result(outcome)
        self._say(f"{self._lines.header(outcome)}  {steps}".rstrip())
        self._log.write(*self._lines.indented(*([result] if result else [])))
        if has_log and self._style.verbose:
            self._log.passing_log(outcome, most, self._cells_to_come)

    @property
    def _cells_to_come(self) -> int:
        """The number of cells that may still have a log printed, with the one that has just ended."""
        return len(self._progress) - self._progress.done + 1

    def _fail(self, outcome: Outcome) -> None:
        first = self._seen.setdefault(failure_key(outcome), outcome)
        self._failed.append(outcome)
        header, logs = self._lines.header(outcome), self._where_logs_are(outcome)
        short = self._lines.in_short(outcome, None if first is outcome else first)
        if self._syntax.defers_failures:
            self._say(f"{header}  {short}", *self._lines.indented(*logs))
            return
        explanation = self._lines.in_full(outcome) if first is outcome else (short,)
        steps = step_times(outcome.steps)
        self._say(f"{header}  {steps}".rstrip(), *self._lines.indented(*explanation, *logs))
        if first is outcome and self._failures.has(outcome):
            self._failures.end(outcome, 1)

    def _where_logs_are(self, outcome: Outcome) -> tuple[str, ...]:
        problem = self._logs.problem(outcome.cell)
        return (
            *([f"log: {outcome.log or self._logs.path(outcome.cell)}"] if has_log(outcome) else []),
            *([f"the log is not complete: {problem}"] if problem else []),
        )

    def _end(self, *, explains: bool) -> None:
        """Print what stands at the end of a run in CI."""
        if self._is_over:
            return
        self._is_over = True
        if self._syntax.defers_failures:
            self._failures.print(self._failed, explains=explains)
        self._annotate()
        self._log.leave_fold("Summary")

    def _annotate(self) -> None:
        """Print what the CI system shows on a page of its own."""
        if not self._syntax.has_annotations or not (self._failed or self._warnings):
            return
        # Most runs have nothing to annotate, and no system for it.
        from matrix_runner.report.ci.annotations import error_annotations, warning_annotations

        most, groups = self._syntax.most_annotations, failure_groups(self._failed)
        has_place = any(outcome.failure is not None and outcome.failure.place for outcome in self._failed)
        prefix = self._style.prefix() if has_place else None
        for annotation in (
            *error_annotations(groups, prefix=prefix, most=most),
            *warning_annotations(self._warnings, most=most),
        ):
            self._log.write(*self._syntax.annotation(annotation))


def _is_trouble(event: Event) -> bool:
    """Whether to print a line for an event even with `--progress quiet`."""
    match event:
        case Notice():
            return event.is_warning
        case CellFinished():
            return is_failed(event.outcome)
        case _:
            return False
