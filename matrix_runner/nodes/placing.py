"""The placing of a package's cells on the nodes of a run: what brings its images at each, and where cells may go."""

from collections.abc import Callable

from matrix_runner.cache.cached_cells import CachedCells
from matrix_runner.cell.cell_runner import run_cell
from matrix_runner.cell.run_context import Materials, RunContext
from matrix_runner.nodes.gathered import gather_at
from matrix_runner.nodes.helping_node import Site
from matrix_runner.nodes.spread import RunCell, Spread
from matrix_runner.probe.image_prober import ImageProber, Prober
from matrix_runner.probe.probed_images import jobs_by_any_image
from matrix_runner.request import BuildRequest


def prober_at(context: RunContext, whole: BuildRequest, cached: CachedCells, materials: Materials) -> ImageProber:
    """Return what brings the images of a package at a node. `context`: the package's run there; `whole`: the run's.

    At the first node all packages have their images in common: what one asks of an image, it is asked for all.
    """
    request = context.request
    is_first = request.nodes[0] is whole.nodes[0]
    return ImageProber(
        request=request,
        images=materials.images,
        jobs=jobs_by_any_image(whole.jobs if is_first else request.jobs),
        volumes=context.volumes,
        containers=context.containers,
        engine_watch=context.engine_watch,
        cache=cached.probes_at(request.nodes[0]),
        notify=context.notify,
        waiting=context.waiting,
        on_trouble=cached.give_up,
    )


def placed(whole: BuildRequest, context: RunContext, cached: CachedCells, materials: Materials) -> Spread:
    """Return the cells of a package on all nodes. `context`, `materials`: the package's, those at the first node."""

    def prober_of(here: RunContext, own: Materials) -> Prober:
        return prober_at(here, whole, cached, own)

    return placed_by(context, cached, materials, prober_of, run_cell)


def placed_by(
    context: RunContext,
    cached: CachedCells,
    materials: Materials,
    prober_of: Callable[[RunContext, Materials], Prober],
    run_cell: RunCell,
) -> Spread:
    """Return the cells of a package on all nodes. `prober_of`: of a node; `run_cell`: runs a cell at one."""
    sites = []
    for number in range(len(context.nodes)):
        here = context.at(number)
        own = materials if number == 0 else gather_at(here, cached, materials)
        sites.append(Site(context=here, materials=own, prober=prober_of(here, own)))
    return Spread(sites, cached, context.request.jobs, run_cell)
