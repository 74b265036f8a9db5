"""A planned build that is run: its logs, events and console as listeners, and its summaries."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from shlex import join
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from matrix_runner.cli.wiring.opened_project import OpenedProject
from matrix_runner.cli.wiring.planned_build import PlannedBuild

if TYPE_CHECKING:
    from matrix_runner.config.kinds.values import LogFolds, Progress
    from matrix_runner.model.events import Listener
    from matrix_runner.model.outcomes import Report
    from matrix_runner.report.cell_logs import CellLogs
    from matrix_runner.report.summary.report_writers import Streams, Summary
    from matrix_runner.schedule import StopRequest


class ShownBuild(msgspec.Struct, frozen=True, kw_only=True):
    """How a build is shown to a person.

    `console_of`: opens the console that follows it. `summaries`: what is shown at its end, on a CI system. `stop`: the
    program's own request to stop it.
    """

    streams: "Streams"
    console_of: "Callable[[OpenedProject, CellLogs, LogFolds], AbstractContextManager[Listener]]"
    summaries: "Callable[[LogFolds], tuple[Summary, ...]]"
    stop: "StopRequest | None" = None


def usual_show(progress: "Progress", streams: "Streams", *, verbose: bool) -> ShownBuild:
    """Return the show of `runner build`. `progress`: anything but `auto`."""
    from matrix_runner.report.console.console_choice import open_console
    from matrix_runner.report.summary.report_writers import summaries

    @contextmanager
    def console_of(opened: OpenedProject, logs: "CellLogs", system: "LogFolds") -> "Iterator[Listener]":
        prefix = opened.repository_prefix
        with open_console(
            progress, sys.stdout, os.environ, logs, verbose=verbose, system=system, prefix=prefix
        ) as console:
            yield console

    return ShownBuild(
        streams=streams,
        console_of=console_of,
        summaries=lambda system: summaries(progress, os.environ, streams, system),
    )


def perform(opened: OpenedProject, planned: PlannedBuild, shown: ShownBuild) -> "Report":
    """Run the plan with logs, event file and console as listeners, then show its summaries; return its report.

    A run that the program itself has stopped has none. Raise OutputError, MachineError, UsageError, ConfigError.
    """
    from matrix_runner.config.options.output_options import LOG_FOLDS, OUTPUT_DIR
    from matrix_runner.report.cell_logs import CellLogs
    from matrix_runner.report.ci.detection import ci_system
    from matrix_runner.report.ci.github_outputs import outputs_at_start, write_github_outputs
    from matrix_runner.report.event_stream import EventFile
    from matrix_runner.report.summary.text_summary import RunDirectories
    from matrix_runner.run import build as run_build
    from matrix_runner.wheelhouse.report_directory import LOGS

    settings, errors = opened.settings, shown.streams.errors
    directories = RunDirectories(output=settings[OUTPUT_DIR], report=str(opened.report_dir), again=join(opened.again))
    start = outputs_at_start(output_dir=directories.output, report_dir=directories.report)
    problem = write_github_outputs(start, os.environ)
    if problem is not None:
        errors.write(f"warning: {problem}")
    logs, events = CellLogs(opened.report_dir / LOGS), EventFile(opened.report_dir)
    system = ci_system(os.environ, settings[LOG_FOLDS])
    with shown.console_of(opened, logs, system) as console:
        request = planned.request(opened, logs, (events, console))
        report = run_build(request if shown.stop is None else replace(request, stop=shown.stop))
    if events.problem is not None:
        errors.write(f"warning: {events.problem}")
    if shown.stop is not None and shown.stop.is_alone:
        return report
    left_out = len(planned.plan.left_out)
    for summary in shown.summaries(system):
        summary.show(report, directories, left_out)
    return report


def end_without_run(opened: OpenedProject, streams: "Streams") -> int:
    """Tell the workflow's later steps that there is nothing, in the words of a run with no cells; return the code."""
    from matrix_runner.config.options.output_options import OUTPUT_DIR
    from matrix_runner.model.outcomes import Report
    from matrix_runner.report.ci.github_outputs import outputs_at_end, outputs_at_start, write_github_outputs

    start = outputs_at_start(output_dir=opened.settings[OUTPUT_DIR], report_dir=str(opened.report_dir))
    report = Report(run="", outcomes=(), seconds=0.0)
    problem = write_github_outputs({**start, **outputs_at_end(report)}, os.environ)
    if problem is not None:
        streams.errors.write(f"warning: {problem}")
    return report.exit_code
