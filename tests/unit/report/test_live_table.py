"""The live table: what it draws, and when."""

import io
from collections.abc import Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace
from report_story import CP39, CP311, CP313T, failed, passed
from rich.cells import cell_len
from rich.console import Console

from matrix_runner.model.cells import Cell
from matrix_runner.model.events import (
    CellFinished,
    CellStarted,
    Event,
    Notice,
    Output,
    RunStarted,
    StepStarted,
    Tick,
    WaitEnded,
    WaitStarted,
)
from matrix_runner.model.outcomes import StepKind
from matrix_runner.report.cell_logs import CellLogs
from matrix_runner.report.console.board import ASCII, Viewport, board_lines
from matrix_runner.report.console.live_table import LiveTable, make_console
from matrix_runner.report.console.run_progress import CellPhase, CellProgress, RunProgress

RUNNING = CellProgress(
    cell=CP39, phase=CellPhase.RUNNING, started=10.0, step=StepKind.BUILD, step_started=15.0, detail="gcc -c core.c"
)
FAILED = CellProgress(cell=CP311, phase=CellPhase.DONE, outcome=failed(CP311))
QUEUED = CellProgress(cell=CP313T)
MANY = tuple(
    CellProgress(cell=Cell.parse(f"cp3{minor}-{libc}_{arch}"))
    for arch in ("x86_64", "i686")
    for libc in ("manylinux", "musllinux")
    for minor in range(6, 15)
)


def drawn(cells: tuple[CellProgress, ...], room: Viewport, now: float = 75.0) -> list[str]:
    """Return the table's lines as plain text."""
    return [line.plain.rstrip() for line in board_lines(cells, now, room)]


def test_a_row_says_what_a_cell_does_and_the_last_line_how_far_the_run_is() -> None:
    """Sign, identifier, step, elapsed time and last output, aligned; then done, failed, running, queued."""
    assert drawn((RUNNING, FAILED, QUEUED), Viewport(width=90, height=20)) == [
        "",
        "● cp39-manylinux_x86_64   build        1m05s  gcc -c core.c",
        "✘ cp311-manylinux_x86_64  failed         12s  build: `python -m build` ended with status 1",
        "· cp313t-manylinux_i686   queued",
        "",
        "━━━━━━━━────────────────  1 of 3 cells done, 1 failed, 1 running, 1 queued  1m15s",
    ]


def test_a_narrow_table_says_step_and_time() -> None:
    """In 40 columns as well: no space but between words, and a short last line."""
    assert drawn((RUNNING, FAILED, QUEUED), Viewport(width=40, height=20)) == [
        "",
        "● cp39-manylinux_x86_64   build 1m05s…",
        "✘ cp311-manylinux_x86_64  failed 12s  b…",
        "· cp313t-manylinux_i686   queued",
        "",
        "━━━━─────────  1/3 done, 1 failed  1m15s",
    ]


@pytest.mark.parametrize("width", [1, 10, 20, 40, 60, 80, 140, 300])
@pytest.mark.parametrize("height", [1, 2, 3, 5, 23, 60])
def test_the_table_never_leaves_its_room(width: int, height: int) -> None:
    """Whatever the terminal's size and whatever a line holds, nothing sticks out."""
    cells = (replace(RUNNING, detail="龍" * 200), FAILED, *MANY)
    for glyphs in (Viewport(width=1, height=1).glyphs, ASCII):
        lines = board_lines(cells, 75.0, Viewport(width=width, height=height, glyphs=glyphs))
        assert 1 <= len(lines) <= height
        assert max(cell_len(line.plain) for line in lines) <= width


def test_what_matters_is_shown_when_not_all_fits() -> None:
    """Failed and running cells have rows, finished ones are counted, and the order stays the plan's."""
    done = tuple(replace(cell, phase=CellPhase.DONE, outcome=passed(cell.cell)) for cell in MANY)
    lines = drawn((*done, QUEUED, FAILED, RUNNING), Viewport(width=80, height=8))
    assert [line.split()[1] for line in lines[1:5]] == [str(MANY[0].cell), str(CP313T), str(CP311), str(CP39)]
    assert lines[5] == "… 35 finished not shown"


def test_without_unicode_all_is_ascii() -> None:
    """On a stream that knows no other characters every sign, and every output line, is ASCII."""
    text = "\n".join(
        drawn((replace(RUNNING, detail="größe"), FAILED, QUEUED), Viewport(width=80, height=9, glyphs=ASCII))
    )
    assert text.isascii()
    assert "* cp39" in text
    assert "x cp311" in text


