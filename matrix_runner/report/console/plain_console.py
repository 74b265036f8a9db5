"""The plain console for CI systems and pipes: a block per finished cell, notices, and signs of life."""

import secrets
import time
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import TextIO

import msgspec

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
    WaitStarted,
)
from matrix_runner.model.outcomes import Outcome, Status
from matrix_runner.report.cell_logs import CellLogs
from matrix_runner.report.console.folds import FoldStyle, closing, commands_off, commands_on, error_annotation, opening
from matrix_runner.report.console.run_progress import CellPhase, CellProgress, RunProgress
from matrix_runner.report.phrases import (
    borrowed,
    cause,
    clock,
    counted,
    duration,
    has_log,
    is_failed,
    short_step,
    step_times,
)
from matrix_runner.report.sanitize import clean_line, clean_lines, sanitized_lines
from matrix_runner.report.terminal import LineWriter
from matrix_runner.wording import size_text

SIGN_OF_LIFE = 30.0
"""Seconds without a line before a sign of life is printed."""
QUIET_SIGN_OF_LIFE = 300.0
"""The same for `--progress quiet`: Travis ends a job after ten silent minutes."""

_SHOWN_LINES = 200
_OPEN_LINES = 30
_TAIL = 1024 * 1024
_BAR = "  | "
_COLOURS = {Status.PASSED: 32, Status.CACHED: 32, Status.FAILED: 31, Status.SKIPPED: 33, Status.CANCELLED: 33}


class PlainStyle(msgspec.Struct, frozen=True, kw_only=True):
    """The console's format. `verbose`: full logs of passing cells too. `quiet`: warnings and failures only."""

    fold: FoldStyle = FoldStyle.NONE
    colour: bool = False
    verbose: bool = False
    quiet: bool = False


