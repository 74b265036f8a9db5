"""The console of CI systems and pipes."""

import io
from pathlib import Path

import pytest
from report_story import CP39, CP311, CP313T, failed, passed

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
from matrix_runner.report.console.plain_console import PlainConsole
from matrix_runner.report.console.printed_log import PlainStyle
from matrix_runner.report.terminal import LineWriter, speaks_unicode, wants_colour, wants_live

START = RunStarted(at=0, run="r1", cells=(CP39, CP311, CP313T), workers=2)


def told(directory: Path, style: PlainStyle, *events: Event) -> str:
    """Return what the console prints when it is told the events."""
    stream = io.StringIO()
    logs = CellLogs(directory)
    console = PlainConsole(stream, logs, style)
    for event in events:
        logs.handle(event)
        console.handle(event)
    console.close()
    logs.close()
    return stream.getvalue()


def lines_of(cell: Cell, count: int) -> Output:
    """Return output of numbered lines."""
    return Output(at=1, cell=cell, data="".join(f"{cell} line {number}\n" for number in range(count)).encode())


def test_a_passing_cell_is_two_lines(tmp_path: Path) -> None:
    """Status, cell, time, its steps' times, and the wheel; the log stays in its file."""
    text = told(tmp_path, PlainStyle(), START, lines_of(CP39, 9), CellFinished(at=42, outcome=passed(CP39)))
    assert text.splitlines() == [
        "3 cells to build, 2 workers, run r1",
        "[1/3] passed    cp39-manylinux_x86_64      42s  build 30s, test 9.0s",
        "                demo-1.0-cp39-cp39-manylinux_2_31_x86_64.whl, 2.0 KiB",
    ]


def test_verbose_prints_a_passing_cells_whole_log(tmp_path: Path) -> None:
    """With verbose each line of the log is printed."""
    events = (START, lines_of(CP39, 900), CellFinished(at=42, outcome=passed(CP39)))
    text = told(tmp_path, PlainStyle(verbose=True), *events)
    assert text.count(" line ") == 900


def test_blocks_of_cells_at_work_at_once_are_never_interleaved(tmp_path: Path) -> None:
    """Output that came in turns is printed cell by cell, the last 200 lines of a failed one's log."""
    turns = tuple(
        Output(at=1, cell=cell, data=f"{cell} line {number}\n".encode())
        for number in range(300)
        for cell in (CP39, CP311)
    )
    ends = (CellFinished(at=9, outcome=failed(CP39)), CellFinished(at=9, outcome=failed(CP311, "other")))
    text = told(tmp_path, PlainStyle(), START, *turns, *ends)
    order = [line.split()[1] for line in text.splitlines() if " line " in line]
    assert order == [str(CP39)] * 199 + [str(CP311)] * 199  # the 200th is the log's footer
    assert "  | the log's last 200 lines:" in text


def test_a_failed_cell_says_step_cause_hint_and_log(tmp_path: Path) -> None:
    """What failed, why, what next and where to read on stand directly below its head."""
    text = told(tmp_path, PlainStyle(), START, CellFinished(at=9, outcome=failed(CP39, hint="Install lz4.")))
    assert text.splitlines()[1:5] == [
        "[1/3] FAILED    cp39-manylinux_x86_64      12s",
        "                build (command): `python -m build` ended with status 1",
        "                Install lz4.",
        "                log: wheelhouse-report/logs/cp39-manylinux_x86_64.log",
    ]


def test_notices_come_at_once_and_clean(tmp_path: Path) -> None:
    """A notice is printed when it comes, and what it quotes cannot command a terminal or a CI system."""
    notice = Notice(at=0, cell=CP39, text="says \x1b[2J##[x]\nmore", is_warning=True)
    text = told(tmp_path, PlainStyle(), START, notice)
    assert text.splitlines()[1:] == [
        "      warning   cp39-manylinux_x86_64: says # #[x]",
        "                more",
    ]


