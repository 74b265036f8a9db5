"""`runner build`: every wheel of the plan, repaired and tested, in one directory."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import click

from matrix_runner.cli.flags import BuildCommand
from matrix_runner.cli.opened_project import OpenedProject, open_project, project_parameters
from matrix_runner.errors import ExitCode, MachineError

if TYPE_CHECKING:
    from matrix_runner.config.loading.settings import Settings
    from matrix_runner.engine.selection import ChosenEngine
    from matrix_runner.matrix import Plan
    from matrix_runner.model.events import Listener
    from matrix_runner.model.outcomes import Report
    from matrix_runner.model.platforms import Arch
    from matrix_runner.report.cell_logs import CellLogs
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


def _build(opened: OpenedProject, *, verbose: bool) -> int:
    from matrix_runner import catalog
    from matrix_runner.cli.directories import (
        durations_file,
        processors,
        scratch_dir,
        surroundings,
    )
    from matrix_runner.config.options.run_options import CONTAINER_ENGINE, JOBS, OUTPUT_DIR
    from matrix_runner.config.options.selection_options import ALLOW_EMPTY
    from matrix_runner.engine.selection import argument_notices, choose_engine
    from matrix_runner.matrix import make_plan
    from matrix_runner.report.cell_logs import CellLogs
    from matrix_runner.report.terminal import LineWriter
    from matrix_runner.request import BuildRequest
    from matrix_runner.run import build as build_request

    settings = opened.settings
    # Not click.echo: an output that cannot be written must not stop a build.
    out, errors = LineWriter(sys.stdout), LineWriter(sys.stderr)
    for notice in settings.notices:
        errors.write(f"note: {notice}")
    chosen = choose_engine(settings[CONTAINER_ENGINE].name, run := uuid4().hex[:12], surroundings())
    try:
        if chosen.remark:
            errors.write(chosen.remark)
        known = catalog.load()
        plan = make_plan(settings, known, chosen.host)
        if settings[ALLOW_EMPTY] and not plan.jobs:
            errors.write("no cell is selected, which allow-empty allows")
            return ExitCode.OK
        if not plan.jobs:
            # A run tells them itself; here there will be none.
            for warning in plan.warnings:
                errors.write(f"warning: {warning}")
        plan.require_jobs(settings)
        for notice in argument_notices(
            (job.settings[CONTAINER_ENGINE].arguments for job in plan.jobs), is_local=chosen.is_local
        ):
            errors.write(f"note: {notice}")
        _make_images(chosen, plan, out, jobs=settings[JOBS] or None)
        output_dir = Path(settings[OUTPUT_DIR])
        logs = CellLogs(output_dir / "logs")
        with _console(logs, verbose=verbose) as console:
            request = BuildRequest(
                run=run,
                inputs=opened.inputs(plan),
                catalog=known,
                engine=chosen.engine,
                engine_info=chosen.info,
                workers=settings[JOBS] or processors(),
                scratch=scratch_dir(),
                log_path=lambda job: str(logs.path(job.cell)),
                listeners=(logs, console),
                host=chosen.host,
                runs_before_all=_may_run_before_all(settings, chosen),
                durations=durations_file(settings.project_name or str(opened.project)),
            )
            report = build_request(request)
        # Before the engine is closed: if that fails, the summary is not lost with it.
        _summarise(report, plan, str(output_dir), out)
        _summarise_for_github(report, str(output_dir), errors)
        return int(report.exit_code)
    finally:
        _close(chosen, errors)


def _close(chosen: "ChosenEngine", errors: "LineWriter") -> None:
    """Close the engine; what it cannot remove, the next run sweeps, and it is no reason to call a good run bad."""
    try:
        chosen.engine.close()
    except MachineError as error:
        errors.write(f"warning: {error.message}")


def _may_run_before_all(settings: "Settings", chosen: "ChosenEngine") -> bool:
    """A container is made to be changed, and so is a CI machine; a laptop is nobody's build image."""
    if not chosen.is_local:
        return True
    from matrix_runner.config.options.run_options import ALLOW_HOST_COMMANDS
    from matrix_runner.engine.local.python_discovery import is_ci, is_inside_container

    return settings[ALLOW_HOST_COMMANDS] or is_inside_container(os.environ) or is_ci(os.environ)


@contextmanager
def _console(logs: "CellLogs", *, verbose: bool) -> "Iterator[Listener]":
    """Return the live table on a terminal that can show one, else the plain console."""
    from matrix_runner.report.console.folds import fold_style
    from matrix_runner.report.console.plain_console import PlainConsole, PlainStyle
    from matrix_runner.report.terminal import wants_colour, wants_live

    if wants_live(os.environ, is_terminal=sys.stdout.isatty()) and not verbose:
        from matrix_runner.report.console.live_table import LiveTable, make_console

        live = LiveTable(make_console(sys.stdout, os.environ), logs)
        try:
            yield live
        finally:
            live.close()
        return
    colour = wants_colour(os.environ, is_terminal=sys.stdout.isatty())
    yield PlainConsole(sys.stdout, logs, PlainStyle(fold=fold_style(os.environ), colour=colour, verbose=verbose))


def _summarise(report: "Report", plan: "Plan", output_dir: str, out: "LineWriter") -> None:
    from shutil import get_terminal_size

    from matrix_runner.report.summary.text_summary import summary_lines
    from matrix_runner.report.terminal import wants_colour

    colour = wants_colour(os.environ, is_terminal=sys.stdout.isatty())
    width = get_terminal_size((140, 24)).columns
    out.write(*summary_lines(report, output_dir=output_dir, colour=colour, width=width))
    if plan.left_out:
        out.write(f"{len(plan.left_out)} other cells were not in the plan: `runner plan` says why")


def _summarise_for_github(report: "Report", output_dir: str, errors: "LineWriter") -> None:
    from matrix_runner.report.summary.markdown_summary import markdown_summary

    step_summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if not step_summary:
        return
    try:
        with Path(step_summary).open("a", encoding="utf-8") as file:
            file.write(markdown_summary(report, output_dir=output_dir))
    except OSError as error:
        # The variable reaches containers of a job in which its file is not.
        errors.write(f"warning: GITHUB_STEP_SUMMARY: {error}")


def _make_images(chosen: "ChosenEngine", plan: "Plan", out: "LineWriter", *, jobs: int | None) -> None:
    """Make the images that the plan names by the short name for images made here, if they are not there yet."""
    wanted: dict[Arch, frozenset[str]] = {}
    for job in plan.jobs:
        if job.image is not None and job.image.family is not None and job.image.family.is_made_here:
            arch = job.cell.platform.arch
            wanted[arch] = wanted.get(arch, frozenset()) | {job.directories[0]}
    if not wanted or chosen.images is None:
        return
    from matrix_runner.cli.image import format_progress, workshop
    from matrix_runner.image.image_build import ensure_images
    from matrix_runner.image.image_manifest import load_manifest

    shop = workshop(chosen.images, lambda progress: out.write(format_progress(progress)), jobs=jobs)
    ensure_images(wanted, shop, load_manifest(), out.write)
