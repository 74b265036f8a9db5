"""The sdist of a run: that of an earlier run if nothing has changed, else built anew; delivered in both cases."""

from contextlib import suppress

from matrix_runner.cache.cached_cells import CachedCells, Known
from matrix_runner.cell.run_context import DeliveredSdist, Materials, NoSdist, RunContext
from matrix_runner.cell.sdist_run import SdistRun
from matrix_runner.errors import UsageError
from matrix_runner.matrix import Job
from matrix_runner.matrix.sdist_maker import sdist_maker


def bring_sdist(
    maker: Job, context: RunContext, cached: CachedCells, known: Known, materials: Materials | None
) -> DeliveredSdist | NoSdist:
    """Deliver the run's sdist, or end every job. Never raises an expected error.

    `materials`: None if no cell must run, because all are known with an sdist of an earlier run.
    """
    run = SdistRun(_able(maker, context, materials), context)
    kept = known.sdist if materials is None else cached.find_sdist(materials.source, materials.images)
    if kept is not None:
        return run.redeliver(kept.path, kept.record)
    if materials is None:
        return NoSdist(outcomes=())
    materials.prepared.adopt_existing(context.request.engine, (run.maker.cell,))
    delivered = run.build(materials)
    if not isinstance(delivered, NoSdist):
        cached.keep_sdist(delivered.made, materials.source, materials.images)
    return delivered


def _able(maker: Job, context: RunContext, materials: Materials | None) -> Job:
    """Return the maker, or in its place another job if its image cannot be used and another's can."""
    if materials is None:
        return maker
    images = materials.images

    def is_able(job: Job) -> bool:
        image = images.image(job)
        return image is not None and image.problem(job) is None

    able = [job for job in context.request.jobs if is_able(job)]
    if maker in able:
        return maker
    with suppress(UsageError):
        return sdist_maker(able, context.request.host)
    return maker