def test_silence_is_broken_every_minute_and_no_more(tmp_path: Path) -> None:
    """Travis kills what is silent for ten minutes: a line says what runs, for how long, and how far the run is."""
    text = told(
        tmp_path,
        PlainStyle(),
        START,
        CellStarted(at=0, cell=CP39),
        StepStarted(at=5, cell=CP39, kind=StepKind.BUILD),
        *(Tick(at=at / 2) for at in range(380)),
    )
    assert text.splitlines()[2:] == [
        f"still running: cp39-manylinux_x86_64 (build {spent}); 0 of 3 done, {said} since the start"
        for spent, said in (("55s", "1m00s"), ("1m55s", "2m00s"), ("2m55s", "3m00s"))
    ]


def test_a_sign_of_life_names_what_is_waited_for_and_emulated(tmp_path: Path) -> None:
    """Before the first cell starts it is the look into its image; of a cell that runs by an emulator it says so."""
    looking = "image x is looked into, under emulation"
    text = told(
        tmp_path,
        PlainStyle(),
        RunStarted(at=0, run="r1", cells=(CP39, CP311), workers=2, emulated=(CP39,)),
        WaitStarted(at=1, text=looking),
        Tick(at=61),
        CellStarted(at=62, cell=CP39),
        StepStarted(at=63, cell=CP39, kind=StepKind.BUILD),
        Tick(at=123),
        WaitEnded(at=124, text=looking),
        Tick(at=184),
    )
    both = f"still running: {CP39} (build 1m00s, emulated); waiting: {looking} (2m02s)"
    assert [line for line in text.splitlines() if "done" in line] == [
        f"waiting: {looking} (1m00s); 0 of 2 done, 1m01s since the start",
        f"{both}; 0 of 2 done, 2m03s since the start",
        "still running: cp39-manylinux_x86_64 (build 2m01s, emulated); 0 of 2 done, 3m04s since the start",
    ]


def test_output_breaks_the_silence_too(tmp_path: Path) -> None:
    """A run with output without end, and so no ticks, still gives a sign of life."""
    outputs = tuple(Output(at=float(at), cell=CP39, data=b"x\n") for at in range(121))
    assert told(tmp_path, PlainStyle(), START, CellStarted(at=0, cell=CP39), *outputs).count("still running") == 2


@pytest.mark.parametrize(
    ("environ", "is_terminal", "colour", "live"),
    [
        ({"TERM": "xterm"}, True, True, True),
        ({"TERM": "xterm"}, False, False, False),
        ({"TERM": "xterm", "NO_COLOR": "1"}, True, False, True),
        ({"TERM": "xterm", "NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False, True),
        ({"FORCE_COLOR": "1"}, False, True, False),
        ({"FORCE_COLOR": "0"}, False, False, False),
        ({"TERM": "dumb"}, True, False, False),
        ({"TERM": "xterm", "CI": "true"}, True, True, False),
        ({"GITHUB_ACTIONS": "true"}, False, True, False),
        ({"TEAMCITY_VERSION": "2025.07"}, False, False, False),
    ],
)
def test_the_environment_decides_on_colour_and_redrawing(
    environ: dict[str, str], *, is_terminal: bool, colour: bool, live: bool
) -> None:
    """NO_COLOR, FORCE_COLOR, TERM and CI mean what the field agrees they mean."""
    assert wants_colour(environ, is_terminal=is_terminal) is colour
    assert wants_live(environ, is_terminal=is_terminal) is live


def test_a_stream_gets_only_characters_it_knows() -> None:
    """Output in an encoding that lacks a character is printed with a stand-in, not with an exception."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    LineWriter(stream).write("ok ✔")
    assert raw.getvalue() == b"ok ?\n"
    assert not speaks_unicode("latin-1")
    assert speaks_unicode("utf-8")


class _GoneReader(io.StringIO):
    """A pipe whose reader has left."""

    def flush(self) -> None:
        raise BrokenPipeError


def test_a_reader_that_went_away_does_not_end_the_run() -> None:
    """`runner build | head` still delivers its wheels."""
    stream = _GoneReader()
    writer = LineWriter(stream)
    writer.write("one")
    writer.write("two")
    assert stream.getvalue() == "one\n"
