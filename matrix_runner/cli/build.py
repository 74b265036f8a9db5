"""`runner build`: every wheel of the plan, repaired and tested, in one directory."""

import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from matrix_runner.cli.wiring.flags import BuildCommand
from matrix_runner.cli.wiring.opened_project import OpenedProject, open_project, project_parameters
from matrix_runner.errors import RunnerError

if TYPE_CHECKING:
    from matrix_runner.cli.wiring.planned_build import PlannedBuild
    from matrix_runner.config.kinds.values import Progress
    from matrix_runner.model.outcomes import Report
    from matrix_runner.report.summary.report_writers import Streams


@click.command(cls=BuildCommand, short_help="Build, repair, test and collect the wheels.")
@project_parameters
@click.option("-v", "--verbose", is_flag=True, help="Print the whole log of every cell, not only its end.")
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
    from matrix_runner.cli.wiring.planned_build import standard_streams
    from matrix_runner.config.kinds.values import LogFolds
    from matrix_runner.config.options.output_options import LOG_FOLDS

    folds = LogFolds.AUTO
    try:
        with open_project(package, project, config_file, flags) as opened:
            folds = opened.settings[LOG_FOLDS]
            return _build(opened, verbose=verbose)
    except RunnerError as error:
        # What fails in a run is in its report; this leaves none.
        from matrix_runner.report.summary.stopped_run import tell_ci

        tell_ci(error, os.environ, folds, standard_streams().errors)
        raise


def _build(opened: OpenedProject, *, verbose: bool) -> int:
    from matrix_runner.cli.wiring.planned_build import planned_build, standard_streams
    from matrix_runner.config.options.output_options import PROGRESS
    from matrix_runner.report.console.console_choice import choose_progress

    streams = standard_streams()
    progress = choose_progress(opened.settings[PROGRESS], os.environ, is_terminal=sys.stdout.isatty(), verbose=verbose)
    with planned_build(opened, streams, progress) as planned:
        if planned is None:
            return _end_without_run(opened, streams)
        return int(_run(opened, planned, progress, streams, verbose=verbose).exit_code)


def _end_without_run(opened: OpenedProject, streams: "Streams") -> int:
    """Tell the workflow's later steps that there is nothing, in the words of a run with no cells."""
    from matrix_runner.config.options.output_options import OUTPUT_DIR
    from matrix_runner.model.outcomes import Report
    from matrix_runner.report.ci.github_outputs import outputs_at_end, outputs_at_start, write_github_outputs

    start = outputs_at_start(output_dir=opened.settings[OUTPUT_DIR], report_dir=str(opened.report_dir))
    report = Report(run="", outcomes=(), seconds=0.0)
    problem = write_github_outputs({**start, **outputs_at_end(report)}, os.environ)
    if problem is not None:
        streams.errors.write(f"warning: {problem}")
    return report.exit_code


def _run(
    opened: OpenedProject, planned: "PlannedBuild", progress: "Progress", streams: "Streams", *, verbose: bool
) -> "Report":
    """Run the plan with logs, event file and console as listeners; then print its summaries."""
    from matrix_runner.config.options.output_options import LOG_FOLDS, OUTPUT_DIR
    from matrix_runner.report.cell_logs import CellLogs
    from matrix_runner.report.ci.detection import ci_system
    from matrix_runner.report.ci.github_outputs import outputs_at_start, write_github_outputs
    from matrix_runner.report.console.console_choice import open_console
    from matrix_runner.report.event_stream import EventFile
    from matrix_runner.report.summary.report_writers import summaries
    from matrix_runner.report.summary.text_summary import RunDirectories
    from matrix_runner.run import build as run_build
    from matrix_runner.wheelhouse.report_directory import LOGS

    settings = opened.settings
    directories = RunDirectories(output=settings[OUTPUT_DIR], report=str(opened.report_dir))
    start = outputs_at_start(output_dir=directories.output, report_dir=directories.report)
    problem = write_github_outputs(start, os.environ)
    if problem is not None:
        streams.errors.write(f"warning: {problem}")
    logs, events = CellLogs(opened.report_dir / LOGS), EventFile(opened.report_dir)
    system = ci_system(os.environ, settings[LOG_FOLDS])
    console_of = partial(open_console, progress, sys.stdout, os.environ, logs)
    with console_of(verbose=verbose, system=system, prefix=opened.repository_prefix) as console:
        report = run_build(planned.request(opened, logs, (events, console)))
    if events.problem is not None:
        streams.errors.write(f"warning: {events.problem}")
    left_out = len(planned.plan.left_out)
    # Before the engine is closed: an error there must not lose the summary.
    for summary in summaries(progress, os.environ, streams, system):
        summary.show(report, directories, left_out)
    return report
