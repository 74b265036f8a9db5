"""A build as a list of verbs, each performed by one room; a comment names input and result."""

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from matrix_runner.cache.cached_cells import CachedCells, Known
from matrix_runner.cache.log_barrier import LogBarrier
from matrix_runner.cell.run_context import DeliveredSdist, Materials, NoSdist, RunContext
from matrix_runner.config.options.cache_options import CACHE_MAX_AGE
from matrix_runner.config.options.output_options import OUTPUT_DIR
from matrix_runner.errors import MachineError, OutputError
from matrix_runner.matrix import Job
from matrix_runner.model.cells import Cell
from matrix_runner.model.events import RunFinished
from matrix_runner.model.outcomes import Outcome, Report, Status
from matrix_runner.nodes.opened_run import open_run
from matrix_runner.probe.probe_cache import recall_images
from matrix_runner.probe.probed_images import ProbedImages
from matrix_runner.project.source_archive import SourceArchive, Survey, pack
from matrix_runner.report.summary.report_json import ReportExtra
from matrix_runner.report.summary.report_writers import FinishedRun, write_files
from matrix_runner.request import BuildRequest

if TYPE_CHECKING:
    # A run in which nothing is new needs nothing of these.
    from matrix_runner.nodes.spread import Spread


class _Package(msgspec.Struct, frozen=True, kw_only=True):
    """A package on its way through a run: the only one, or one of a workspace.

    `known`: as found before anything was packed. `source`, `materials`: None if none of its cells must run. `sdist`:
    the one that it is built from. `ended`: the cells that will not run any more.
    """

    context: RunContext
    cached: CachedCells
    known: Known
    source: SourceArchive | None = None
    materials: Materials | None = None
    sdist: DeliveredSdist | None = None
    ended: Mapping[Cell, Outcome] = MappingProxyType({})

    @property
    def jobs(self) -> tuple[Job, ...]:
        """The package's jobs."""
        return self.context.request.jobs

    @property
    def files(self) -> SourceArchive | Survey | None:
        """Its files, as far as they were looked at."""
        return self.source or self.known.source


def build(request: BuildRequest) -> Report:
    """Build every job of the plan; each wheel is in the output directory as soon as its cell has passed.

    Raise OutputError if the directory cannot be used, MachineError or UsageError if the project cannot be packed,
    ConfigError if it lacks a dependency group or a file of constraints: all before anything is built. A failed cell is
    data in the report.
    """
    barrier = LogBarrier()
    with open_run(request, barrier) as run:
        _announce(run)  # the cells of the plan; leftovers of dead runs are swept
        found = _look_up(run, barrier)  # files and images as they are known -> packages, their cells that need not run
        packed = [_pack(package) for package in found]  # a package's files -> one archive, if a cell of it must run
        ready = [_gather(package) for package in packed]  # archive -> materials
        # materials -> the sdist that wheels are built from; cells that need not run -> wheels, logs, outcomes
        begun = [_replay(_make_sdist(run, package)) for package in ready]
        waiting = [package for package in begun if package.materials is not None and not run.is_cancelled]
        spreads = [_spread(run, package) for package in waiting]  # images as they arrive -> cells to deliver or to run
        ended = _run_cells(run, waiting, spreads)  # jobs -> wheels, logs, outcomes
        for package, spread in zip(waiting, spreads, strict=True):
            if spread.has_missing:
                _carry(package)  # what makes other machines warm -> cache directory
                _prune(package)  # stale images and volumes are removed
        for package in begun:
            package.cached.close(is_changed=package.materials is not None)
        return _record(run, begun, ended)  # outcomes -> SHA256SUMS, report.json, the report


def _announce(context: RunContext) -> None:
    request, pool = context.request, context.pool
    pool.tell(request.started(pool.clock()))
    context.report_directory.remove_results(job.cell for job in request.jobs)
    for warning in request.inputs.plan.warnings:
        context.notify(warning, is_warning=True)
    if context.exclude_newer:
        context.notify(f"exclude-newer: nothing that was uploaded after {context.exclude_newer} is installed")
    for node in request.nodes:
        try:
            for removed in node.engine.sweep():
                context.notify(removed)
        except MachineError as error:  # noqa: PERF203  few nodes
            # Leftovers of a dead run may be in use elsewhere; that is no reason not to build.
            context.notify(f"what earlier runs left could not be removed: {error.message}", is_warning=True)


