"""`runner plan`: jobs and left-out cells with reasons, as text or JSON. Needs no engine and starts nothing."""

import json
import sys
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from matrix_runner.cli.wiring.flags import PlanCommand
from matrix_runner.cli.workspaces.opened_packages import open_packages, packages_parameters
from matrix_runner.report.terminal import columns_of
from matrix_runner.report.text_wrapping import wrapped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matrix_runner.cli.workspaces.foreseen_packages import ForeseenPackages
    from matrix_runner.config.loading.settings import Settings
    from matrix_runner.matrix import Job
    from matrix_runner.model.cells import Cell

_FEW = 4


@click.command(cls=PlanCommand, short_help="Show what would be built, and what is left out and why.")
@packages_parameters
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
    packages: tuple[Path, ...],
    project: Path | None,
    config_file: str | None,
    style: str,
    *,
    as_json: bool,
    **flags: object,
) -> None:
    """Show what `runner build` would build, and what is left out and why.

    Nothing is started and no engine is asked. PACKAGE is a directory with pyproject.toml or setup.py, or an sdist.
    `runner explain IDENTIFIER` says more of one cell.

    \b
      runner plan --archs all                      every architecture there is
      runner plan --only 'cp31?-*' --skip '*i686'  two patterns
      runner plan --format identifiers             one a line, for scripts
    """
    from matrix_runner.cli.workspaces.foreseen_packages import foresee_packages
    from matrix_runner.config.options.selection_options import ALLOW_EMPTY

    with open_packages(packages, project, config_file, flags) as opened:
        settings, foreseen = opened.settings, foresee_packages(opened)
        planned, _ = foreseen.plan, foreseen.sdist_makers
    for note in planned.notes:
        click.echo(f"note: {note}", err=True)
    for warning in foreseen.warnings:
        click.echo(f"warning: {warning}", err=True)
    if style == "json" or as_json:
        click.echo(_json(foreseen, settings))
    elif style == "identifiers":
        click.echo("".join(f"{job.cell}\n" for job in planned.jobs), nl=False)
    else:
        columns = columns_of(sys.stdout)
        held = [f"{name}: {lock.text}" if name else lock.text for name, lock in foreseen.locks]
        click.echo("\n".join((*_text(foreseen, columns), *(("", *held) if held else ()))))
    # After the left-out cells are shown: a user with an empty plan needs them most.
    if not settings[ALLOW_EMPTY]:
        planned.require_jobs(settings)


def _text(foreseen: "ForeseenPackages", columns: int | None) -> list[str]:
    planned, makers = foreseen.plan, foreseen.sdist_makers
    width = max((len(str(job.cell)) for job in planned.jobs), default=0)
    lines = [f"first the sdist, in {maker.cell}, and all wheels from it" for maker in makers]
    lines += [f"{len(planned.jobs)} to build:" if planned.jobs else "nothing to build"]
    for job in planned.jobs:
        place = job.image.reference.partition("@")[0] if job.image else "this machine"
        needs = foreseen.packages.needs.of(job.cell)
        after = f"  after {', '.join(str(need.cell) for need in needs)}" if needs else ""
        lines.append(f"  {job.cell!s:{width}}  {place}{_remark(job)}{after}")
    lines += _rights(planned.jobs, columns)
    lines += _ladders(planned.jobs, columns)
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


def _ladders(jobs: "Sequence[Job]", columns: int | None) -> list[str]:
    """Return the images that wheels are tested in besides, each list with its cells if they differ."""
    cells: dict[tuple[str, ...], list[Cell]] = {}
    for job in jobs:
        cells.setdefault(tuple(rung.reference for rung in job.rungs), []).append(job.cell)
    if not any(cells):
        return []
    lines = ["", "wheels are tested on:"]
    for references, several in cells.items():
        lines += wrapped(", ".join(references) or "nothing else", columns, "  ", "    ")
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
    """Name a few cells; group many by the interpreters that several platforms have in common.

    Packages of a workspace that have the same cells are named together.
    """
    by_package: dict[str, list[Cell]] = {}
    for cell in cells:
        by_package.setdefault(cell.package, []).append(cell)
    if len(cells) <= _FEW or list(by_package) == [""]:
        return _grouped(cells)
    packages: dict[tuple[str, ...], list[str]] = {}
    for name, own in by_package.items():
        packages.setdefault(tuple(_grouped([cell.of_package("") for cell in own])), []).append(name)
    return [
        line for lines, names in packages.items() for line in (f"{', '.join(names)}:", *(f"  {line}" for line in lines))
    ]


def _grouped(cells: "list[Cell]") -> list[str]:
    if len(cells) <= _FEW:
        return [", ".join(map(str, cells))]
    interpreters: dict[str, list[str]] = {}
    for cell in cells:
        interpreters.setdefault(str(cell.platform), []).append(str(cell.interpreter))
    platforms: dict[str, list[str]] = {}
    for platform, names in interpreters.items():
        platforms.setdefault(" ".join(names), []).append(platform)
    return [f"{' '.join(several)}: {names}" for names, several in platforms.items()]


def _json(foreseen: "ForeseenPackages", settings: "Settings") -> str:
    from matrix_runner.container.sandbox import rights_of

    planned, needs = foreseen.plan, foreseen.packages.needs

    jobs = [
        {
            "identifier": str(job.cell),
            "directories": list(job.directories),
            "image": job.image.reference if job.image else None,
            "execution": str(job.execution),
            "rights": rights_of(job.settings).document() if job.image else None,
            "test_on": [{"name": rung.name, "image": rung.reference} for rung in job.rungs],
            **({"needs": [str(need.cell) for need in needs.of(job.cell)]} if job.cell.package else {}),
        }
        for job in planned.jobs
    ]
    left_out = [{"identifier": str(left.cell), "reason": left.reason} for left in planned.left_out]
    notes = {"notices": [*settings.notices, *planned.notes], "warnings": list(planned.warnings)}
    made = {maker.cell.package: {"made_in": str(maker.cell)} for maker in foreseen.sdist_makers}
    held = {name: lock.document() for name, lock in foreseen.locks}
    document: dict[str, object] = {"version": 1, "sdist": made.get(""), "lock": held.get("")}
    if needs.order:
        # In the order in which they are built, as far as one needs another.
        names = [each.opened.settings.package for each in foreseen.packages.packages]
        document["packages"] = [{"name": name, "sdist": made.get(name), "lock": held.get(name)} for name in names]
    document |= {"jobs": jobs, "left_out": left_out, **notes}
    return json.dumps(document, indent=2)
