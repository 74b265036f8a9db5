"""A build as a list of verbs, each performed by one room; a comment names input and result."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from matrix_runner import __version__
from matrix_runner.cache.cached_cells import CachedCells, Known
from matrix_runner.cache.log_barrier import LogBarrier
from matrix_runner.cell.opening.engine_loss import EngineWatch
from matrix_runner.cell.run_context import DeliveredSdist, Materials, NoSdist, RunContext
from matrix_runner.cell.shared_wheels import SharedWheels
from matrix_runner.config.options.cache_options import CACHE_MAX_AGE, NO_CACHE
from matrix_runner.config.options.output_options import OUTPUT_DIR, OVERWRITE
from matrix_runner.config.options.run_options import ENGINE_TIMEOUT
from matrix_runner.container.project_volumes import ProjectVolumes
from matrix_runner.container.warm_containers import WarmContainers
from matrix_runner.errors import MachineError, OutputError
from matrix_runner.matrix import Job
from matrix_runner.model.cells import Cell
from matrix_runner.model.events import RunFinished
from matrix_runner.model.outcomes import Outcome, Report, SdistRecord, Status
from matrix_runner.probe.probed_images import jobs_by_image
from matrix_runner.project.source_archive import SourceArchive, Survey, pack
from matrix_runner.report.summary.report_json import ReportExtra, wheels_of
from matrix_runner.report.summary.report_writers import REPORT, FinishedRun, write_files
from matrix_runner.request import BuildRequest
from matrix_runner.schedule import Again, Interrupt, Pool, Slot
from matrix_runner.scratch import scratch_directory
from matrix_runner.wheelhouse import Wheelhouse
from matrix_runner.wheelhouse.report_directory import ReportDirectory

if TYPE_CHECKING:
    from matrix_runner.cache.arrivals import Arrivals
    from matrix_runner.probe.image_prober import ImageProber


def build(request: BuildRequest) -> Report:
    """Build every job of the plan; each wheel is in the output directory as soon as its cell has passed.

    Raise OutputError if the directory cannot be used, MachineError or UsageError if the project cannot be packed,
    ConfigError if it lacks a dependency group or a file of constraints: all before anything is built. A failed cell is
    data in the report.
    """
    barrier = LogBarrier()
    with _open(request, barrier) as context:
        _announce(context)  # the cells of the plan; leftovers of dead runs are swept
        cached = CachedCells(context, barrier)
        known = _look_up(context, cached)  # files and images as they are known -> cells that need not run
        source = _pack(context, known)  # the project's files -> one archive, None if no cell must run
        _announce_source(context, source or known.source)  # what was left out of it, and the like
        materials = None if source is None else _gather(context, cached, source, known)  # archive -> materials
        sdist = _make_sdist(context, cached, known, materials)  # materials -> the sdist that wheels are built from
        if isinstance(sdist, NoSdist):
            return _record(context, {outcome.cell: outcome for outcome in sdist.outcomes}, None)
        if materials is None:
            outcomes = _replay(context, cached, known)  # cells that need not run -> wheels, logs, outcomes
        else:
            materials = replace(materials, sdist=None if sdist is None else sdist.made)
            arrivals = _expect(context, cached, materials)  # images as they arrive -> cells to deliver or to run
            outcomes = _run_cells(context, cached, materials, arrivals)  # jobs -> wheels, logs, outcomes
            if arrivals.has_missing:
                _carry(context, materials)  # what makes other machines warm -> cache directory
                _prune(context, materials)  # stale images and volumes are removed
        cached.close(is_changed=materials is not None)
        # outcomes -> SHA256SUMS, report.json, the report
        return _record(context, outcomes, None if sdist is None else sdist.record)


@contextmanager
def _open(request: BuildRequest, barrier: LogBarrier) -> Iterator[RunContext]:
    """Open the run's resources, and close them at the end: its directories, the pool, the signals."""
    inputs, settings = request.inputs, request.settings
    with ExitStack() as stack:
        scratch = stack.enter_context(scratch_directory(request.scratch, request.run))
        wheelhouse = Wheelhouse(inputs.output_dir, overwrite=settings[OVERWRITE], staging=scratch / "staging")
        report_directory = stack.enter_context(ReportDirectory(inputs.report_dir))
        stack.enter_context(wheelhouse)
        for listener in request.listeners:
            stack.callback(listener.close)
        groups = request.dependency_groups()
        for job in request.jobs:
            request.inputs.has_hashes(job)
        _ = request.sdist_maker
        containers = WarmContainers(request.engine)
        stack.callback(containers.close)
        interrupt = stack.enter_context(Interrupt(on_first=request.engine.abort, stop=request.stop))
        yield RunContext(
            request=request,
            started=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            pool=Pool(request.workers, (*request.listeners, barrier), memory=request.engine_info.memory),
            interrupt=interrupt,
            scratch=scratch,
            wheelhouse=wheelhouse,
            report_directory=report_directory,
            shared_wheels=SharedWheels.of(inputs),
            volumes=ProjectVolumes(
                project=inputs.origin or inputs.project,
                owner=request.engine.owner,
                run=request.run,
                is_persistent=not settings[NO_CACHE],
            ),
            containers=containers,
            engine_watch=EngineWatch(
                request.engine, seconds=settings[ENGINE_TIMEOUT], is_cancelled=lambda: interrupt.is_requested
            ),
            groups=groups,
            redactor=request.redactor(),
        )


