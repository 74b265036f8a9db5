"""`runner watch`: builds whenever a file of the project has changed, and stays until it is ended."""

from pathlib import Path

import click

from matrix_runner.cli.wiring.flags import BuildCommand
from matrix_runner.cli.wiring.opened_project import project_parameters


@click.command(cls=BuildCommand, short_help="Build again whenever a file of the project changes.")
@project_parameters
@click.option("-v", "--verbose", is_flag=True, help="Print the whole log of every cell, not only its end.")
def watch(package: Path, project: Path | None, config_file: str | None, *, verbose: bool, **flags: object) -> int:
    """Build as `runner build` does, and again whenever a file of the project changes.

    Only files that go into the cells count, and those that the project is configured by. What has not changed comes
    from the cache. A run that is going on when a file changes is stopped, and another begins. Failures and mistakes are
    told, and watching goes on until Ctrl-C. New wheels replace those of the same name, as by --overwrite. It needs
    watchfiles: pip install 'matrix-runner[watch]'.

    \b
      runner watch
      runner watch --only 'cp313-manylinux_x86_64'

    \b
    Exit codes
      that of the last run, if none is going on when Ctrl-C ends it      130, 143 if one is
    """
    from matrix_runner.cli.watching.watch_loop import GivenProject, WatchLoop

    # The wheel of each run takes the place of the last one's, which has the same name.
    flags["overwrite"] = True
    given = GivenProject(package=package, project=project, config_file=config_file, flags=flags)
    return WatchLoop(given, verbose=verbose).run()
