"""`runner build`: every wheel of the plan, repaired and tested, in one directory."""

import os
import sys
from pathlib import Path

import click

from matrix_runner.cli.sharding.shard_flags import SHARD_FLAG, TIMES_FLAG, WantedShard
from matrix_runner.cli.wiring.flags import BuildCommand
from matrix_runner.cli.wiring.opened_project import OpenedProject
from matrix_runner.cli.workspaces.opened_packages import open_packages, packages_parameters
from matrix_runner.errors import RunnerError, UsageError


@click.command(cls=BuildCommand, short_help="Build, repair, test and collect the wheels.")
@packages_parameters
@click.option("-v", "--verbose", is_flag=True, help="Print the whole log of every cell, not only its end.")
@SHARD_FLAG
@TIMES_FLAG
def build(  # noqa: PLR0913  each is a parameter of the command
    packages: tuple[Path, ...],
    project: Path | None,
    config_file: str | None,
    *,
    verbose: bool,
    shard: tuple[int, int] | None,
    times: tuple[Path, ...],
    **flags: object,
) -> int:
    """Build, repair and test every wheel of the plan, in parallel, each in a clean container.

    A wheel is in the output directory the moment its cell has passed; a failed cell stops nothing and loses nothing.
    PACKAGE is a directory with pyproject.toml or setup.py, or an sdist. Several are built in one run, each after those
    whose wheels it needs; the top of a workspace means all of its packages.

    \b
      runner build                                  all interpreters, 64- and 32-bit
      runner build --only 'cp312-manylinux_x86_64'  one wheel
      runner build --image debian                   in images made here, without a registry
      runner build --shard 2/3                      the second of three parts, for a CI job
      runner build core plugin                      two packages in one run

    \b
    Exit codes
      0 all built      1 a cell failed      2 a mistake in options      3 nothing selected
      4 engine, registry or disk            5 a wheel was rejected      130, 143 interrupted
    """
    from matrix_runner.cli.wiring.planned_build import standard_streams
    from matrix_runner.config.kinds.values import LogFolds
    from matrix_runner.config.options.output_options import LOG_FOLDS

    wanted = None if shard is None else WantedShard(number=shard[0], count=shard[1], times=times)
    if times and wanted is None:
        raise UsageError("--times is about the packing of shards", hint="Add --shard.")
    folds = LogFolds.AUTO
    try:
        with open_packages(packages, project, config_file, flags) as opened:
            folds = opened.settings[LOG_FOLDS]
            return _build(opened, wanted, verbose=verbose)
    except RunnerError as error:
        # What fails in a run is in its report; this leaves none.
        from matrix_runner.report.summary.stopped_run import tell_ci

        tell_ci(error, os.environ, folds, standard_streams().errors)
        raise


def _build(opened: OpenedProject, shard: WantedShard | None, *, verbose: bool) -> int:
    from matrix_runner.cli.wiring.performed_build import end_without_run, perform, usual_show
    from matrix_runner.cli.wiring.planned_build import planned_build, standard_streams
    from matrix_runner.config.options.output_options import PROGRESS
    from matrix_runner.report.console.console_choice import choose_progress

    streams = standard_streams()
    progress = choose_progress(opened.settings[PROGRESS], os.environ, is_terminal=sys.stdout.isatty(), verbose=verbose)
    with planned_build(opened, streams, progress, shard) as planned:
        if planned is None:
            return end_without_run(opened, streams)
        # Within the engine's context: an error in its closing must not lose the summary.
        return int(perform(opened, planned, usual_show(progress, streams, verbose=verbose)).exit_code)
