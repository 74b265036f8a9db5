"""The straight line of a build: pack, look into the images, run the cells, report. Each verb is one room's work."""

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

from matrix_runner import __version__
from matrix_runner.before_all.engine_pruning import prune_engine
from matrix_runner.before_all.prepared_key import PreparedKeys, adopt_existing, unmatched_patterns
from matrix_runner.before_all.project_volumes import ProjectVolumes, prepared_name
from matrix_runner.before_all.registry import BeforeAllRuns, SharedWheels, hints_at_stable_abi
from matrix_runner.cache.cached_cells import CachedCells, LogBarrier
from matrix_runner.catalog.constraints import load_constraints
from matrix_runner.cell.run_context import RunContext
from matrix_runner.cell.warm_containers import WarmContainers
from matrix_runner.config.options.build_options import BEFORE_ALL
from matrix_runner.config.options.cache_options import BEFORE_ALL_INPUTS, CACHE_MAX_AGE, NO_CACHE
from matrix_runner.config.options.run_options import CPUS, MEMORY, OVERWRITE
from matrix_runner.config.options.test_options import TEST_GROUPS
from matrix_runner.errors import MachineError, OutputError
from matrix_runner.matrix import Host, Job
from matrix_runner.model.cells import Cell
from matrix_runner.model.events import Notice, RunStarted
from matrix_runner.model.outcomes import Outcome, Report, Status
from matrix_runner.probe.image_probe import ImageKey, ProbedImage, image_key
from matrix_runner.project.dependency_groups import DependencyGroups, read_groups
from matrix_runner.project.source_archive import SourceArchive, Survey, pack
from matrix_runner.recipe.testing import has_tests
from matrix_runner.report.report_json import ReportExtra, report_json
from matrix_runner.request import BuildRequest
from matrix_runner.schedule import Durations, Interrupt, Load, Pool, Slot, Task, queue_order
from matrix_runner.scratch import scratch_directory
from matrix_runner.wheelhouse import Wheelhouse

__all__ = ["BuildRequest", "build"]

REPORT = "report.json"


def build(order: BuildRequest) -> Report:
    """Build every job of the plan; each wheel is in the output directory the moment its cell has passed.

    Raise OutputError if the directory cannot be used, MachineError or UsageError if the project cannot be packed,
    ConfigError if it lacks a dependency group: all before anything is built. A failed cell is data in the report.
    """
    started = datetime.now(timezone.utc).isoformat(timespec="seconds")
    with ExitStack() as stack:
        scratch = stack.enter_context(scratch_directory(order.scratch, order.run))
        wheelhouse = stack.enter_context(
            Wheelhouse(order.output_dir, overwrite=order.settings[OVERWRITE], staging=scratch / "staging")
        )
        for listener in order.listeners:
            stack.callback(listener.close)
        groups = _find_groups(order)
        heard = LogBarrier()
        pool = Pool(order.workers, (*order.listeners, heard), memory=order.engine_info.memory)
        with Interrupt(on_first=order.engine.abort) as interrupt:
            _tell_start(order, pool)
            shelf = SharedWheels(order.plan.jobs, waits=hints_at_stable_abi(order.project / order.package))
            supplies = ProjectVolumes(
                project=order.origin or order.project,
                owner=order.engine.owner,
                run=order.run,
                is_kept=not order.settings[NO_CACHE],
            )
            spares = WarmContainers(order.engine)
            stack.callback(spares.close)
            reuse = CachedCells(
                order,
                pool,
                interrupt,
                shelf=shelf,
                wheelhouse=wheelhouse,
                heard=heard,
                staging=scratch / "kept",
                supplies=supplies,
                spares=spares,
            )
            missing = reuse.look_up()
            known: Survey | SourceArchive | None = reuse.survey
            source = None
            if missing and (source := _pack(order, pool, interrupt, scratch / "source.tar")) is not None:
                known, missing = source, reuse.look_closer(source)
            if known is not None:
                _tell_notices(order, pool, known)
            ended = reuse.replay()
            if missing and source is not None:
                ended |= _run_cells(
                    order,
                    pool,
                    interrupt,
                    jobs=missing,
                    source=source,
                    groups=groups,
                    wheelhouse=wheelhouse,
                    reuse=reuse,
                    shelf=shelf,
                    supplies=supplies,
                    spares=spares,
                )
            reuse.close()
            outcomes = tuple(
                ended.get(job.cell) or Outcome(cell=job.cell, status=Status.CANCELLED) for job in order.plan.jobs
            )
            report = Report(run=order.run, outcomes=outcomes, seconds=pool.clock(), interrupted_by=interrupt.exit_code)
            return _record(order, wheelhouse, report, started)


