"""`runner build`: every wheel of the plan, repaired and tested, in one directory."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import click
import msgspec

from matrix_runner.cli.wiring.flags import BuildCommand
from matrix_runner.cli.wiring.opened_project import OpenedProject, open_project, project_parameters
from matrix_runner.errors import ExitCode, MachineError

if TYPE_CHECKING:
    from collections.abc import Callable

    from matrix_runner.catalog import Catalog
    from matrix_runner.config.kinds.values import Progress
    from matrix_runner.config.loading.settings import Settings
    from matrix_runner.engine.selection import ChosenEngine
    from matrix_runner.matrix import Plan
    from matrix_runner.model.outcomes import Report
    from matrix_runner.report.summary.report_writers import Streams
    from matrix_runner.report.terminal import LineWriter


@click.command(cls=BuildCommand, short_help="Build, repair, test and collect the wheels.")
@project_parameters
@click.option("-v", "--verbose", is_flag=True, help="Print the whole log of every cell, not only of failed ones.")
def build(package: Path, project: Path | None, config_file: str | None, *, verbose: bool, **flags: object) -> int:
    """Build, repair and test every wheel of the plan, in parallel, each in a clean container.

    A wheel is in the output directory the moment its cell has passed; a failed cell stops nothing and loses nothing.
    PACKAGE is a directory with pyproject.toml or setup.py, or an sdist.

    \b
      runner build                                  all interpreters, 64- and 32-bit
      runner build --only 'cp312-manylinux_x86_64'  one wheel
      runner build --image debian                   in images made here, without a registry

    \b
    Exit codes
      0 all built      1 a cell failed      2 a mistake in options      3 nothing selected
      4 engine, registry or disk            5 a wheel was rejected      130, 143 interrupted
    """
    with open_project(package, project, config_file, flags) as opened:
        return _build(opened, verbose=verbose)


class _Planned(msgspec.Struct, frozen=True, kw_only=True):
    """A planned build: its run id, engine, catalog and plan."""

    run: str
    chosen: "ChosenEngine"
    catalog: "Catalog"
    plan: "Plan"


def _build(opened: OpenedProject, *, verbose: bool) -> int:
    from matrix_runner import catalog
    from matrix_runner.cli.wiring.directories import surroundings
    from matrix_runner.config.kinds.values import Progress
    from matrix_runner.config.options.output_options import PROGRESS
    from matrix_runner.config.options.run_options import CONTAINER_ENGINE, ENGINE_TIMEOUT, JOBS
    from matrix_runner.engine.selection import Patience, choose_engine
    from matrix_runner.report.console.console_choice import choose_progress

    settings, streams = opened.settings, _streams()
    for notice in settings.notices:
        streams.errors.write(f"note: {notice}")
    is_terminal = sys.stdout.isatty()
    progress = choose_progress(settings[PROGRESS], os.environ, is_terminal=is_terminal, verbose=verbose)
    run = uuid4().hex[:12]
    patience = Patience(seconds=settings[ENGINE_TIMEOUT], say=streams.errors.write)
    chosen = choose_engine(settings[CONTAINER_ENGINE].name, run, surroundings(), patience)
    try:
        if chosen.remark:
            streams.errors.write(chosen.remark)
        known = catalog.load()
        plan = _plan(opened, chosen, known, streams.errors)
        if plan is None:
            return ExitCode.OK
        # With `--progress json`, standard output is for events alone; these messages use standard error.
        narrator = streams.errors if progress is Progress.JSON else streams.out
        _make_images(chosen, plan, narrator.write, jobs=settings[JOBS] or None)
        planned = _Planned(run=run, chosen=chosen, catalog=known, plan=plan)
        report = _run(opened, planned, progress, streams, verbose=verbose)
        return int(report.exit_code)
    finally:
        _close(chosen, streams.errors)


def _streams() -> "Streams":
    """Return the command's streams. Not click.echo: an output that cannot be written must not stop a build."""
    from shutil import get_terminal_size

    from matrix_runner.report.summary.report_writers import Streams
    from matrix_runner.report.terminal import LineWriter, wants_colour

    return Streams(
        out=LineWriter(sys.stdout),
        errors=LineWriter(sys.stderr),
        colour=wants_colour(os.environ, is_terminal=sys.stdout.isatty()),
        width=get_terminal_size((140, 24)).columns,
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


def _run(
    opened: OpenedProject, planned: _Planned, progress: "Progress", streams: "Streams", *, verbose: bool
) -> "Report":
    """Run the plan with logs, event file and console as listeners; then print its summaries."""
    from matrix_runner.cli.wiring.directories import durations_file, processors, scratch_dir
    from matrix_runner.config.options.output_options import LOG_FOLDS, OUTPUT_DIR
    from matrix_runner.config.options.run_options import JOBS
    from matrix_runner.report.cell_logs import CellLogs
    from matrix_runner.report.console.console_choice import open_console
    from matrix_runner.report.event_stream import EventFile
    from matrix_runner.report.github_outputs import write_github_outputs
    from matrix_runner.report.summary.report_writers import summaries
    from matrix_runner.report.summary.text_summary import RunDirectories
    from matrix_runner.request import BuildRequest
    from matrix_runner.run import build as run_build
    from matrix_runner.wheelhouse.report_directory import LOGS

    settings, chosen = opened.settings, planned.chosen
    directories = RunDirectories(output=settings[OUTPUT_DIR], report=str(opened.report_dir))
    problem = write_github_outputs(directories, os.environ)
    if problem is not None:
        streams.errors.write(f"warning: {problem}")
    logs, events = CellLogs(opened.report_dir / LOGS), EventFile(opened.report_dir)
    with open_console(progress, sys.stdout, os.environ, logs, verbose=verbose, folds=settings[LOG_FOLDS]) as console:
        request = BuildRequest(
            run=planned.run,
            inputs=opened.inputs(planned.plan),
            catalog=planned.catalog,
            engine=chosen.engine,
            engine_info=chosen.info,
            workers=settings[JOBS] or processors(),
            scratch=scratch_dir(),
            log_path=lambda job: str(logs.path(job.cell)),
            listeners=(logs, events, console),
            host=chosen.host,
            durations=durations_file(settings.project_name or str(opened.project)),
        )
        report = run_build(request)
    if events.problem is not None:
        streams.errors.write(f"warning: {events.problem}")
    left_out = len(planned.plan.left_out)
    # Before the engine is closed: an error there must not lose the summary.
    for summary in summaries(progress, os.environ, streams):
        summary.show(report, directories, left_out)
    return report


def _close(chosen: "ChosenEngine", errors: "LineWriter") -> None:
    """Close the engine. An error is only a warning: the next run's sweep removes the leftover objects."""
    try:
        chosen.engine.close()
    except MachineError as error:
        errors.write(f"warning: {error.message}")


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
