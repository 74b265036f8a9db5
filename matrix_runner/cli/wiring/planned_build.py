"""A build that is about to begin: its engine, its plan, and the images made here that it needs."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

import msgspec

from matrix_runner.cli.wiring.opened_project import OpenedProject
from matrix_runner.errors import MachineError

if TYPE_CHECKING:
    from collections.abc import Callable

    from matrix_runner.catalog import Catalog
    from matrix_runner.config.kinds.values import Progress
    from matrix_runner.config.loading.settings import Settings
    from matrix_runner.engine.selection import ChosenEngine
    from matrix_runner.matrix import Plan
    from matrix_runner.model.events import Listener
    from matrix_runner.report.cell_logs import CellLogs
    from matrix_runner.report.summary.report_writers import Streams
    from matrix_runner.report.terminal import LineWriter
    from matrix_runner.request import BuildRequest


class PlannedBuild(msgspec.Struct, frozen=True, kw_only=True):
    """A planned build: its run id, engine, catalog and plan."""

    run: str
    chosen: "ChosenEngine"
    catalog: "Catalog"
    plan: "Plan"

    def request(self, opened: OpenedProject, logs: "CellLogs", listeners: "tuple[Listener, ...]") -> "BuildRequest":
        """Return the request of the build. `listeners`: those of its events besides `logs`, which come first."""
        from matrix_runner.cli.wiring.directories import durations_file, processors, scratch_dir
        from matrix_runner.config.options.run_options import JOBS
        from matrix_runner.request import BuildRequest

        return BuildRequest(
            run=self.run,
            inputs=opened.inputs(self.plan),
            catalog=self.catalog,
            engine=self.chosen.engine,
            engine_info=self.chosen.info,
            workers=opened.settings[JOBS] or processors(),
            scratch=scratch_dir(),
            log_path=lambda job: str(logs.path(job.cell)),
            listeners=(logs, *listeners),
            host=self.chosen.host,
            durations=durations_file(opened.settings.project_name or str(opened.project)),
        )


@contextmanager
def planned_build(opened: OpenedProject, streams: "Streams", progress: "Progress") -> Iterator[PlannedBuild | None]:
    """Choose the engine, plan, and make the images that are made here; close the engine at the end.

    None for an empty plan with `allow-empty`. Raise ConfigError, UsageError, EngineError, ImageError.
    """
    from matrix_runner import catalog
    from matrix_runner.cli.wiring.directories import surroundings
    from matrix_runner.config.kinds.values import Progress
    from matrix_runner.config.options.run_options import CONTAINER_ENGINE, ENGINE_TIMEOUT, JOBS
    from matrix_runner.engine.selection import Patience, choose_engine

    settings = opened.settings
    for notice in settings.notices:
        streams.errors.write(f"note: {notice}")
    run = uuid4().hex[:12]
    patience = Patience(seconds=settings[ENGINE_TIMEOUT], say=streams.errors.write)
    chosen = choose_engine(settings[CONTAINER_ENGINE].name, run, surroundings(), patience)
    try:
        if chosen.remark:
            streams.errors.write(chosen.remark)
        known = catalog.load()
        plan = _plan(opened, chosen, known, streams.errors)
        if plan is None:
            yield None
            return
        # With `--progress json`, standard output is for events alone; these messages use standard error.
        narrator = streams.errors if progress is Progress.JSON else streams.out
        _make_images(chosen, plan, narrator.write, jobs=settings[JOBS] or None)
        yield PlannedBuild(run=run, chosen=chosen, catalog=known, plan=plan)
    finally:
        _close(chosen, streams.errors)


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


def _plan(opened: OpenedProject, chosen: "ChosenEngine", known: "Catalog", errors: "LineWriter") -> "Plan | None":
    """Return the plan for the engine; None for an empty one with `allow-empty`, else raise UsageError for it."""
    from matrix_runner.config.options.run_options import CONTAINER_ENGINE
    from matrix_runner.config.options.selection_options import ALLOW_EMPTY
    from matrix_runner.engine.selection import argument_notices
    from matrix_runner.matrix import make_plan

    plan = make_plan(opened.settings, known, chosen.host)
    if chosen.is_local:
        _check_local(opened.settings, plan, chosen)
    if opened.settings[ALLOW_EMPTY] and not plan.jobs:
        errors.write("no cell is selected, which allow-empty allows")
        return None
    if not plan.jobs:
        # A run reports them itself; here there will be none.
        for warning in plan.warnings:
            errors.write(f"warning: {warning}")
    plan.require_jobs(opened.settings)
    arguments = (job.settings[CONTAINER_ENGINE].arguments for job in plan.jobs)
    for notice in (*plan.notes, *argument_notices(arguments, is_local=chosen.is_local)):
        errors.write(f"note: {notice}")
    return plan


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


def _close(chosen: "ChosenEngine", errors: "LineWriter") -> None:
    """Close the engine. An error is only a warning: the next run's sweep removes the leftover objects."""
    try:
        chosen.engine.close()
    except MachineError as error:
        errors.write(f"warning: {error.message}")
