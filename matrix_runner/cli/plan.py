"""`runner plan`: what would be built, and what is left out and why. Needs no engine and starts nothing."""

import json
import os
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from matrix_runner.cli.flags import PlanCommand, given_flags

if TYPE_CHECKING:
    from matrix_runner.matrix import Plan


@click.command(cls=PlanCommand, short_help="Show what would be built, and what is left out and why.")
@click.argument("project", default=".", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "json", "identifiers"]),
    default="text",
    show_default=True,
    help="text to read, json for machines, identifiers one a line.",
)
def plan(project: Path, style: str, **flags: object) -> None:
    """Show what `runner build` would build, and what is left out and why.

    Nothing is started and no engine is asked. PROJECT is the directory with pyproject.toml or setup.py.

    \b
      runner plan --archs all                      every architecture there is
      runner plan --only 'cp31?-*' --skip '*i686'  two patterns
      runner plan --format identifiers             one a line, for scripts
    """
    from matrix_runner import catalog
    from matrix_runner.cli.places import likely_endpoint, this_host
    from matrix_runner.config import CONTAINER_ENGINE, EngineChoice, load
    from matrix_runner.matrix import make_plan

    settings = load(project, environ=os.environ, flags=given_flags(flags))
    local = settings[CONTAINER_ENGINE].name is EngineChoice.LOCAL
    host = this_host(os.environ, local=local, endpoint=likely_endpoint(os.environ))
    planned = make_plan(settings, catalog.load(), host)
    for warning in planned.warnings:
        click.echo(f"warning: {warning}", err=True)
    planned.require_jobs(settings)
    if style == "identifiers":
        click.echo("\n".join(str(job.cell) for job in planned.jobs))
    elif style == "json":
        click.echo(_json(planned))
    else:
        click.echo("\n".join(_text(planned)))


def _text(planned: "Plan") -> list[str]:
    width = max(len(str(job.cell)) for job in planned.jobs)
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


def _json(planned: "Plan") -> str:
    jobs = [
        {
            "identifier": str(job.cell),
            "directories": list(job.directories),
            "image": job.image.reference if job.image else None,
        }
        for job in planned.jobs
    ]
    left_out = [{"identifier": str(left.cell), "reason": left.reason} for left in planned.left_out]
    return json.dumps({"version": 1, "jobs": jobs, "left_out": left_out}, indent=2)
