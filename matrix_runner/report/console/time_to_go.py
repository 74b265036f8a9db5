"""The time that cells and the run still need, by how long cells took in earlier runs. Pure."""

import heapq
from collections.abc import Mapping, Sequence

from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import StepKind
from matrix_runner.report.console.run_progress import CellPhase, CellProgress

_WAITING = {None, StepKind.PREPARE}
"""The step of a cell whose container is open, and that may still wait for a worker."""


def cell_to_go(cell: CellProgress, expected: Mapping[Cell, float], now: float) -> float | None:
    """Return the seconds that a running cell still needs; None if nobody knows, or it takes longer than expected."""
    seconds = expected.get(cell.cell)
    if seconds is None or cell.phase is not CellPhase.RUNNING:
        return None
    if cell.step in _WAITING:
        return seconds
    left = seconds - (now - cell.started - cell.waited)
    return left if left > 0 else None


def run_to_go(cells: Sequence[CellProgress], expected: Mapping[Cell, float], now: float, workers: int) -> float | None:
    """Return the seconds until the last cell ends, if each takes as long as expected; None if nothing is known.

    Running cells keep their workers; of those that wait, each takes the worker that is free first, longest first, as
    the schedule does. What takes longer than expected counts as if it ended now.
    """
    if not expected or workers < 1:
        return None
    running = [cell for cell in cells if cell.phase is CellPhase.RUNNING]
    waiting = [cell for cell in cells if cell.phase is CellPhase.QUEUED]
    if not running and not waiting:
        return None
    # A cell that waits with an open container is still behind those that run.
    at_work = [cell for cell in running if cell.step not in _WAITING]
    ahead = [cell for cell in running if cell.step in _WAITING]
    free = [cell_to_go(cell, expected, now) or 0.0 for cell in at_work]
    free = heapq.nlargest(workers, free) + [0.0] * max(workers - len(free), 0)
    heapq.heapify(free)
    queue = [expected.get(cell.cell, 0.0) for cell in ahead]
    queue += sorted((expected.get(cell.cell, 0.0) for cell in waiting), reverse=True)
    for seconds in queue:
        heapq.heappush(free, heapq.heappop(free) + seconds)
    return max(free)
