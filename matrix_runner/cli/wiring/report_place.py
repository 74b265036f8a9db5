"""The report directory that a command reads: the one that is named, else that of the project here."""

from pathlib import Path

import click

from matrix_runner.cli.wiring.opened_project import open_project
from matrix_runner.errors import ConfigError, UsageError
from matrix_runner.report.event_stream import NAME
from matrix_runner.report.summary.report_writers import REPORT

REPORT_DIR_FLAG = click.option(
    "--report-dir",
    type=click.Path(path_type=Path),
    metavar="DIRECTORY",
    help="The report directory of the run; default: as the project here says, else wheelhouse-report.",
)


def report_dir_of(given: Path | None) -> Path:
    """Return the report directory of the last run. Raise UsageError if no run has written one."""
    directory = given or _of_project()
    if not any((directory / name).exists() for name in (REPORT, NAME)):
        raise UsageError(
            f"{directory} has no report of a run",
            hint="`runner build` writes one; --report-dir names another place, such as one downloaded from CI",
        )
    return directory


def _of_project() -> Path:
    try:
        with open_project(Path(), None, None, {}) as opened:
            return opened.report_dir
    except (ConfigError, UsageError):
        # Logs are wanted most where something is wrong.
        return Path("wheelhouse-report")
