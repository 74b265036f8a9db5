"""`runner plan`: what would be built, and what is left out and why. Needs no engine and starts nothing."""

import json
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from matrix_runner.cli.flags import PlanCommand
from matrix_runner.cli.projects import open_project, planning_host, project_parameters, tell

if TYPE_CHECKING:
    from matrix_runner.config import Settings
    from matrix_runner.matrix import Plan


@click.command(cls=PlanCommand, short_help="Show what would be built, and what is left out and why.")
@project_parameters
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "json", "identifiers"]),
    default="text",
    show_default=True,
    help="text to read, json for machines, identifiers one a line.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
def plan(
    package: Path, project: Path | None, config_file: str | None, style: str, *, as_json: bool, **flags: object
) -> None:
    """Show what `runner build` would build, and what is left out and why.

    Nothing is started and no engine is asked. PACKAGE is a directory with pyproject.toml or setup.py, or an sdist.
    `runner explain IDENTIFIER` says more of one cell.

    \b
      runner plan --archs all                      every architecture there is
      runner plan --only 'cp31?-*' --skip '*i686'  two patterns
      runner plan --format identifiers             one a line, for scripts
    """
    from matrix_runner import catalog
    from matrix_runner.config import ALLOW_EMPTY
    from matrix_runner.matrix import make_plan

    with open_project(package, project, config_file, flags) as opened:
        settings = opened.settings
        tell(settings)
        planned = make_plan(settings, catalog.load(), planning_host(settings))
    for warning in planned.warnings:
        click.echo(f"warning: {warning}", err=True)
    if not settings[ALLOW_EMPTY]:
        planned.require_jobs(settings)
    if style == "json" or as_json:
        click.echo(_json(planned, settings))
    elif style == "identifiers":
        click.echo("".join(f"{job.cell}\n" for job in planned.jobs), nl=False)
    else:
        click.echo("\n".join(_text(planned)))


def _text(planned: "Plan") -> list[str]:
    width = max((len(str(job.cell)) for job in planned.jobs), default=0)
    lines = [f"{len(planned.jobs)} to build:"]
    for job in planned.jobs:
        place = job.image.reference.partition("@")[0] if job.image else "this machine"
        lines.append(f"  {job.cell!s:{width}}  {place}")
    by_reason = sorted(planned.left_out, key=lambda left: left.reason)
    lines += ["", f"{len(planned.left_out)} left out:"] if by_reason else []
    for reason, group in groupby(by_reason, key=lambda left: left.reason):
        names = [str(left.cell) for left in group]
        shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
        lines += [f"  {reason}", f"    {shown}"]
    return lines


def _json(planned: "Plan", settings: "Settings") -> str:
    jobs = [
        {
            "identifier": str(job.cell),
            "directories": list(job.directories),
            "image": job.image.reference if job.image else None,
        }
        for job in planned.jobs
    ]
    left_out = [{"identifier": str(left.cell), "reason": left.reason} for left in planned.left_out]
    notes = {"notices": list(settings.notices), "warnings": list(planned.warnings)}
    return json.dumps({"version": 1, "jobs": jobs, "left_out": left_out, **notes}, indent=2)