def _find_groups(order: BuildRequest) -> DependencyGroups:
    groups = read_groups(order.project / order.package)
    for names in {job.settings[TEST_GROUPS] for job in order.plan.jobs if has_tests(job.cell, job.settings)}:
        groups.requirements(names)
    return groups


def _record(order: BuildRequest, wheelhouse: Wheelhouse, report: Report, started: str) -> Report:
    """Write what is left of a run besides its wheels; return the report, which says so if that failed."""
    left_out = tuple((left.cell, left.reason) for left in order.plan.left_out)
    extra = ReportExtra(tool_version=__version__, started=started, engine=order.engine_info, left_out=left_out)
    try:
        wheelhouse.write_sums()
        wheelhouse.write_file(REPORT, report_json(report, extra))
    except OutputError as error:
        # The wheels are delivered: their summary must not be lost with the record.
        return replace(report, trouble=error.message)
    return report


def _tell_start(order: BuildRequest, pool: Pool) -> None:
    cells = tuple(job.cell for job in order.plan.jobs)
    pool.tell(RunStarted(at=pool.clock(), run=order.run, cells=cells, workers=order.workers))
    for warning in order.plan.warnings:
        pool.tell(Notice(at=pool.clock(), text=warning, is_warning=True))
    try:
        for removed in order.engine.sweep():
            pool.tell(Notice(at=pool.clock(), text=removed))
    except MachineError as error:
        # Somebody else may be using what a dead run left; that is no reason not to build.
        text = f"what earlier runs left could not be removed: {error.message}"
        pool.tell(Notice(at=pool.clock(), text=text, is_warning=True))


def _pack(order: BuildRequest, pool: Pool, interrupt: Interrupt, target: Path) -> SourceArchive | None:
    """Pack the project, beside the main thread: many gigabytes must not delay the answer to Ctrl-C. None after one."""
    task = Task(
        run=partial(pack, order.project, target, environ=order.environ, exclude=order.not_source, package=order.package)
    )
    (source,) = pool.run([task], interrupt)
    return source


def _tell_notices(order: BuildRequest, pool: Pool, source: SourceArchive | Survey) -> None:
    for notice in source.notices:
        pool.tell(Notice(at=pool.clock(), text=notice, is_warning=True))
    if any(job.settings[BEFORE_ALL] for job in order.plan.jobs) and not order.runs_before_all:
        text = (
            "before-all is not run: this machine is no container and no CI system;"
            " --allow-host-commands lets it run here"
        )
        pool.tell(Notice(at=pool.clock(), text=text, is_warning=True))


def _run_cells(  # noqa: PLR0913  each is what another room made
    order: BuildRequest,
    pool: Pool,
    interrupt: Interrupt,
    *,
    jobs: Sequence[Job],
    source: SourceArchive,
    groups: DependencyGroups,
    wheelhouse: Wheelhouse,
    reuse: CachedCells,
    shelf: SharedWheels,
    supplies: ProjectVolumes,
    spares: WarmContainers,
) -> dict[Cell, Outcome]:
    # Half of what this module would import, and of no use to a run in which nothing is new.
    from matrix_runner.cell.cell_runner import run_cell

    places = reuse.places
    keys = PreparedKeys(
        supplies=supplies,
        places=lambda job: places[image_key(job)],
        digests=source.digests,
        environ=tuple(order.environ.items()),
    ).of(jobs)
    preparations = BeforeAllRuns(lambda job: keys.get(job.cell))
    ready = _find_prepared(order, pool, interrupt, supplies, keys, preparations)
    _tell_useless_inputs(pool, jobs, source)
    shop = RunContext(
        engine=order.engine,
        source=source,
        package=order.package,
        groups=groups,
        pinned=load_constraints(),
        wheelhouse=wheelhouse,
        places=lambda job: places[image_key(job)],
        shelf=shelf,
        preparations=preparations,
        supplies=supplies,
        spares=spares,
        emit=pool.emit,
        clock=pool.clock,
        is_cancelled=lambda: interrupt.is_requested,
        on_prepared=pool.wake,
        environ=tuple(order.environ.items()),
        log_path=order.log_path,
        runs_before_all=order.runs_before_all,
    )
    durations = Durations({}) if order.durations is None else Durations.read(order.durations)
    seats = {job.cell: Slot(_load(job, durations)) for job in jobs}
    # What cannot run says so before anything is built, not when its turn comes an hour later.
    in_turn = sorted(
        _in_turn(jobs, seats, {cell: key for cell, key in keys.items() if key not in ready}, order.host),
        key=lambda job: not _is_hopeless(job, places[image_key(job)]),
    )

    def may_start(job: Job) -> bool:
        return shelf.may_start(job) and preparations.claim(job)

    tasks = [
        Task(run=partial(reuse.run, job, partial(run_cell, job, shop, seat)), claim=partial(may_start, job), seat=seat)
        for job in in_turn
        for seat in (seats[job.cell],)
    ]
    ended = {job.cell: outcome for job, outcome in zip(in_turn, pool.run(tasks, interrupt), strict=True)}
    in_use = frozenset(map(prepared_name, keys.values()))
    max_age = order.settings[CACHE_MAX_AGE]
    pool.run(
        [Task(run=partial(prune_engine, order.engine, max_age=max_age, now=time.time(), in_use=in_use))], interrupt
    )
    if order.durations is not None:
        durations.with_outcomes(outcome for outcome in ended.values() if outcome).write(order.durations)
    return {cell: outcome for cell, outcome in ended.items() if outcome is not None}