def _announce(context: RunContext) -> None:
    request, pool = context.request, context.pool
    pool.tell(request.started(pool.clock()))
    context.report_directory.remove_results(job.cell for job in request.jobs)
    for warning in request.inputs.plan.warnings:
        context.notify(warning, is_warning=True)
    if context.exclude_newer:
        context.notify(f"exclude-newer: nothing that was uploaded after {context.exclude_newer} is installed")
    try:
        for removed in request.engine.sweep():
            context.notify(removed)
    except MachineError as error:
        # Leftovers of a dead run may be in use elsewhere; that is no reason not to build.
        context.notify(f"what earlier runs left could not be removed: {error.message}", is_warning=True)


def _look_up(context: RunContext, cached: CachedCells) -> Known:
    return context.beside(cached.look_up) or Known()


def _pack(context: RunContext, known: Known) -> SourceArchive | None:
    """Pack the project if a cell must run; return None if none must, or after a signal."""
    if not known.missing(context.request.jobs):
        return None
    return context.beside(partial(pack, context.request.inputs.source, context.scratch / "source.tar"))


def _gather(context: RunContext, cached: CachedCells, source: SourceArchive, known: Known) -> Materials:
    """Return the materials of the cells, with the facts on images as far as they are known."""
    from matrix_runner.before_all.prepared_images import PreparedImages
    from matrix_runner.before_all.prepared_key import PreparedKeys
    from matrix_runner.carry.carrying import Carrying
    from matrix_runner.project.build_backend import BuildBackend
    from matrix_runner.recipe.cargo_downloads import has_crates

    request, volumes = context.request, context.volumes
    keys = PreparedKeys(
        identity=volumes.identity,
        images=known.images,
        digests=source.digests,
        prefix=source.prefix,
        environ=request.inputs.environ,
    )
    warn = partial(context.notify, is_warning=True)
    carrying = Carrying.of(request.inputs, volumes, context.scratch / "carried", cached.remote, warn)
    return Materials(
        source=source,
        images=known.images,
        prepared=PreparedImages(keys, source, volumes, carrying),
        carrying=carrying,
        has_crates=has_crates(name for name, _ in source.digests),
        backend=BuildBackend.of(request.inputs.build_files),
        earlier=wheels_of(context.report_directory.read_file(REPORT)),
    )


def _prober(context: RunContext, cached: CachedCells, materials: Materials) -> "ImageProber":
    # A run in which nothing is new does not need this import.
    from matrix_runner.probe.image_prober import ImageProber

    return ImageProber(
        request=context.request,
        images=materials.images,
        jobs=jobs_by_image(context.request.jobs),
        volumes=context.volumes,
        containers=context.containers,
        cache=cached.probes,
        notify=context.notify,
        waiting=context.waiting,
        on_trouble=cached.give_up,
    )


def _make_sdist(
    context: RunContext, cached: CachedCells, known: Known, materials: Materials | None
) -> DeliveredSdist | NoSdist | None:
    """Build the sdist, or take that of an earlier run, and deliver it; None if the run has none.

    All images arrive first: another cell may have to make it if the maker's image cannot be used.
    """
    maker = context.request.sdist_maker
    if maker is None:
        return None
    # A run without one does not need this import.
    from matrix_runner.cache.sdist_of_run import bring_sdist

    if materials is not None:
        prober = _prober(context, cached, materials)
        unprobed = materials.images.unprobed((*known.missing(context.request.jobs), maker))
        context.side_by_side([partial(prober.bring, key, waiting) for key, waiting in unprobed.items()])
        materials.prepared.expect(context.request.jobs)
    return context.beside(partial(bring_sdist, maker, context, cached, known, materials)) or NoSdist(outcomes=())


