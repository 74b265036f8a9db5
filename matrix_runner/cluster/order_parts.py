"""The parts of a cell's order that a run has: images, wheels of other cells, cells that share a `before-all`."""

from collections.abc import Hashable, Sequence

from matrix_runner.before_all.prepared_images import likely_group
from matrix_runner.cell.run_context import Materials, RunContext
from matrix_runner.cluster.orders import NamedFile
from matrix_runner.errors import MachineError
from matrix_runner.matrix import Job
from matrix_runner.model.cells import Cell
from matrix_runner.probe.image_probe import ImageKey, ProbedImage, image_key, rung_key


def images_of(job: Job, materials: Materials) -> "tuple[tuple[ImageKey, ProbedImage | MachineError], ...]":
    """Return the images that a cell needs, or why one cannot be had."""
    images = materials.images
    rungs = ((rung_key(job, rung), images.of_rung(job, rung)) for rung in job.rungs)
    return ((image_key(job), images.of(job)), *rungs)


def sharing(jobs: Sequence[Job]) -> dict[Hashable, tuple[Job, ...]]:
    """Return the jobs that may share a `before-all`, by what they have in common."""
    groups: dict[Hashable, list[Job]] = {}
    for job in jobs:
        key = likely_group(job)
        if key is not None:
            groups.setdefault(key, []).append(job)
    return {key: tuple(own) for key, own in groups.items()}


def needed_by(context: RunContext, cell: Cell) -> tuple[tuple[Cell, NamedFile], ...]:
    """Return the wheels that a cell needs of other packages, each with its cell."""
    wheels = context.needed.of(cell) or ()
    return tuple((one.builder, NamedFile(name=one.path.name, data=one.path.read_bytes())) for one in wheels)


def shared_with(context: RunContext, cell: Cell) -> tuple[Cell, NamedFile] | None:
    """Return a wheel of another cell that serves a cell, with that cell."""
    found = context.shared_wheels.find(cell)
    return None if found is None else (found.builder, NamedFile(name=found.path.name, data=found.path.read_bytes()))
