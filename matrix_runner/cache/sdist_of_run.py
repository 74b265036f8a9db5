"""The sdist of a run: that of an earlier run if nothing has changed, else built anew; delivered in both cases."""

from matrix_runner.cache.cached_cells import CachedCells, Known
from matrix_runner.cell.run_context import DeliveredSdist, Materials, NoSdist, RunContext
from matrix_runner.cell.sdist_run import SdistRun
from matrix_runner.matrix import Job


def bring_sdist(
    maker: Job, context: RunContext, cached: CachedCells, known: Known, materials: Materials | None
) -> DeliveredSdist | NoSdist:
    """Deliver the run's sdist, or end every job. Never raises an expected error.

    `materials`: None if no cell must run, because all are known with an sdist of an earlier run.
    """
    run = SdistRun(maker, context)
    kept = known.sdist if materials is None else cached.find_sdist(materials.source, materials.images)
    if kept is not None:
        return run.redeliver(kept.path, kept.record)
    if materials is None:
        return NoSdist(outcomes=())
    materials.prepared.adopt_existing(context.request.engine, (maker.cell,))
    delivered = run.build(materials)
    if not isinstance(delivered, NoSdist):
        cached.keep_sdist(delivered.made, materials.source, materials.images)
    return delivered
