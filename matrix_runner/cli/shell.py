"""`runner shell`: a shell in the container of one cell, where its step fails or before a step."""

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from matrix_runner.cli.wiring.cell_completion import cells_of_project
from matrix_runner.cli.wiring.flags import PlanCommand
from matrix_runner.cli.wiring.opened_project import OpenedProject, open_project, project_parameters
from matrix_runner.errors import ExitCode, UsageError
from matrix_runner.model.outcomes import StepKind

_STEPS = tuple(str(kind) for kind in StepKind)


@click.command(cls=PlanCommand, short_help="Open a shell in a cell's container, where its step fails.")
@click.argument("cell", metavar="CELL", shell_complete=cells_of_project)
@project_parameters
@click.option("--step", type=click.Choice(_STEPS), metavar="STEP", help="Stop before this step, whatever comes of it.")
def shell(
    cell: str, package: Path, project: Path | None, config_file: str | None, *, step: str | None, **flags: object
) -> ExitCode:
    """Open a shell in the container of CELL, where one of its steps fails, or before a step.

    The cell is built anew up to there, as `runner build` would, in a container of its own; wheelhouse and report stay
    as they are. The shell has the step's variables, directory and user, and the step's command in its history: arrow-up
    runs it. The container is removed when the shell is left.

    \b
      runner shell cp311-manylinux_x86_64
      runner shell cp311-manylinux_x86_64 --step test
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            "a shell needs a terminal", hint="In CI, `runner build --debug-keep-container` keeps the container."
        )
    flags |= {"build": (cell,), "rebuild": (cell,)}
    with TemporaryDirectory(prefix="matrix-runner-shell-") as scratch:
        flags |= {"output_dir": f"{scratch}/wheelhouse", "report_dir": f"{scratch}/report"}
        with open_project(package, project, config_file, flags) as opened:
            return _visit(opened, None if step is None else StepKind(step))


def _visit(opened: OpenedProject, before: StepKind | None) -> ExitCode:
    from msgspec.structs import replace

    from matrix_runner.cli.wiring.directories import processors
    from matrix_runner.cli.wiring.planned_build import planned_build, standard_streams
    from matrix_runner.cli.wiring.terminal_visit import PausedConsole, TerminalVisit
    from matrix_runner.config.kinds.values import Progress
    from matrix_runner.report.cell_logs import CellLogs
    from matrix_runner.report.console.plain_console import PlainConsole
    from matrix_runner.report.console.printed_log import PlainStyle
    from matrix_runner.report.terminal import wants_colour
    from matrix_runner.run import build as run_build
    from matrix_runner.wheelhouse.report_directory import LOGS

    streams = standard_streams()
    with planned_build(opened, streams, Progress.PLAIN) as planned:
        if planned is None:
            return ExitCode.OK
        if len(planned.plan.jobs) != 1:
            names = ", ".join(str(job.cell) for job in planned.plan.jobs[:4])
            raise UsageError(f"a shell is in one cell, and {len(planned.plan.jobs)} match", hint=f"such as {names}")
        logs = CellLogs(opened.report_dir / LOGS)
        visit = TerminalVisit(planned.plan.jobs[0].cell, before)
        style = PlainStyle(colour=wants_colour(os.environ, is_terminal=True))
        console = PausedConsole(PlainConsole(sys.stdout, logs, style), visit)
        request = planned.request(opened, logs, (console,))
        # One cell, with all processors; how long a visit lasts is nothing to remember.
        report = run_build(replace(request, workers=processors(), durations=None, visit=visit))
    if not visit.was_paid and report.exit_code is ExitCode.OK:
        streams.out.write("no step failed; --step names one to stop before")
    return ExitCode.OK if visit.was_paid else report.exit_code
