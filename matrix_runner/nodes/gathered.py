"""The materials of a run's cells: at the first node, and at each of the others, which has images of its own."""

from functools import partial

from msgspec.structs import replace

from matrix_runner.before_all.prepared_images import PreparedImages
from matrix_runner.before_all.prepared_key import PreparedKeys
from matrix_runner.cache.cached_cells import CachedCells, Known
from matrix_runner.carry.carrying import Carrying
from matrix_runner.cell.run_context import Materials, RunContext
from matrix_runner.probe.probe_cache import recall_images
from matrix_runner.probe.probed_images import ProbedImages
from matrix_runner.project.build_backend import BuildBackend
from matrix_runner.project.source_archive import SourceArchive
from matrix_runner.recipe.cargo_downloads import has_crates
from matrix_runner.report.summary.report_json import wheels_of
from matrix_runner.report.summary.report_writers import REPORT


def gather(context: RunContext, cached: CachedCells, source: SourceArchive, known: Known) -> Materials:
    """Return the materials of the cells at the first node, with the facts on images as far as they are known.

    What a cluster's workers keep (prepared images, volumes) is each worker's own, and carried nowhere.
    """
    warn = partial(context.notify, is_warning=True)
    inputs, is_far = context.request.inputs, context.request.cluster is not None
    staging = context.scratch / "carried"
    carrying = None if is_far else Carrying.of(inputs, context.volumes, staging, cached.remote, warn)
    return Materials(
        source=source,
        images=known.images,
        prepared=PreparedImages(_keys(context, source, known.images), source, context.volumes, carrying),
        carrying=carrying,
        has_crates=has_crates(name for name, _ in source.digests),
        backend=BuildBackend.of(context.request.inputs.build_files),
        earlier=wheels_of(context.report_directory.read_file(REPORT)),
    )


def gather_at(context: RunContext, cached: CachedCells, materials: Materials) -> Materials:
    """Return the materials at another node. `context`: the run there; `materials`: those of the first.

    What machines share by the cache directory is carried by the first node alone.
    """
    cache = cached.probes_at(context.request.nodes[0])
    images = ProbedImages() if cache is None else recall_images(cache, context.request.engine, context.request.jobs)
    prepared = PreparedImages(_keys(context, materials.source, images), materials.source, context.volumes)
    return replace(materials, images=images, prepared=prepared, carrying=None)


def _keys(context: RunContext, source: SourceArchive, images: ProbedImages) -> PreparedKeys:
    is_far = context.request.cluster is not None
    return PreparedKeys(
        identity=context.volumes.identity,
        # Nobody waits here for a `before-all` that each worker runs for itself.
        images=ProbedImages() if is_far else images,
        digests=source.digests,
        prefix=source.prefix,
        environ=context.request.inputs.environ,
    )
