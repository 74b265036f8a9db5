"""Layout of the live table as text: a pure function of the cells' progress, the time and the viewport."""

from collections.abc import Mapping

import msgspec
from rich.cells import cell_len, set_cell_size
from rich.text import Text

from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import Outcome, Status
from matrix_runner.report.console.run_progress import CellPhase, CellProgress
from matrix_runner.report.console.time_to_go import cell_to_go, run_to_go
from matrix_runner.report.phrases import borrowed, clock, duration, short_step, step_times
from matrix_runner.report.sanitize import clean_line
from matrix_runner.wording import counted, size_text

_STEP_WIDTH = 12
_TIME_WIDTH = 6
_LEFT_WIDTH = 13
_NARROW = 60
"""Columns below which a row has no space but between its words."""
_WIDE = 80
"""Columns from which on rows tell how long cells still need."""


class Glyphs(msgspec.Struct, frozen=True, kw_only=True):
    """The symbols of the table, one column each; `ASCII` for streams without Unicode."""

    passed: str
    failed: str
    unfinished: str
    running: str
    queued: str
    full: str
    empty: str
    more: str

    def of(self, cell: CellProgress) -> tuple[str, str]:
        """Return a cell's symbol and colour."""
        if cell.outcome is None:
            return (self.running, "cyan") if cell.phase is CellPhase.RUNNING else (self.queued, "bright_black")
        match cell.outcome.status:
            case Status.PASSED | Status.CACHED:
                return self.passed, "green"
            case Status.FAILED:
                return self.failed, "bold red"
            case Status.SKIPPED | Status.CANCELLED:
                return self.unfinished, "yellow"


UNICODE = Glyphs(
    passed="✔",
    failed="✘",
    unfinished="-",
    running="●",
    queued="·",
    full="━",
    empty="─",
    more="…",
)
ASCII = Glyphs(
    passed="+",
    failed="x",
    unfinished="-",
    running="*",
    queued=".",
    full="#",
    empty="-",
    more="~",
)


class Viewport(msgspec.Struct, frozen=True, kw_only=True):
    """The available columns, lines and symbols."""

    width: int
    height: int
    glyphs: Glyphs = UNICODE


class Outlook(msgspec.Struct, frozen=True, kw_only=True):
    """The seconds that cells are expected to take by earlier runs, and the number of workers."""

    expected: Mapping[Cell, float] = msgspec.field(default_factory=dict)
    workers: int = 0


def board_lines(
    cells: tuple[CellProgress, ...],
    now: float,
    viewport: Viewport,
    waits: tuple[tuple[str, float], ...] = (),
    outlook: Outlook | None = None,
) -> tuple[Text, ...]:
    """Return the table, at most `viewport.height` lines of at most `viewport.width` columns.

    `waits`: the work for which cells wait, with the time of its start; it has a line each. `outlook`: tells how long
    each cell still needs, and the run.

    An empty line separates it from the scrolled output above, if there is space. Rows are in plan order. If there are
    too many, the most informative are shown: failed, running, then queued, then finished; a line counts the others.
    """
    outlook = outlook or Outlook()
    shown, hidden = _selection(cells, max(viewport.height - 3 - len(waits), 1))
    names = max((len(str(cell.cell)) for cell in shown), default=0)
    has_times = bool(outlook.expected) and viewport.width >= _WIDE
    to_go = {cell.cell: cell_to_go(cell, outlook.expected, now) for cell in shown} if has_times else {}
    lines = [_row(cell, now, viewport, names, to_go) for cell in shown]
    if hidden:
        lines.append(fit(Text(f"{viewport.glyphs.more} {_counts(hidden)} not shown", style="bright_black"), viewport))
    for text, began in waits:
        lines.append(fit(Text(f"{clean_line(text)} ({clock(now - began)})", style="bright_black"), viewport))
    if viewport.height >= len(lines) + 3:
        lines = [Text(), *lines, Text()]
    lines.append(_summary(cells, now, viewport, run_to_go(cells, outlook.expected, now, outlook.workers)))
    return tuple(lines[-max(viewport.height, 1) :])


def _selection(
    cells: tuple[CellProgress, ...], lines: int
) -> tuple[tuple[CellProgress, ...], tuple[CellProgress, ...]]:
    """Split the cells into those with a row and those only counted, each in plan order."""
    if len(cells) <= lines:
        return cells, ()
    ranked = sorted(range(len(cells)), key=lambda index: (_rank(cells[index]), index))
    chosen = set(ranked[: max(lines - 1, 0)])
    return (
        tuple(cell for index, cell in enumerate(cells) if index in chosen),
        tuple(cell for index, cell in enumerate(cells) if index not in chosen),
    )


