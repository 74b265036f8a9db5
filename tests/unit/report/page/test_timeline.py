"""A run over time: lanes, the chain that decided its length, and the use of its workers."""

import pytest
from report_story import CP39, CP311, CP313T, passed

from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import Outcome, Report, Status, StepKind, StepTime
from matrix_runner.report.page.timeline import timeline

CP314 = Cell.parse("cp314-manylinux_x86_64")


def ran(cell: Cell, began: float, seconds: float, prepared: float | None = None) -> Outcome:
    """Return the outcome of a cell whose build took that long; its container was open since `prepared`."""
    steps = [StepTime(kind=StepKind.BUILD, seconds=seconds, began=began)]
    if prepared is not None:
        steps.insert(0, StepTime(kind=StepKind.PREPARE, seconds=0.2, began=prepared))
    began = began if prepared is None else prepared
    # The container is removed after the last step.
    return Outcome(cell=cell, status=Status.PASSED, seconds=seconds + 1, steps=tuple(steps), began=began)


def report(*outcomes: Outcome, seconds: float = 20.0, workers: int = 2) -> Report:
    """Return the report of a run."""
    return Report(run="r", outcomes=outcomes, seconds=seconds, workers=workers)


def test_cells_that_follow_on_one_another_share_a_lane() -> None:
    """And a container that opens ahead of its worker takes none."""
    found = timeline(report(ran(CP39, 1, 9), ran(CP311, 1, 5), ran(CP313T, 6.1, 6, prepared=2)))
    assert [[bar.outcome.cell for bar in lane] for lane in found.lanes] == [[CP311, CP313T], [CP39]] or [
        [bar.outcome.cell for bar in lane] for lane in found.lanes
    ] == [[CP39], [CP311, CP313T]]
    (late,) = (bar for lane in found.lanes for bar in lane if bar.outcome.cell == CP313T)
    assert (late.began, late.ended) == (6.1, 12.1)
    assert [step.kind for step in late.steps] == [StepKind.BUILD]


def test_a_cell_that_did_not_wait_for_a_worker_is_shown_from_its_beginning() -> None:
    """Its preparation is part of its time."""
    found = timeline(report(ran(CP39, 1.5, 9, prepared=1)))
    assert found.lanes[0][0].began == 1
    assert len(found.lanes[0][0].steps) == 2


def test_the_chain_leads_up_to_the_end() -> None:
    """From cell to cell, each begun within a second of the end of the one before."""
    found = timeline(report(ran(CP39, 1, 4), ran(CP311, 1, 9), ran(CP313T, 5.1, 8), ran(CP314, 10.4, 1)))
    assert [bar.outcome.cell for bar in found.critical] == [CP39, CP313T]
    assert {bar.outcome.cell for lane in found.lanes for bar in lane if bar.is_critical} == {CP39, CP313T}


def test_cells_of_no_length_make_no_endless_chain() -> None:
    """They begin and end at the same time, each behind the other."""
    found = timeline(report(ran(CP39, 1, 0), ran(CP311, 1, 0), ran(CP313T, 1, 0)))
    assert len(found.critical) == 1


def test_use_is_the_part_of_the_workers_time_in_which_something_ran() -> None:
    """Unknown for a report of an earlier release."""
    assert timeline(report(ran(CP39, 0, 10), ran(CP311, 0, 20))).use == pytest.approx(0.75)
    assert timeline(report(ran(CP39, 0, 10), workers=0)).use is None


def test_cells_from_the_cache_and_without_times_are_in_no_lane() -> None:
    """As those of reports of earlier releases."""
    cached = Outcome(cell=CP39, status=Status.CACHED, seconds=0.1, began=0.2)
    assert timeline(report(cached, passed(CP311))).lanes == ()
