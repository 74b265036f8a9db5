"""Units of cells that one shard must have together: those that one wheel serves. Pure."""

from collections.abc import Collection, Iterable, Sequence

from matrix_runner.cell.shared_wheels import SharedWheels
from matrix_runner.matrix import Job
from matrix_runner.model.cells import Cell


def cell_units(
    jobs: Sequence[Job], served: Iterable[frozenset[Cell]], waits: Collection[str]
) -> tuple[tuple[Job, ...], ...]:
    """Return the units in plan order, each with its jobs in that order.

    `waits`: the packages (as cells have them) of which a build file hints at the stable ABI, so that later cells wait
    for their leader's wheel. `served`: sets of cells that one wheel has served in an earlier run, which no build file
    need tell, or of which some need the wheels of others.
    """
    packages = dict.fromkeys(job.cell.package for job in jobs)
    leading = {
        name: SharedWheels([job for job in jobs if job.cell.package == name], waits=name in waits) for name in packages
    }
    unit = {job.cell: {job.cell} for job in jobs}
    together = [{job.cell, *leading[job.cell.package].leaders(job.cell)} for job in jobs]
    for group in (*together, *served):
        known = [cell for cell in group if cell in unit]
        merged = set[Cell]().union(*(unit[cell] for cell in known))
        for cell in merged:
            unit[cell] = merged
    found: dict[int, list[Job]] = {}
    for job in jobs:
        found.setdefault(id(unit[job.cell]), []).append(job)
    return tuple(map(tuple, found.values()))