def _look_up(run: RunContext, barrier: LogBarrier) -> list[_Package]:
    caches = [(context, CachedCells(context, barrier)) for context in run.packages]
    return run.beside(partial(_looked_up, run, caches)) or [
        _Package(context=context, cached=cached, known=Known()) for context, cached in caches
    ]


def _looked_up(run: RunContext, caches: Sequence[tuple[RunContext, CachedCells]]) -> list[_Package]:
    """Look packages up, each after those that it needs: whose wheels are known then, if none of them is missing."""
    request = run.request
    probes = next(filter(None, (cached.probes_at(request.nodes[0]) for _, cached in caches)), None)
    images = ProbedImages() if probes is None else recall_images(probes, request.engine, request.jobs)
    packages = []
    for context, cached in caches:
        known = cached.look_up(images)
        if run.members and not known.missing(context.request.jobs):
            known.offer(context)
        packages.append(_Package(context=context, cached=cached, known=known))
    return packages


def _pack(package: _Package) -> _Package:
    """Pack the project if a cell must run; not if none must, nor after a signal."""
    context, source = package.context, None
    if package.known.missing(package.jobs):
        source = context.beside(partial(pack, context.request.inputs.source, context.scratch / "source.tar"))
    found = replace(package, source=source)
    for notice in () if found.files is None else found.files.notices:
        context.notify(notice, is_warning=True)
    return found


def _gather(package: _Package) -> _Package:
    if package.source is None:
        return package
    from matrix_runner.nodes.gathered import gather

    return replace(package, materials=gather(package.context, package.cached, package.source, package.known))


def _make_sdist(run: RunContext, package: _Package) -> _Package:
    """Build the sdist, or take that of an earlier run, and deliver it, if the package has one.

    All images arrive first: another cell may have to make it if the maker's image cannot be used.
    """
    context, cached, known, materials = package.context, package.cached, package.known, package.materials
    maker = context.request.sdist_maker
    if maker is None:
        return package
    # A run without one does not need this import.
    from matrix_runner.cache.sdist_of_run import bring_sdist
    from matrix_runner.nodes.placing import prober_at
    from matrix_runner.nodes.spread import jobs_of_first

    here = context.at(0)
    if materials is not None:
        prober, jobs = prober_at(here, run.request, cached, materials), jobs_of_first(context.request)
        unprobed = materials.images.unprobed((*known.missing(jobs), maker))
        context.side_by_side([partial(prober.bring, key, waiting) for key, waiting in unprobed.items()])
        materials.prepared.expect(jobs)
    sdist = context.beside(partial(bring_sdist, maker, here, cached, known, materials)) or NoSdist(outcomes=())
    if isinstance(sdist, NoSdist):
        for outcome in sdist.outcomes:
            context.end(outcome)
        ended = MappingProxyType({outcome.cell: outcome for outcome in sdist.outcomes})
        return replace(package, materials=None, ended=ended, known=replace(known, hits=MappingProxyType({})))
    return replace(package, materials=None if materials is None else replace(materials, sdist=sdist.made), sdist=sdist)


def _replay(package: _Package) -> _Package:
    """Deliver the cells of a package of which none must run."""
    if package.materials is not None or not package.known.hits:
        return package
    ended = package.context.beside(partial(package.cached.replay, package.known)) or {}
    return replace(package, ended=MappingProxyType({**package.ended, **ended}))


def _spread(run: RunContext, package: _Package) -> "Spread":
    """Return the cells of a package on the nodes of the run, each of which has materials of its own."""
    from matrix_runner.nodes.placing import placed

    assert package.materials is not None  # noqa: S101  it has cells that wait
    if run.request.cluster is not None:
        from matrix_runner.cluster.cluster_spread import spread_on_cluster

        return spread_on_cluster(run.request.cluster, package.context, package.cached, package.materials)
    return placed(run.request, package.context, package.cached, package.materials)


