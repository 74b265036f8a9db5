"""`runner shell`: a shell in the container of one cell, as it was kept, where its step fails, or before a step."""

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from matrix_runner.cli.wiring.cell_completion import cells_of_project
from matrix_runner.cli.wiring.flags import PlanCommand
from matrix_runner.cli.wiring.opened_project import OpenedProject, project_parameters
from matrix_runner.cli.workspaces.opened_packages import open_packages, package_of_cell
from matrix_runner.errors import ExitCode, UsageError
from matrix_runner.model.outcomes import StepKind

if TYPE_CHECKING:
    from matrix_runner.cli.wiring.planned_build import PlannedBuild
    from matrix_runner.cli.workspaces.packages_plan import PackagePlan
    from matrix_runner.matrix import Job
    from matrix_runner.report.summary.report_writers import Streams

_STEPS = tuple(str(kind) for kind in StepKind)


@click.command(cls=PlanCommand, short_help="Open a shell in a cell's container, where its step fails.")
@click.argument("cell", metavar="CELL", shell_complete=cells_of_project)
@project_parameters
@click.option("--step", type=click.Choice(_STEPS), metavar="STEP", help="Stop before this step, whatever comes of it.")
@click.option("--new", "is_new", is_flag=True, help="Build the cell anew, even if its container was kept.")
@click.option("--discard", is_flag=True, help="Remove the cell's kept container, and open no shell.")
def shell(  # noqa: PLR0913  each is a parameter of the command
    cell: str,
    package: Path,
    project: Path | None,
    config_file: str | None,
    *,
    step: str | None,
    is_new: bool,
    discard: bool,
    **flags: object,
) -> ExitCode:
    """Open a shell in the container of CELL, where one of its steps fails, or before a step.

    If the last run kept the cell's container (--debug-keep-container), the shell is in that one. Else the cell is built
    anew up to there, as `runner build` would, in a container of its own. Wheelhouse and report stay as they are. The
    shell has the step's variables, directory and user, and the step's command in its history: arrow-up runs it. When
    the shell is left, the container is removed; one that was kept stays as it was.

    \b
      runner shell cp311-manylinux_x86_64
      runner shell cp311-manylinux_x86_64 --step test
      runner shell cp311-manylinux_x86_64 --discard     remove the kept container
    """
    cell, package = _in_order(cell, package)
    if discard and (is_new or step):
        raise UsageError("--discard opens no shell, so neither --step nor --new has a meaning beside it")
    if not discard and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            "a shell needs a terminal", hint="In CI, `runner build --debug-keep-container` keeps the container."
        )
    flags |= {"build": (cell,), "rebuild": (cell,)}
    packages = (package_of_cell(cell, package),)
    with open_packages(packages, project, config_file, flags) as opened:
        last = opened.report_dir.absolute()
    with TemporaryDirectory(prefix="matrix-runner-shell-") as scratch:
        flags |= {"output_dir": f"{scratch}/wheelhouse", "report_dir": f"{scratch}/report"}
        with open_packages(packages, project, config_file, flags) as opened:
            if discard:
                return _discard(opened)
            before = None if step is None else StepKind(step)
            return _visit(opened, before, None if is_new or step else last)


def _in_order(cell: str, package: Path) -> tuple[str, Path]:
    """Return both the other way round if they were given so: as `runner build PACKAGE` has it first."""
    is_reversed = package != Path() and Path(cell).exists() and not package.exists()
    return (str(package), Path(cell)) if is_reversed else (cell, package)


def _discard(opened: OpenedProject) -> ExitCode:
    from matrix_runner.cli.wiring.kept_visit import discard_kept
    from matrix_runner.cli.wiring.planned_build import planned_build, standard_streams
    from matrix_runner.config.kinds.values import Progress

    streams = standard_streams()
    with planned_build(opened, streams, Progress.PLAIN) as planned:
        if planned is not None:
            job, own = _only_job(planned, opened)
            streams.out.write(
                discard_kept(planned.engines.chosen.engine, job.cell, own.opened.inputs(own.plan).identity)
            )
    return ExitCode.OK


def _visit(opened: OpenedProject, before: StepKind | None, last: Path | None) -> ExitCode:
    """Open the shell. `before`: the step to stop before; `last`: the last run's report, if a kept container will do."""
    from matrix_runner.cli.wiring.planned_build import planned_build, standard_streams
    from matrix_runner.config.kinds.values import Progress
    from matrix_runner.report.cell_logs import CellLogs
    from matrix_runner.wheelhouse.report_directory import LOGS

    streams = standard_streams()
    with planned_build(opened, streams, Progress.PLAIN) as planned:
        if planned is None:
            return ExitCode.OK
        job, _ = _only_job(planned, opened)
        if last is not None:
            from matrix_runner.cli.wiring.kept_visit import visit_kept

            logs = CellLogs(opened.report_dir / LOGS)
            request = planned.request(opened, logs, ())
            own = next((member for member in request.members if job in member.jobs), request)
            visited = visit_kept(own, job, last)
            if visited.text:
                streams.out.write(visited.text)
            if visited.was_in:
                return ExitCode.OK
        return _build_up_to(opened, planned, before, streams)


def _build_up_to(
    opened: OpenedProject, planned: "PlannedBuild", before: StepKind | None, streams: "Streams"
) -> ExitCode:
    """Build the cell, up to where it fails or before a step, and have the person in there."""
    from msgspec.structs import replace

    from matrix_runner.cli.wiring.directories import processors
    from matrix_runner.cli.wiring.terminal_visit import PausedConsole, TerminalVisit
    from matrix_runner.report.cell_logs import CellLogs
    from matrix_runner.report.console.plain_console import PlainConsole
    from matrix_runner.report.console.printed_log import PlainStyle
    from matrix_runner.report.terminal import wants_colour
    from matrix_runner.run import build as run_build
    from matrix_runner.wheelhouse.report_directory import LOGS

    logs = CellLogs(opened.report_dir / LOGS)
    job, _ = _only_job(planned, opened)
    visit = TerminalVisit(job.cell, before)
    style = PlainStyle(colour=wants_colour(os.environ, is_terminal=True))
    console = PausedConsole(PlainConsole(sys.stdout, logs, style), visit)
    request = planned.request(opened, logs, (console,))
    # One cell, with all processors; how long a visit lasts is nothing to remember.
    nodes = tuple(replace(node, slots=node.info.processors or processors()) for node in request.nodes)
    members = (
        replace(member, nodes=nodes, durations=None, visit=visit if job in member.jobs else None)
        for member in request.members
    )
    report = run_build(replace(request, nodes=nodes, durations=None, visit=visit, members=tuple(members)))
    if not visit.was_paid and report.exit_code is ExitCode.OK:
        streams.out.write("no step failed; --step names one to stop before")
    return ExitCode.OK if visit.was_paid else report.exit_code


def _only_job(planned: "PlannedBuild", opened: OpenedProject) -> "tuple[Job, PackagePlan]":
    """Return the one job of the package that is named, and what is built of that. Raise UsageError if there are more.

    Of other packages of a workspace there may be what it needs.
    """
    named = [each for each in planned.packages.packages if each.opened.settings.package in opened.named_packages]
    jobs = [(job, each) for each in named for job in each.plan.jobs]
    if len(jobs) != 1:
        names = ", ".join(str(job.cell) for job, _ in jobs[:4])
        raise UsageError(f"a shell is in one cell, and {len(jobs)} match", hint=f"such as {names}")
    return jobs[0]
