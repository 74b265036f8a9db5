"""The room that a run needs on disks, looked at before it takes any: a full disk is told of before cells fail by it."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from matrix_runner.disks.disk_needs import Use, engine_bytes, shortages
from matrix_runner.disks.disk_space import space_of
from matrix_runner.engine.emulation import is_on_this_kernel
from matrix_runner.errors import MachineError
from matrix_runner.matrix import Job
from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import WheelRecord
from matrix_runner.probe.image_probe import ImageKey
from matrix_runner.request import BuildRequest

_LEAST_OUTPUT: Final = 20 * 1024**2
"""Bytes for wheels whose size nobody knows yet, and for the report."""


def warnings_of_room(
    request: BuildRequest, jobs: Iterable[Job], awaited: Iterable[ImageKey], earlier: Mapping[Cell, WheelRecord]
) -> list[str]:
    """Return a warning for each file system that is likely too small for the jobs.

    `jobs`: those that must run. `awaited`: images that are not looked into yet. `earlier`: wheels of the last report.
    """
    cells = [job.cell for job in jobs]
    if not cells:
        return []
    wheels = sum(earlier[cell].size for cell in cells if cell in earlier)
    output = request.inputs.output_dir
    uses = [
        Use(
            text="wheels",
            path=str(output),
            needed=max(wheels, _LEAST_OUTPUT),
            space=space_of(output, is_written=False),
        )
    ]
    info = request.engine_info
    if info.storage is not None and is_on_this_kernel(info.endpoint) and Path(info.storage).is_dir():
        space, images = space_of(Path(info.storage), is_written=False), tuple(awaited)
        at_once = min(request.workers, len(cells))
        needed = engine_bytes(images=len(images), cells=at_once)
        if space.free < needed + uses[0].needed:
            # Only then does it matter which of them are there already.
            needed = engine_bytes(images=_missing(request, images), cells=at_once)
        uses.insert(0, Use(text=f"images and volumes of {info.name}", path=info.storage, needed=needed, space=space))
    return shortages(uses)


def _missing(request: BuildRequest, awaited: Iterable[ImageKey]) -> int:
    try:
        return sum(request.engine.find(key.reference) is None for key in awaited)
    except MachineError:
        # It will say so itself, where it matters.
        return 0