def _run_cells(run: RunContext, packages: Sequence[_Package], spreads: Sequence["Spread"]) -> dict[Cell, Outcome]:
    """Run every job that must run, as soon as its image is there, and record the durations."""
    if not packages:
        return {}
    from matrix_runner.cell.cell_tasks import WaitingJobs, cell_tasks, starting_order

    request = run.request
    spread_of = {
        package.context.request.settings.package: each for package, each in zip(packages, spreads, strict=True)
    }
    with ExitStack() as stack:
        for spread in spreads:
            stack.enter_context(spread.watched())
        run.side_by_side([beginning for spread in spreads for beginning in spread.beginnings()])
        waiting = [
            WaitingJobs(
                jobs=tuple(job for job in package.jobs if job.cell not in spread.outcomes),
                materials=package.materials,
                durations=package.context.request.known_durations,
            )
            for package, spread in zip(packages, spreads, strict=True)
            if package.materials is not None
        ]
        order = starting_order(waiting, request.host, request.needs)
        arriving = [
            task
            for name, spread in spread_of.items()
            for task in spread.arriving([job for job, _ in order if job.cell.package == name])
        ]
        tasks = cell_tasks(order, lambda job: spread_of[job.cell.package])
        ended = [outcome for outcome in run.pool.run((*arriving, *tasks), run.interrupt) if outcome is not None]
    for package, spread in zip(packages, spreads, strict=True):
        own = package.context.request
        if own.durations is not None and spread.has_missing:
            outcomes = [outcome for outcome in ended if outcome.cell.package == own.settings.package]
            own.known_durations.with_outcomes(outcomes).write(own.durations)
    known = {cell: outcome for spread in spreads for cell, outcome in spread.outcomes.items()}
    return {**known, **{outcome.cell: outcome for outcome in ended}}


def _carry(package: _Package) -> None:
    """Keep what was downloaded and compiled for other machines."""
    context, materials = package.context, package.materials
    if materials is not None and materials.carrying is not None:
        context.beside(partial(materials.carrying.volumes.save, context.request.engine, context.waiting))


def _prune(package: _Package) -> None:
    """Remove stale prepared images and volumes from the engine. An error of the engine fails no run."""
    from matrix_runner.before_all.engine_pruning import prune_engine

    context, materials = package.context, package.materials
    assert materials is not None  # noqa: S101  it has cells that ran
    max_age, in_use = context.request.settings[CACHE_MAX_AGE], materials.prepared.names_in_use()
    context.side_by_side(
        [
            partial(prune_engine, node.engine, max_age=max_age, now=time.time(), in_use=in_use)
            for node in context.request.nodes
        ]
    )


def _record(run: RunContext, packages: Sequence[_Package], ended: Mapping[Cell, Outcome]) -> Report:
    """Write the run's files besides its wheels; return the report, which includes an error in doing so."""
    request, settings = run.request, run.request.settings
    outcomes = {cell: outcome for package in packages for cell, outcome in package.ended.items()} | dict(ended)
    sdists = [package.sdist.record for package in packages if package.sdist is not None]
    report = Report(
        run=request.run,
        outcomes=tuple(
            outcomes.get(job.cell) or Outcome(cell=job.cell, status=Status.CANCELLED) for job in request.jobs
        ),
        seconds=run.pool.clock(),
        interrupted_by=run.interrupt.exit_code,
        workers=request.workers,
        waits=run.pool.waits,
        warnings=run.pool.warnings,
        sdists=tuple(sdists),
    )
    extra = ReportExtra.of(request, run.started, run.exclude_newer, [package.files for package in packages])
    try:
        run.report_directory.write_sums([*run.wheelhouse.published(), *sdists], run.wheelhouse.directory)
        logs, output = request.inputs.logs_dir, settings[OUTPUT_DIR]
        finished = FinishedRun(report=report, extra=extra, logs=logs, output=output)
        write_files(finished, run.report_directory, request.inputs.environ)
    except OutputError as error:
        # The wheels are delivered: an error in the record must not lose their summary.
        report = replace(report, trouble=error.message)
    run.pool.tell(RunFinished(at=run.pool.clock(), exit_code=int(report.exit_code)))
    return report
