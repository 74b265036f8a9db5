"""A build that is about to begin: its engine, its plan, and the images made here that it needs."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

import msgspec
from msgspec.structs import replace

from matrix_runner.cli.wiring.opened_project import OpenedProject, notices_of
from matrix_runner.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from matrix_runner.catalog import Catalog
    from matrix_runner.cli.sharding.shard_flags import WantedShard
    from matrix_runner.cli.workspaces.packages_plan import PackagesPlan
    from matrix_runner.config.kinds.values import Progress
    from matrix_runner.config.loading.settings import Settings
    from matrix_runner.engine.cluster.cluster_nodes import JoinedCluster
    from matrix_runner.engine.node import Node
    from matrix_runner.engine.selection import ChosenEngine, Patience
    from matrix_runner.matrix import Plan
    from matrix_runner.model.events import Listener
    from matrix_runner.report.cell_logs import CellLogs
    from matrix_runner.report.summary.report_writers import Streams
    from matrix_runner.report.terminal import LineWriter
    from matrix_runner.request import BuildInputs, BuildRequest


class OpenedEngines(msgspec.Struct, frozen=True, kw_only=True):
    """The engines of a run. `chosen`: the first, with the machines of all; `cluster`: if its workers drive them."""

    chosen: "ChosenEngine"
    nodes: "tuple[Node, ...]"
    cluster: "JoinedCluster | None" = None


class PlannedBuild(msgspec.Struct, frozen=True, kw_only=True):
    """A planned build: its run id, engines and catalog.

    `packages`: the plan by package, and what their cells need of each other.
    """

    run: str
    engines: OpenedEngines
    catalog: "Catalog"
    packages: "PackagesPlan"

    @property
    def plan(self) -> "Plan":
        """The plan of all packages together."""
        return self.packages.plan

    def request(self, opened: OpenedProject, logs: "CellLogs", listeners: "tuple[Listener, ...]") -> "BuildRequest":
        """Return the request of the build. `listeners`: those of its events besides `logs`, which come first."""
        from matrix_runner.cli.wiring.directories import durations_file, scratch_dir
        from matrix_runner.request import BuildRequest

        def request_of(project: OpenedProject, inputs: "BuildInputs") -> BuildRequest:
            return BuildRequest(
                run=self.run,
                inputs=inputs,
                catalog=self.catalog,
                nodes=self.engines.nodes,
                cluster=self.engines.cluster,
                scratch=scratch_dir(),
                log_path=lambda job: str(logs.path(job.cell)),
                listeners=(logs, *listeners),
                durations=durations_file(project.settings.project_name or str(project.project)),
            )

        whole = request_of(opened, opened.inputs(self.plan))
        if not opened.members:
            return whole
        places = {"output_dir": whole.inputs.output_dir, "report_dir": whole.inputs.report_dir}
        members = (
            request_of(each.opened, replace(each.opened.inputs(each.plan), **places)) for each in self.packages.packages
        )
        return replace(whole, members=tuple(members), needs=self.packages.needs, durations=None)


@contextmanager
def planned_build(
    opened: OpenedProject, streams: "Streams", progress: "Progress", shard: "WantedShard | None" = None
) -> Iterator[PlannedBuild | None]:
    """Choose the engine, plan, and make the images that are made here; close the engine at the end.

    `shard`: the part of the plan that is to be built; None for all of it. None for an empty plan with `allow-empty`,
    and for a shard without cells. Raise ConfigError, UsageError, EngineError, ImageError.
    """
    from matrix_runner import catalog
    from matrix_runner.config.kinds.values import Progress
    from matrix_runner.config.options.run_options import ENGINE_TIMEOUT, JOBS
    from matrix_runner.engine.selection import Patience

    settings = opened.settings
    for notice in notices_of(opened):
        streams.errors.write(f"note: {notice}")
    run = uuid4().hex[:12]
    patience = Patience(seconds=settings[ENGINE_TIMEOUT], say=streams.errors.write)
    with _opened_engines(opened, run, patience) as engines:
        chosen = engines.chosen
        if chosen.remark:
            streams.errors.write(chosen.remark)
        known = catalog.load()
        packages = _plan(opened, chosen, known, shard, streams.errors)
        if packages is None:
            yield None
            return
        plan = packages.plan
        # With `--progress json`, standard output is for events alone; these messages use standard error.
        narrator = streams.errors if progress is Progress.JSON else streams.out
        _make_images(chosen, plan, narrator.write, jobs=settings[JOBS] or None)
        _make_systems(chosen, known, plan, narrator.write, jobs=settings[JOBS] or None)
        yield PlannedBuild(run=run, engines=engines, catalog=known, packages=packages)


@contextmanager
def _opened_engines(opened: OpenedProject, run: str, patience: "Patience") -> "Iterator[OpenedEngines]":
    """Give the engines of a run; close them at the end.

    Raise EngineError if one is missing, UsageError for what they cannot be.
    """
    from matrix_runner.cli.wiring.directories import processors, surroundings
    from matrix_runner.config.options.engine_options import CLUSTER, ENGINES
    from matrix_runner.config.options.run_options import CONTAINER_ENGINE, JOBS
    from matrix_runner.engine.node import Node
    from matrix_runner.engine.selection import choose_engine, close_engine

    settings = opened.settings
    if bool(settings[ENGINES]) or bool(settings[CLUSTER]):
        with _several(opened, run, patience) as found:
            yield found
        return
    chosen = choose_engine(settings[CONTAINER_ENGINE].name, run, surroundings(), patience)
    slots = settings[JOBS] or processors()
    try:
        node = Node(engine=chosen.engine, info=chosen.info, slots=slots, host=chosen.host)
        yield OpenedEngines(chosen=chosen, nodes=(node,))
    finally:
        close_engine(chosen.engine, patience.say)


@contextmanager
def _several(opened: OpenedProject, run: str, patience: "Patience") -> "Iterator[OpenedEngines]":
    from matrix_runner.cli.clusters.spread_settings import check_spread
    from matrix_runner.cli.wiring.directories import surroundings
    from matrix_runner.config.options.engine_options import CLUSTER, ENGINES
    from matrix_runner.config.options.run_options import CONTAINER_ENGINE, JOBS
    from matrix_runner.engine.remote.node_selection import open_nodes

    settings = opened.settings
    check_spread(settings, is_from_sdist=opened.origin != opened.project)
    jobs = settings[JOBS]
    if settings[CLUSTER]:
        from matrix_runner.cli.clusters.worker_place import OwnPlace
        from matrix_runner.engine.cluster.cluster_nodes import open_cluster

        place = OwnPlace(choice=settings[CONTAINER_ENGINE].name)
        with open_cluster(settings[CLUSTER], place, patience, jobs=jobs) as (chosen, nodes, cluster):
            yield OpenedEngines(chosen=chosen, nodes=nodes, cluster=cluster)
        return
    with open_nodes(settings[ENGINES], run, surroundings(), patience, jobs=jobs) as (chosen, nodes):
        yield OpenedEngines(chosen=chosen, nodes=nodes)


def standard_streams() -> "Streams":
    """Return the command's streams. Not click.echo: an output that cannot be written must not stop a build."""
    from matrix_runner.report.summary.report_writers import Streams
    from matrix_runner.report.terminal import LineWriter, columns_of, wants_colour

    return Streams(
        out=LineWriter(sys.stdout),
        errors=LineWriter(sys.stderr),
        colour=wants_colour(os.environ, is_terminal=sys.stdout.isatty()),
        width=columns_of(sys.stdout),
    )