class PlainConsole:
    """Prints each cell as a block when it ends, never interleaved, notices at once, and a sign of life in silence.

    Reads logs from `logs`, which must receive each event first. `unix_time` and `token` are the sources of GitLab's
    timestamps and of GitHub's secret; tests pass their own.
    """

    def __init__(
        self,
        stream: TextIO,
        logs: CellLogs,
        style: PlainStyle,
        *,
        unix_time: Callable[[], float] = time.time,
        token: Callable[[], str] = secrets.token_hex,
    ) -> None:
        """`stream`: used by the main thread only; not closed here."""
        self._out = LineWriter(stream)
        self._logs = logs
        self._style = style
        self._unix_time = unix_time
        self._token = token
        self._progress = RunProgress()
        self._printed = 0.0

    def handle(self, event: Event) -> None:
        """Print the lines for an event."""
        self._progress.handle(event)
        if self._style.quiet and not _is_trouble(event):
            self._show_life(QUIET_SIGN_OF_LIFE)
            return
        match event:
            case RunStarted():
                workers = counted(event.workers, "worker")
                self._print(f"{counted(len(event.cells), 'cell')} to build, {workers}, run {clean_line(event.run)}")
            case CellStarted():
                self._print(f"{self._pad('')} {'start':<9} {event.cell}")
            case Notice():
                self._print(*self._notice(event))
            case CellFinished():
                self._finish(event.outcome)
            case Output() | StepStarted() | StepFinished() | WaitStarted() | WaitEnded() | RunFinished() | Tick():
                self._show_life(SIGN_OF_LIFE)

    def close(self) -> None:
        """No resources to release."""

    def _print(self, *lines: str) -> None:
        self._out.write(*lines)
        self._printed = self._progress.now

    def _paint(self, text: str, code: int) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._style.colour else text

    def _pad(self, text: str) -> str:
        """Align text in the counter's column, as wide as `[12/12]`."""
        return text.rjust(2 * len(str(len(self._progress))) + 3)

    def _notice(self, notice: Notice) -> tuple[str, ...]:
        lines = clean_lines(notice.text) or ("",)
        word = "warning" if notice.is_warning else "note"
        about = f"{notice.cell}: " if notice.cell else ""
        label = self._paint(f"{self._pad('')} {word:<9}", 33 if notice.is_warning else 2)
        head = f"{label} {about}{lines[0]}"
        return (head, *(f"{self._pad('')} {'':<9} {line}" for line in lines[1:]))

    def _show_life(self, seconds: float) -> None:
        if self._progress.now - self._printed >= seconds:
            self._print(self._sign_of_life())

    def _sign_of_life(self) -> str:
        now = self._progress.now
        running = ", ".join(self._running(cell) for cell in self._progress.of(CellPhase.RUNNING))
        waits = ", ".join(f"{clean_line(text)} ({clock(now - began)})" for text, began in self._progress.waits)
        parts = (f"still running: {running}" if running else "", f"waiting: {waits}" if waits else "")
        text = "; ".join(filter(None, parts)) or "waiting"
        return f"{text}; {self._progress.done} of {len(self._progress)} done, {clock(now)} since the start"

    def _running(self, cell: CellProgress) -> str:
        step = f"{short_step(cell.step)} {clock(self._progress.now - cell.step_started)}" if cell.step else ""
        remarks = ", ".join(filter(None, (step, "emulated" if self._progress.is_emulated(cell.cell) else "")))
        return f"{cell.cell} ({remarks})" if remarks else str(cell.cell)

    def _finish(self, outcome: Outcome) -> None:
        self._print(self._header(outcome))
        if is_failed(outcome):
            self._print(*self._explanation(outcome))
            if has_log(outcome):
                self._print(*self._log_end(outcome.cell))
            failure = outcome.failure
            message = clean_line(failure.message) if failure else "failed"
            self._print(*error_annotation(self._style.fold, f"{outcome.cell}: {cause(outcome)}", message))
            return
        if outcome.wheel is not None:
            self._print(f"{self._pad('')} {'':<9} {clean_line(outcome.wheel.name)}, {size_text(outcome.wheel.size)}")
        elif outcome.reused_from is not None:
            self._print(f"{self._pad('')} {'':<9} {borrowed(outcome)}")
        if self._style.verbose and self._logs.has(outcome.cell):
            self._print_log(outcome.cell)

    def _header(self, outcome: Outcome) -> str:
        done = self._pad(f"[{self._progress.done}/{len(self._progress)}]")
        word = str(outcome.status).upper() if outcome.status is Status.FAILED else str(outcome.status)
        steps = step_times(outcome.steps)
        text = f"{done} {self._paint(f'{word:<9}', _COLOURS[outcome.status])} {outcome.cell!s:<{self._progress.width}}"
        return f"{text}  {duration(outcome.seconds):>6}  {steps}".rstrip()

    def _explanation(self, outcome: Outcome) -> tuple[str, ...]:
        lines: list[str] = []
        if outcome.failure is not None:
            first, *rest = clean_lines(outcome.failure.message) or ("",)
            lines += [f"{self._paint(cause(outcome), 31)}: {first}", *rest]
            lines += clean_lines(outcome.failure.hint or "")
        if has_log(outcome):
            lines.append(f"log: {outcome.log or self._logs.path(outcome.cell)}")
        problem = self._logs.problem(outcome.cell)
        if problem:
            lines.append(f"the log is not complete: {problem}")
        return tuple(f"{self._pad('')} {'':<9} {line}" for line in lines)

    def _log_end(self, cell: Cell) -> tuple[str, ...]:
        """Return the last lines of the log; on CI systems with folds, all but the very last are folded."""
        if not self._logs.has(cell):
            return ()
        tail = self._logs.tail(cell, _TAIL)
        is_cut = len(tail) == _TAIL
        lines = deque(sanitized_lines((tail,), colour=self._style.colour), maxlen=_SHOWN_LINES + 1)
        if len(lines) > _SHOWN_LINES:
            lines.popleft()
            is_cut = True
        shown = [f"{_BAR}{line}".rstrip() for line in lines]
        title = f"the log's last {len(shown)} lines" if is_cut else "the log"
        style, token = self._style.fold, self._token()
        if style is FoldStyle.NONE or len(shown) <= _OPEN_LINES:
            return (f"{_BAR}{title}:", *commands_off(style, token), *shown, *commands_on(style, token))
        return (
            *self._folded(cell, f"{title} of {cell}, up to these:", tuple(shown[:-_OPEN_LINES]), token),
            *commands_off(style, token),
            *shown[-_OPEN_LINES:],
            *commands_on(style, token),
        )

    def _folded(self, cell: Cell, title: str, lines: tuple[str, ...], token: str) -> tuple[str, ...]:
        style, now = self._style.fold, self._unix_time()
        return (
            opening(style, str(cell), title, now),
            *commands_off(style, token),
            *lines,
            *commands_on(style, token),
            *closing(style, str(cell), now),
        )

    def _print_log(self, cell: Cell) -> None:
        """Print a whole log, folded, line by line: it may be too large for memory."""
        style, now, token = self._style.fold, self._unix_time(), self._token()
        self._print(opening(style, str(cell), f"the log of {cell}", now), *commands_off(style, token))
        lines = sanitized_lines(self._logs.read(cell), colour=self._style.colour)
        while batch := tuple(islice(lines, 500)):
            self._out.write(*(f"{_BAR}{line}".rstrip() for line in batch))
        self._print(*commands_on(style, token), *closing(style, str(cell), self._unix_time()))


def _is_trouble(event: Event) -> bool:
    """Whether to print a line for an event even with `--progress quiet`."""
    match event:
        case Notice():
            return event.is_warning
        case CellFinished():
            return is_failed(event.outcome)
        case _:
            return False