def _rank(cell: CellProgress) -> int:
    if cell.is_failed:
        return 0
    return {CellPhase.RUNNING: 1, CellPhase.QUEUED: 2, CellPhase.DONE: 3}[cell.phase]


def _row(cell: CellProgress, now: float, viewport: Viewport, names: int, to_go: Mapping[Cell, float | None]) -> Text:
    sign, colour = viewport.glyphs.of(cell)
    is_waiting = cell.phase is CellPhase.QUEUED
    text = Text(no_wrap=True)
    text.append(f"{sign} ", style=colour)
    text.append(f"{cell.cell!s:<{names}}  ", style="bright_black" if is_waiting else "")
    step, clocked = (0, 0) if viewport.width < _NARROW else (_STEP_WIDTH, _TIME_WIDTH)
    text.append(f"{_state(cell):<{step}}", style=colour)
    text.append(f"{' ' * (not step)}{_time(cell, now):>{clocked}}  ", style="bright_black" if is_waiting else "")
    if to_go:
        left = to_go.get(cell.cell)
        words = "" if left is None else f"{clock(left)} left"
        text.append(f"{words:<{_LEFT_WIDTH}}", style="bright_black")
    is_dim = cell.phase is CellPhase.RUNNING or not cell.is_failed
    text.append(_detail(cell), style="bright_black" if is_dim else "red")
    return fit(text, viewport)


def _state(cell: CellProgress) -> str:
    if cell.outcome is not None:
        return str(cell.outcome.status)
    if cell.phase is CellPhase.QUEUED:
        return "queued"
    return short_step(cell.step) if cell.step else "starting"


def _time(cell: CellProgress, now: float) -> str:
    if cell.outcome is not None:
        return duration(cell.outcome.seconds)
    return clock(now - cell.started) if cell.phase is CellPhase.RUNNING else ""


def _detail(cell: CellProgress) -> str:
    return cell.detail if cell.outcome is None else _result(cell.outcome)


def _result(outcome: Outcome) -> str:
    if outcome.failure is not None:
        return f"{short_step(outcome.failure.step)}: {clean_line(outcome.failure.message)}"
    if outcome.reused_from is not None:
        return borrowed(outcome)
    weight = size_text(outcome.wheel.size) if outcome.wheel else ""
    return ", ".join(part for part in (weight, step_times(outcome.steps, least=1.0)) if part)


def _counts(cells: tuple[CellProgress, ...]) -> str:
    done = [cell for cell in cells if cell.phase is CellPhase.DONE]
    failed = sum(cell.is_failed for cell in done)
    running = sum(cell.phase is CellPhase.RUNNING for cell in cells)
    queued = len(cells) - len(done) - running
    parts = ((failed, "failed"), (len(done) - failed, "finished"), (running, "running"), (queued, "queued"))
    return ", ".join(f"{number} {word}" for number, word in parts if number)


def _summary(cells: tuple[CellProgress, ...], now: float, viewport: Viewport, to_go: float | None) -> Text:
    done = [cell for cell in cells if cell.phase is CellPhase.DONE]
    failed = sum(cell.is_failed for cell in done)
    running = sum(cell.phase is CellPhase.RUNNING for cell in cells)
    queued = len(cells) - len(done) - running
    text = Text(no_wrap=True)
    text.append(f"{len(done)} of {counted(len(cells), 'cell')} done", style="bold")
    text.append(f", {failed} failed" if failed else "", style="bold red")
    text.append(f", {running} running" if running else "")
    text.append(f", {queued} queued" if queued else "")
    if viewport.width < _NARROW:
        text = Text(f"{len(done)}/{len(cells)} done", style="bold", no_wrap=True)
        text.append(f", {failed} failed" if failed else "", style="bold red")
    text.append(f"  {clock(now)}", style="bright_black")
    text.append(f", about {clock(to_go)} to go" if to_go else "", style="bright_black")
    bar = min(24, viewport.width - cell_len(text.plain) - 2)
    if bar < 8 or not cells:
        return fit(text, viewport)
    filled = bar * len(done) // len(cells)
    return Text.assemble(
        (viewport.glyphs.full * filled, "red" if failed else "green"),
        (f"{viewport.glyphs.empty * (bar - filled)}  ", "bright_black"),
        text,
        no_wrap=True,
    )


def fit(text: Text, viewport: Viewport) -> Text:
    """Truncate a line to the viewport's columns; a wide character across the edge is dropped."""
    if viewport.glyphs is ASCII:
        text.plain = text.plain.encode("ascii", "replace").decode()
    if cell_len(text.plain) > viewport.width:
        text.plain = set_cell_size(text.plain, max(viewport.width - 1, 0)).rstrip() + viewport.glyphs.more
    return text
