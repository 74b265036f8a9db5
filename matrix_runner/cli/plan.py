"""`runner plan`: jobs and left-out cells with reasons, as text or JSON. Needs no engine and starts nothing."""

import json
import sys
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from matrix_runner.cli.wiring.flags import PlanCommand
from matrix_runner.cli.wiring.opened_project import open_project, planned_place, project_parameters, tell
from matrix_runner.report.terminal import columns_of
from matrix_runner.report.text_wrapping import wrapped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matrix_runner.config.loading.settings import Settings
    from matrix_runner.matrix import Job, Plan
    from matrix_runner.model.cells import Cell

_FEW = 4


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
    from matrix_runner.config.options.selection_options import ALLOW_EMPTY
    from matrix_runner.matrix import make_plan

    with open_project(package, project, config_file, flags) as opened:
        settings = opened.settings
        tell(settings)
        host = planned_place(settings).host
        planned = make_plan(settings, catalog.load(), host)
        maker = opened.inputs(planned).sdist_maker(host)
    for note in planned.notes:
        click.echo(f"note: {note}", err=True)
    for warning in planned.warnings:
        click.echo(f"warning: {warning}", err=True)
    if style == "json" or as_json:
        click.echo(_json(planned, settings, maker))
    elif style == "identifiers":
        click.echo("".join(f"{job.cell}\n" for job in planned.jobs), nl=False)
    else:
        columns = columns_of(sys.stdout)
        click.echo("\n".join(_text(planned, columns, maker)))
    # After the left-out cells are shown: a user with an empty plan needs them most.
    if not settings[ALLOW_EMPTY]:
        planned.require_jobs(settings)


def _text(planned: "Plan", columns: int | None, maker: "Job | None") -> list[str]:
    width = max((len(str(job.cell)) for job in planned.jobs), default=0)
    lines = [] if maker is None else [f"first the sdist, in {maker.cell}, and all wheels from it"]
    lines += [f"{len(planned.jobs)} to build:" if planned.jobs else "nothing to build"]
    for job in planned.jobs:
        place = job.image.reference.partition("@")[0] if job.image else "this machine"
        lines.append(f"  {job.cell!s:{width}}  {place}{_remark(job)}")
    lines += _rights(planned.jobs, columns)
    by_reason = sorted(planned.left_out, key=lambda left: left.reason)
    lines += ["", f"{len(planned.left_out)} left out:"] if by_reason else []
    for reason, group in groupby(by_reason, key=lambda left: left.reason):
        lines += wrapped(reason, columns, "  ", "    ")
        for line in _in_short([left.cell for left in group]):
            lines += wrapped(line, columns, "    ", "      ")
    return lines


def _rights(jobs: "Sequence[Job]", columns: int | None) -> list[str]:
    """Return the rights of the cells in containers, each with its cells if they differ."""
    from matrix_runner.container.sandbox import rights_of

    cells: dict[str, list[Cell]] = {}
    for job in jobs:
        if job.image is not None:
            cells.setdefault(rights_of(job.settings).text, []).append(job.cell)
    lines = ["", "rights in containers:"] if cells else []
    for text, several in cells.items():
        lines += wrapped(text, columns, "  ", "    ")
        for line in _in_short(several) if len(cells) > 1 else ():
            lines += wrapped(line, columns, "    ", "      ")
    return lines


def _remark(job: "Job") -> str:
    from matrix_runner.matrix import Execution

    match job.execution:
        case Execution.EMULATED:
            return "  (emulated)"
        case Execution.NONE:
            return "  (no emulator)"
        case Execution.NATIVE | Execution.UNKNOWN:
            return ""


def _in_short(cells: "list[Cell]") -> list[str]:
    """Name a few cells; group many by the interpreters that several platforms have in common."""
    if len(cells) <= _FEW:
        return [", ".join(map(str, cells))]
    interpreters: dict[str, list[str]] = {}
    for cell in cells:
        interpreters.setdefault(str(cell.platform), []).append(str(cell.interpreter))
    platforms: dict[str, list[str]] = {}
    for platform, names in interpreters.items():
        platforms.setdefault(" ".join(names), []).append(platform)
    return [f"{' '.join(several)}: {names}" for names, several in platforms.items()]


def _json(planned: "Plan", settings: "Settings", maker: "Job | None") -> str:
    from matrix_runner.container.sandbox import rights_of

    jobs = [
        {
            "identifier": str(job.cell),
            "directories": list(job.directories),
            "image": job.image.reference if job.image else None,
            "execution": str(job.execution),
            "rights": rights_of(job.settings).document() if job.image else None,
        }
        for job in planned.jobs
    ]
    left_out = [{"identifier": str(left.cell), "reason": left.reason} for left in planned.left_out]
    notes = {"notices": [*settings.notices, *planned.notes], "warnings": list(planned.warnings)}
    sdist = None if maker is None else {"made_in": str(maker.cell)}
    return json.dumps({"version": 1, "sdist": sdist, "jobs": jobs, "left_out": left_out, **notes}, indent=2)