def _plan(
    opened: OpenedProject, chosen: "ChosenEngine", known: "Catalog", shard: "WantedShard | None", errors: "LineWriter"
) -> "PackagesPlan | None":
    """Return the plan for the engine; None if it is empty and may be, else raise UsageError for it."""
    from matrix_runner.cli.locked.locked_plan import held_to_lock
    from matrix_runner.cli.workspaces.packages_plan import plan_packages
    from matrix_runner.config.options.run_options import CONTAINER_ENGINE
    from matrix_runner.config.options.selection_options import ALLOW_EMPTY
    from matrix_runner.engine.selection import argument_notices

    found = plan_packages(opened, known, chosen.host)
    plan = found.plan
    if chosen.is_local:
        for each in found.packages:
            _check_local(each.opened.settings, each.plan, chosen)
    if opened.settings[ALLOW_EMPTY] and not plan.jobs:
        errors.write("no cell is selected, which allow-empty allows")
        return None
    if not plan.jobs:
        # A run reports them itself; here there will be none.
        for warning in plan.warnings:
            errors.write(f"warning: {warning}")
    plan.require_jobs(opened.settings)
    if shard is not None:
        whole = len(plan.jobs)
        found = shard.part_of(found)
        plan = found.plan
        errors.write(f"shard {shard} has {len(plan.jobs)} of {counted(whole, 'cell')}")
        if not plan.jobs:
            return None
    # Whoever makes a lock tests nothing.
    held = [
        replace(each, plan=held_to_lock(each.opened, each.plan) if opened.heeds_lock else each.plan.without_rungs())
        for each in found.packages
    ]
    found = found.of_jobs(held, plan)
    plan = found.plan
    arguments = (job.settings[CONTAINER_ENGINE].arguments for job in plan.jobs)
    for notice in (*plan.notes, *argument_notices(arguments, is_local=chosen.is_local)):
        errors.write(f"note: {notice}")
    return found


