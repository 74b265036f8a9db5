"""The plain console's lines on a cell: its result, its failure, what it is at. Pure but for the progress they read."""

from matrix_runner.model.events import Notice
from matrix_runner.model.outcomes import Failure, Outcome, Status
from matrix_runner.report.console.run_progress import CellPhase, CellProgress, RunProgress
from matrix_runner.report.console.time_to_go import run_to_go
from matrix_runner.report.phrases import borrowed, cause, clock, duration, further_place, place_text, short_step
from matrix_runner.report.sanitize import clean_line, clean_lines
from matrix_runner.wording import size_text

_COLOURS = {Status.PASSED: 32, Status.CACHED: 32, Status.FAILED: 31, Status.SKIPPED: 33, Status.CANCELLED: 33}
_LONGEST_MESSAGE = 400
"""Characters of a failure's message in the cell's own line; what explains the failure has all of it."""


class CellLines:
    """Words the plain console's lines, in two columns: what has come to be, and of which cell."""

    def __init__(self, progress: RunProgress, *, colour: bool) -> None:
        """`progress`: kept up to date by the console."""
        self._progress = progress
        self._colour = colour

    def header(self, outcome: Outcome) -> str:
        """Return the line of an ended cell: status, cell, time."""
        word = str(outcome.status).upper() if outcome.status is Status.FAILED else str(outcome.status)
        return self._ended(outcome, self.painted(f"{word:<9}", outcome.status))

    def title(self, outcome: Outcome) -> str:
        """Return the same with the wheel, as the title of a fold: in no colour, for not every system shows it there."""
        result = self.result(outcome)
        return f"{self._ended(outcome, f'{outcome.status!s:<9}')}  {result}".rstrip()

    def indented(self, *lines: str) -> tuple[str, ...]:
        """Return lines below that of a cell."""
        return tuple(f"{self._pad('')} {'':<9} {line}" for line in lines)

    def result(self, outcome: Outcome) -> str:
        """Return a cell's wheel and its size, or the builder of a reused wheel; "" for neither."""
        if outcome.wheel is None:
            return borrowed(outcome)
        return f"{clean_line(outcome.wheel.name)}, {size_text(outcome.wheel.size)}"

    def in_short(self, outcome: Outcome, first: Outcome | None) -> str:
        """Return a failure in one line; `first`: the outcome that failed in the same way before."""
        if first is not None:
            return f"{self.painted(cause(outcome), outcome.status)}: the same as {first.cell}"
        if outcome.failure is None:
            return self.painted(cause(outcome), outcome.status)
        message = clean_line(outcome.failure.message)
        if len(message) > _LONGEST_MESSAGE:
            message = f"{message[:_LONGEST_MESSAGE]}..."
        return f"{self.painted(cause(outcome), outcome.status)}: {' '.join((message, *_place(outcome.failure)))}"

    def in_full(self, outcome: Outcome) -> tuple[str, ...]:
        """Return a failure's step, reason, message, place and hint."""
        if outcome.failure is None:
            return ()
        first, *rest = clean_lines(outcome.failure.message) or ("",)
        return (
            f"{self.painted(cause(outcome), outcome.status)}: {first}",
            *rest,
            *_place(outcome.failure),
            *clean_lines(outcome.failure.hint or ""),
        )

    def notice(self, notice: Notice) -> tuple[str, ...]:
        """Return the lines of a notice."""
        lines = clean_lines(notice.text) or ("",)
        word = "warning" if notice.is_warning else "note"
        about = f"{notice.cell}: " if notice.cell else ""
        label = self._paint(f"{self._pad('')} {word:<9}", 33 if notice.is_warning else 2)
        return (f"{label} {about}{lines[0]}", *self.indented(*lines[1:]))

    def start(self, cell: object, node: str = "") -> str:
        """Return the line of a cell that starts. `node`: the engine that runs it, where there are several."""
        return f"{self._pad('')} {'start':<9} {cell}{f'  on {clean_line(node)}' if node else ''}"

    def sign_of_life(self) -> str:
        """Return what runs, what is waited for, and how far the run is."""
        now = self._progress.now
        running = ", ".join(self._running(cell) for cell in self._progress.of(CellPhase.RUNNING))
        waits = ", ".join(f"{clean_line(text)} ({clock(now - began)})" for text, began in self._progress.waits)
        parts = (f"still running: {running}" if running else "", f"waiting: {waits}" if waits else "")
        text = "; ".join(filter(None, parts)) or "waiting"
        to_go = run_to_go(self._progress.cells, self._progress.expected, now, self._progress.workers)
        rest = f", about {clock(to_go)} to go" if to_go else ""
        return f"{text}; {self._progress.done} of {len(self._progress)} done, {clock(now)} since the start{rest}"

    def painted(self, text: str, status: Status) -> str:
        """Return text in the colour of a status."""
        return self._paint(text, _COLOURS[status])

    def _ended(self, outcome: Outcome, word: str) -> str:
        done = self._pad(f"[{self._progress.done}/{len(self._progress)}]")
        return f"{done} {word} {outcome.cell!s:<{self._progress.width}}  {duration(outcome.seconds):>6}"

    def _running(self, cell: CellProgress) -> str:
        step = f"{short_step(cell.step)} {clock(self._progress.now - cell.step_started)}" if cell.step else ""
        remarks = ", ".join(filter(None, (step, "emulated" if self._progress.is_emulated(cell.cell) else "")))
        return f"{cell.cell} ({remarks})" if remarks else str(cell.cell)

    def _paint(self, text: str, code: int) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text

    def _pad(self, text: str) -> str:
        """Align text in the counter's column, as wide as `[12/12]`."""
        return text.rjust(2 * len(str(len(self._progress))) + 3)


def _place(failure: Failure) -> tuple[str, ...]:
    """Return the place of a failure in brackets, if it is to be told."""
    place = further_place(failure)
    return () if place is None else (f"({clean_line(place_text(place))})",)
