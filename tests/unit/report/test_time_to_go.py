"""The time that a run still needs, by how long its cells took before."""

import pytest
from report_story import CP39, CP311, CP313T

from matrix_runner.model.cells import Cell
from matrix_runner.model.events import (
    CellStarted,
    Event,
    RunStarted,
    StepFinished,
    StepStarted,
    Tick,
    Transfer,
    WaitEnded,
    WaitProgressed,
    WaitStarted,
)
from matrix_runner.model.outcomes import StepKind
from matrix_runner.report.console.board import Outlook, Viewport, board_lines
from matrix_runner.report.console.run_progress import RunProgress
from matrix_runner.report.console.time_to_go import cell_to_go, run_to_go

CP314 = Cell.parse("cp314-manylinux_x86_64")
CELLS = (CP39, CP311, CP313T, CP314)


def progress(*events: Event, expected: tuple[float, ...] = (30, 20, 40, 10), workers: int = 2) -> RunProgress:
    """Return the progress of a run after some events."""
    found = RunProgress()
    for event in (RunStarted(at=0, run="r", cells=CELLS, workers=workers, expected=expected), *events):
        found.handle(event)
    return found


def at_work(cell: Cell, at: float, prepared: float | None = None) -> tuple[Event, ...]:
    """Return the events of a cell that begins to build at a time; its container may have been open before."""
    opened = at if prepared is None else prepared
    return (
        CellStarted(at=opened, cell=cell),
        StepStarted(at=opened, cell=cell, kind=StepKind.PREPARE),
        StepFinished(at=opened, cell=cell, kind=StepKind.PREPARE, seconds=0.0),
        StepStarted(at=at, cell=cell, kind=StepKind.BUILD),
    )


def cell_left(run: RunProgress, cell: Cell) -> float | None:
    """Return what a cell still needs."""
    return next(cell_to_go(each, run.expected, run.now) for each in run.cells if each.cell == cell)


def run_left(run: RunProgress) -> float | None:
    """Return what the run still needs."""
    return run_to_go(run.cells, run.expected, run.now, run.workers)


def test_a_cell_needs_what_is_left_of_its_time() -> None:
    """Without the time for which its container waited for a worker."""
    run = progress(*at_work(CP39, 5), *at_work(CP311, 12, prepared=2), Tick(at=15))
    assert cell_left(run, CP39) == 20
    assert cell_left(run, CP311) == 17
    assert cell_left(run, CP313T) is None


def test_a_cell_that_takes_longer_than_expected_tells_nothing() -> None:
    """Nobody knows how much longer."""
    run = progress(*at_work(CP314, 0), Tick(at=11))
    assert cell_left(run, CP314) is None


def test_the_run_needs_what_its_workers_need_one_cell_after_another() -> None:
    """The longest first: 30 and 20 run; 40 follows on 20, 10 on 30."""
    run = progress(*at_work(CP39, 0), *at_work(CP311, 0), Tick(at=5))
    assert run_left(run) == 55
    assert run_left(progress()) == 50


def test_a_cell_that_waits_with_an_open_container_is_behind_those_that_run() -> None:
    """It needs all of its time, once a worker is free."""
    open_ahead = at_work(CP314, 99, prepared=1)[:3]
    run = progress(*at_work(CP39, 0), *at_work(CP311, 0), *open_ahead, Tick(at=5), workers=2)
    assert cell_left(run, CP314) == 10
    assert run_left(run) == 25 + 40


@pytest.mark.parametrize(("expected", "workers"), [((), 2), ((30, 20, 40, 10), 0)])
def test_nothing_is_known(expected: tuple[float, ...], workers: int) -> None:
    """In a first run, and of a recording that has no workers."""
    run = progress(*at_work(CP39, 0), expected=expected, workers=workers)
    assert run_left(run) is None


def test_the_board_tells_both() -> None:
    """In a row and in the last line; in a narrow terminal the rows have no room for it."""
    run = progress(*at_work(CP39, 0), Tick(at=10))
    outlook = Outlook(expected=run.expected, workers=run.workers)
    wide = [line.plain for line in board_lines(run.cells, run.now, Viewport(width=120, height=20), (), outlook)]
    assert "build          10s  20s left" in wide[1]
    assert wide[-1].endswith("10s, about 50s to go")
    narrow = [line.plain for line in board_lines(run.cells, run.now, Viewport(width=60, height=20), (), outlook)]
    assert not any("left" in line for line in narrow)
    assert all(len(line) <= 60 for line in narrow)


def test_what_has_come_of_an_image_is_told_with_its_rate() -> None:
    """Bytes, layers, and bytes a second since the first of them."""
    mib = 1024 * 1024

    def come(at: float, done: int) -> WaitProgressed:
        transfer = Transfer(done=done * mib, total=310 * mib, parts_done=3, parts=12)
        return WaitProgressed(at=at, text="debian is looked into", transfer=transfer)

    started = WaitStarted(at=1, text="debian is looked into")
    assert progress(started).waits == (("debian is looked into", 1),)
    assert progress(started, come(2, 0)).waits == (("debian is looked into: 0 B of 310.0 MiB, 3 of 12 layers", 1),)
    ((text, _),) = progress(started, come(2, 0), come(6, 124)).waits
    assert text == "debian is looked into: 124.0 MiB of 310.0 MiB, 3 of 12 layers, 31.0 MiB/s"
    ended = WaitEnded(at=9, text="debian is looked into")
    assert progress(started, come(2, 0), ended).waits == ()