def _announce_source(context: RunContext, source: Survey | SourceArchive | None) -> None:
    for notice in () if source is None else source.notices:
        context.notify(notice, is_warning=True)


def _replay(context: RunContext, cached: CachedCells, known: Known) -> dict[Cell, Outcome]:
    return (context.beside(partial(cached.replay, known)) or {}) if known.hits else {}


def _expect(context: RunContext, cached: CachedCells, materials: Materials) -> "Arrivals":
    from matrix_runner.cache.arrivals import Arrivals

    return Arrivals(context, cached, materials, _prober(context, cached, materials))


def _run_cells(
    context: RunContext, cached: CachedCells, materials: Materials, arrivals: "Arrivals"
) -> dict[Cell, Outcome]:
    """Run every job that must run, as soon as its image is there, and record the durations."""
    from matrix_runner.cell.cell_runner import run_cell
    from matrix_runner.cell.cell_tasks import cell_tasks, starting_order

    request = context.request
    durations = request.known_durations

    def run(job: Job, slot: Slot) -> Outcome | Again:
        return cached.run(job, partial(run_cell, job, context, materials, slot))

    def perform(job: Job, slot: Slot) -> Outcome | Again:
        return arrivals.outcomes.get(job.cell) or run(job, slot)

    context.beside(partial(arrivals.begin, run))
    waiting = tuple(job for job in request.jobs if job.cell not in arrivals.outcomes)
    order = starting_order(waiting, context, materials, durations)
    tasks = (*arrivals.tasks([job for job, _ in order], run), *cell_tasks(order, perform, arrivals.may_start))
    ended = [outcome for outcome in context.pool.run(tasks, context.interrupt) if outcome is not None]
    if request.durations is not None and arrivals.has_missing:
        durations.with_outcomes(ended).write(request.durations)
    return arrivals.outcomes | {outcome.cell: outcome for outcome in ended}


def _carry(context: RunContext, materials: Materials) -> None:
    """Keep what was downloaded and compiled for other machines."""
    if materials.carrying is not None:
        context.beside(partial(materials.carrying.volumes.save, context.request.engine, context.waiting))


def _prune(context: RunContext, materials: Materials) -> None:
    """Remove stale prepared images and volumes from the engine. An error of the engine fails no run."""
    from matrix_runner.before_all.engine_pruning import prune_engine

    max_age, in_use = context.request.settings[CACHE_MAX_AGE], materials.prepared.names_in_use()
    context.beside(partial(prune_engine, context.request.engine, max_age=max_age, now=time.time(), in_use=in_use))


def _record(context: RunContext, outcomes: dict[Cell, Outcome], sdist: SdistRecord | None) -> Report:
    """Write the run's files besides its wheels; return the report, which includes an error in doing so."""
    request, settings = context.request, context.request.settings
    report = Report(
        run=request.run,
        outcomes=tuple(
            outcomes.get(job.cell) or Outcome(cell=job.cell, status=Status.CANCELLED) for job in request.jobs
        ),
        seconds=context.pool.clock(),
        interrupted_by=context.interrupt.exit_code,
        workers=request.workers,
        waits=context.pool.waits,
        warnings=context.pool.warnings,
        sdist=sdist,
    )
    extra = ReportExtra(
        tool_version=__version__,
        started=context.started,
        project=request.settings.project_name or "",
        exclude_newer=context.exclude_newer or None,
        engine=request.engine_info,
        emulated=tuple(dict.fromkeys(cell.platform.arch.tag for cell in request.emulated)),
        left_out=tuple((left.cell, left.reason) for left in request.inputs.plan.left_out),
    )
    try:
        published = (*context.wheelhouse.published(), *(() if sdist is None else (sdist,)))
        context.report_directory.write_sums(published, context.wheelhouse.directory)
        logs, output = request.inputs.logs_dir, settings[OUTPUT_DIR]
        finished = FinishedRun(report=report, extra=extra, logs=logs, output=output)
        write_files(finished, context.report_directory, request.inputs.environ)
    except OutputError as error:
        # The wheels are delivered: an error in the record must not lose their summary.
        report = replace(report, trouble=error.message)
    context.pool.tell(RunFinished(at=context.pool.clock(), exit_code=int(report.exit_code)))
    return report