def _load(job: Job, durations: Durations) -> Load:
    settings = job.settings
    return Load(slots=settings[CPUS] or 1, memory=settings[MEMORY], seconds=durations.expected(job.cell))


def _find_prepared(  # noqa: PLR0913, PLR0917  each is what another room made
    order: BuildRequest,
    pool: Pool,
    interrupt: Interrupt,
    supplies: ProjectVolumes,
    keys: Mapping[Cell, str],
    preparations: BeforeAllRuns,
) -> frozenset[str]:
    """Find the images in which an earlier run has run `before-all`; return their keys."""
    if not keys or not supplies.is_kept or not order.runs_before_all:
        return frozenset()
    (ready,) = pool.run([Task(run=partial(adopt_existing, order.engine, keys.values(), preparations))], interrupt)
    for key in sorted(ready or ()):
        cells = [str(cell) for cell, own in keys.items() if own == key]
        more = f" and {len(cells) - 1} more" if cells[1:] else ""
        text = f"before-all is not run for {cells[0]}{more}: they start from {prepared_name(key)}, of an earlier run"
        pool.tell(Notice(at=pool.clock(), text=text))
    return ready or frozenset()


def _tell_useless_inputs(pool: Pool, jobs: Sequence[Job], source: SourceArchive) -> None:
    for patterns in dict.fromkeys(job.settings[BEFORE_ALL_INPUTS] for job in jobs):
        for pattern in unmatched_patterns(source.digests, patterns):
            text = f"{BEFORE_ALL_INPUTS.name}: {pattern} matches no file of the project"
            pool.tell(Notice(at=pool.clock(), text=text, is_warning=True))


def _in_turn(
    jobs: Sequence[Job], seats: Mapping[Cell, Slot], unprepared: Mapping[Cell, str], host: Host | None
) -> tuple[Job, ...]:
    """Put the longest first, and where that is not known, the images in turn; before all, what runs `before-all`."""
    alternating = _alternate_images(jobs, host)
    loads = [seats[job.cell].load for job in alternating]
    return tuple(alternating[at] for at in queue_order(loads, [unprepared.get(job.cell) for job in alternating]))


def _is_hopeless(job: Job, place: ProbedImage | MachineError) -> bool:
    return isinstance(place, MachineError) or place.problem(job) is not None


def _alternate_images(jobs: Sequence[Job], host: Host | None) -> tuple[Job, ...]:
    """Take the images in turn, so that their `before-all` run side by side and not one after the other.

    In each turn the slow architectures come first: those that are emulated, and of the others the 32-bit ones, which
    take 5 to 15 % longer (zstandard 41.1 to 39.1 s, MarkupSafe 2.3 to 2.1). Otherwise the worker that was quicker with
    a 64-bit cell would begin the next one of these, and the other have all 32-bit cells.
    """
    by_place: dict[ImageKey, list[Job]] = {}
    for job in jobs:
        by_place.setdefault(image_key(job), []).append(job)
    slow_first = sorted(by_place, key=lambda key: (host is None or not host.emulates(key.arch), key.arch.bits))
    longest = max(map(len, by_place.values()), default=0)
    return tuple(by_place[key][turn] for turn in range(longest) for key in slow_first if turn < len(by_place[key]))
