"""Completion of cells' identifiers on the command line of a shell."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import click


def cells_of_project(context: "click.Context", _: "click.Parameter", incomplete: str) -> list[str]:
    """Return the identifiers of the project's plan that begin so; none if there is no project, or a mistake in it."""
    return _quietly(lambda: _planned(context.params.get("packages", context.params.get("package"))), incomplete)


def cells_of_last_run(context: "click.Context", _: "click.Parameter", incomplete: str) -> list[str]:
    """Return the identifiers of the last run that begin so; none if there was none."""
    return _quietly(lambda: _recorded(context.params.get("report_dir")), incomplete)


def _quietly(names: "Callable[[], list[str]]", incomplete: str) -> list[str]:
    """Complete without a word: whatever is wrong, the command itself will tell."""
    from matrix_runner.errors import RunnerError

    try:
        return [name for name in names() if name.startswith(incomplete)]
    except (RunnerError, OSError):
        return []


def _planned(package: object) -> list[str]:
    from matrix_runner import catalog
    from matrix_runner.cli.workspaces.opened_packages import open_packages
    from matrix_runner.cli.workspaces.packages_plan import plan_packages
    from matrix_runner.engine.planning_host import container_host

    given = package if isinstance(package, tuple) else (package,)
    packages = [each for each in given if isinstance(each, Path)]
    with open_packages(packages, None, None, {}) as opened:
        found = plan_packages(opened, catalog.load(), container_host(machine=None, endpoint=None))
    return [str(job.cell) for job in found.plan.jobs]


def _recorded(report_dir: object) -> list[str]:
    from matrix_runner.cli.wiring.report_place import report_dir_of
    from matrix_runner.report.recorded_run import RecordedRun

    return list(RecordedRun(report_dir_of(report_dir if isinstance(report_dir, Path) else None)).matching(("*",)))