class _Terminal(io.StringIO):
    """A terminal that remembers all that is sent to it."""

    def isatty(self) -> bool:
        return True


def console(stream: io.StringIO, environ: Mapping[str, str]) -> Console:
    """Return a console of 80 columns and 24 lines."""
    return make_console(stream, {"TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24", **environ})


def shown(events: tuple[Event, ...], environ: Mapping[str, str], logs: CellLogs | None = None) -> str:
    """Return all that the table sends to a terminal when it is told the events."""
    stream = _Terminal()
    table = LiveTable(console(stream, environ), logs)
    for event in events:
        if logs is not None:
            logs.handle(event)
        table.handle(event)
    table.close()
    table.close()
    return stream.getvalue()


START = RunStarted(at=0, run="r", cells=(CP39, CP311), workers=2)


def test_it_draws_at_most_eight_times_a_second() -> None:
    """A flood of output in one second costs eight drawings, not a thousand."""
    flood: tuple[Event, ...] = tuple(Output(at=number / 1000, cell=CP39, data=b"line\n") for number in range(1000))
    events: tuple[Event, ...] = (START, CellStarted(at=0, cell=CP39), *flood)
    # Each drawing holds the closing line once; closing draws a last time.
    assert 7 <= shown(events, {}).count("of 2 cells done") <= 10


def test_the_last_output_line_is_shown_and_safe() -> None:
    """A progress bar's latest state stands in the row; sequences of the build never reach the terminal."""
    output = Output(at=1, cell=CP39, data=b"first\n\x1b]0;owned\x07 5%\r 87%\x1b[5A")
    text = shown((START, StepStarted(at=0, cell=CP39, kind=StepKind.BUILD), output, Tick(at=2)), {})
    assert "87%" in text
    assert "owned" not in text
    assert "\x1b[5A" not in text


def test_a_failure_scrolls_by_with_the_end_of_its_log(tmp_path: Path) -> None:
    """Step, reason and the last lines are readable at once, above the table."""
    output = Output(at=1, cell=CP39, data=b"core.c:1: fatal error: lz4.h\n")
    text = shown((START, output, CellFinished(at=2, outcome=failed(CP39))), {}, CellLogs(tmp_path))
    assert "cp39-manylinux_x86_64" in text
    assert "failed in build (command) after 12s" in text
    assert "  | core.c:1: fatal error: lz4.h" in text


def test_a_long_notice_is_wrapped_under_itself() -> None:
    """A notice wider than the terminal goes on below its own text, so that labels stay a column."""
    text = shown((START, Notice(at=0, text="word " * 28), Tick(at=1)), {"NO_COLOR": "1"})
    lines = [line for line in text.splitlines() if "word" in line]
    assert [line.partition("word")[0][-9:] for line in lines] == ["note     ", "         "]
    assert [line.count("word") for line in lines] == [14, 14]


@pytest.mark.parametrize(("environ", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_no_color_means_no_colour(environ: Mapping[str, str], *, coloured: bool) -> None:
    """NO_COLOR leaves the table and takes the colours."""
    text = shown((START, Notice(at=0, text="hello", is_warning=True), Tick(at=1)), environ)
    assert ("\x1b[33m" in text) is coloured
    assert "hello" in text


def test_what_is_waited_for_has_a_line() -> None:
    """While an image is looked into, the table says so and for how long; then no more."""
    looking = WaitStarted(at=1, text="image x is looked into")
    assert "image x is looked into (4s)" in shown((START, looking, Tick(at=5)), {"NO_COLOR": "1"})
    progress = RunProgress()
    for event in (START, looking, WaitEnded(at=2, text=looking.text)):
        progress.handle(event)
    assert progress.waits == ()


def test_the_cursor_comes_back() -> None:
    """However the run ended, closing shows the cursor that drawing hid."""
    text = shown((START, Tick(at=1)), {})
    assert text.rfind("\x1b[?25h") > text.rfind("\x1b[?25l") >= 0


def test_progress_takes_cells_in_any_order_and_time_never_goes_back() -> None:
    """Events of cells that were not announced, or late ones, do not confuse it."""
    progress = RunProgress()
    for event in (StepStarted(at=5, cell=CP311, kind=StepKind.TEST), Tick(at=3), START):
        progress.handle(event)
    progress.handle(CellFinished(at=6, outcome=passed(CP39)))
    assert progress.now == 6
    assert [cell.cell for cell in progress.cells] == [CP39, CP311]
    assert progress.of(CellPhase.DONE)[0].cell == CP39
    assert progress.of(CellPhase.RUNNING)[0].step is StepKind.TEST