def _check_local(settings: "Settings", plan: "Plan", chosen: "ChosenEngine") -> None:
    """Raise EngineError if this machine was not named and cannot give what was asked for; UsageError for before-all."""
    from matrix_runner.before_all.permission import may_run
    from matrix_runner.config.kinds.values import EngineChoice
    from matrix_runner.config.options.build_options import BEFORE_ALL
    from matrix_runner.config.options.run_options import CONTAINER_ENGINE
    from matrix_runner.errors import EngineError, UsageError
    from matrix_runner.matrix.unmet_requests import wants_containers
    from matrix_runner.model.platforms import Platform

    runs_before_all = may_run(settings, os.environ)
    each = (settings, *(job.settings for job in plan.jobs))
    if settings[CONTAINER_ENGINE].name is EngineChoice.AUTO:
        machine = Platform(libc=chosen.host.libc, arch=chosen.host.machine)
        plat = os.environ.get("AUDITWHEEL_PLAT", "")
        wanted = dict.fromkeys(
            reason
            for own in each
            for reason in wants_containers(own, machine=machine, plat=plat, runs_before_all=runs_before_all)
        )
        if wanted:
            raise EngineError(
                f"nothing on this machine names a container engine, which is needed for {'; '.join(wanted)}",
                hint="Start Docker or Podman, or say `--engine local` to build for this machine itself, without that.",
            )
    if not runs_before_all and any(own[BEFORE_ALL] for own in each):
        raise UsageError(
            "before-all may change this machine, which is no container and no CI system, so it is not run here",
            hint="`--allow-host-commands` lets it run; MATRIX_RUNNER_BEFORE_ALL= leaves it out",
        )


def _make_images(chosen: "ChosenEngine", plan: "Plan", say: "Callable[[str], None]", *, jobs: int | None) -> None:
    """Make the plan's images with the short name for images made here (`debian`), unless they exist."""
    made_here = [job for job in plan.jobs if job.image and job.image.family and job.image.family.is_made_here]
    if not made_here or chosen.images is None:
        return
    from matrix_runner.cli.image import format_progress, image_builder
    from matrix_runner.image.image_build import ensure_images
    from matrix_runner.image.image_manifest import load_manifests
    from matrix_runner.image.image_request import requests_of

    wanted = [(job.image.reference, job.cell.platform, job.directories) for job in made_here if job.image is not None]
    requests = requests_of(wanted, load_manifests(), chosen.host.emulates)
    builder = image_builder(chosen.images, lambda progress: say(format_progress(progress)), jobs=jobs)
    ensure_images(requests, builder, say)


def _make_systems(
    chosen: "ChosenEngine", known: "Catalog", plan: "Plan", say: "Callable[[str], None]", *, jobs: int | None
) -> None:
    """Make the clean systems that the plan's wheels are tested on and that are made here, unless they exist."""
    if chosen.images is None or not any(rung.is_made_here for job in plan.jobs for rung in job.rungs):
        return
    from matrix_runner.cli.image import format_progress, image_builder
    from matrix_runner.image.clean_systems import ensure_systems, systems_of

    builder = image_builder(chosen.images, lambda progress: say(format_progress(progress)), jobs=jobs)
    ensure_systems(systems_of(plan.jobs, known), builder, say)
