"""`runner explain`: why a cell is in the matrix or not, the origin of each of its options, its cache status."""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from matrix_runner.cli.wiring.cell_completion import cells_of_project
from matrix_runner.cli.wiring.flags import PlanCommand
from matrix_runner.cli.wiring.opened_project import open_project, planned_place, project_parameters, tell
from matrix_runner.errors import UsageError
from matrix_runner.report.text_wrapping import wrapped
from matrix_runner.toml import loads

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.console import Console

    from matrix_runner.cache.cache_history import CacheHistory
    from matrix_runner.config.options.option import Option
    from matrix_runner.matrix import Explanation


@click.command(cls=PlanCommand, short_help="Say why a cell is built or not, and whence each option has its value.")
@click.argument("identifier", shell_complete=cells_of_project)
@project_parameters
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def explain(
    identifier: str, package: Path, project: Path | None, config_file: str | None, *, as_json: bool, **flags: object
) -> None:
    """Say why the cell IDENTIFIER is built or not, and what its options are, each with where its value came from.

    Also whether a build would take it from the cache, else what has changed. Nothing is started. The defaults are
    shown dimmed.

    \b
      runner explain cp312-manylinux_x86_64
      runner explain cp312-musllinux_i686 --archs all --json
    """
    from matrix_runner import catalog
    from matrix_runner.cli.locked.locked_plan import lock_in_force
    from matrix_runner.cli.wiring.cache_history_lookup import history_of
    from matrix_runner.cli.workspaces.opened_packages import full_identifier, package_of_cell
    from matrix_runner.matrix import explain as explain_cell
    from matrix_runner.matrix import make_plan

    if Path(identifier).is_dir() and not package.exists():
        raise UsageError(
            f"{identifier} is a directory, not a cell", hint=f"try `runner explain {package} {identifier}`"
        )
    with open_project(package_of_cell(identifier, package), project, config_file, flags) as opened:
        identifier = full_identifier(identifier, opened)
        tell(opened.settings)
        known, place = catalog.load(), planned_place(opened.settings)
        answer = explain_cell(identifier, opened.settings, known, place.host)
        plan = make_plan(opened.settings, known, place.host)
        lock = lock_in_force(opened, plan, identifier)
        plan = plan if lock is None else lock.plan
        past = history_of(identifier, opened, plan, place) if answer.is_in else None
    locked = {} if lock is None else lock.of_cell(identifier)
    rungs = next((job.rungs for job in plan.jobs if str(job.cell) == identifier), ())
    if as_json:
        held = None if lock is None else {**lock.document(), "groups": locked}
        tested = [{"name": rung.name, "image": rung.reference} for rung in rungs]
        click.echo(json.dumps({**_machine(answer, past), "test_on": tested, "lock": held}, indent=2))
    else:
        tested_on = (f"tested on: {', '.join(rung.reference for rung in rungs)}",) if rungs else ()
        _print(answer, past, (*tested_on, *(() if lock is None else (lock.text, *lock.drift, *_locked(locked)))))


def _locked(groups: "Mapping[str, tuple[str, ...]]") -> "Iterator[str]":
    return (f"{group}: {', '.join(pins) or 'nothing'}" for group, pins in groups.items())


def _shown(answer: "Explanation") -> "list[tuple[Option[object], object]]":
    """Return the options that concern the cell, without secrets; of the image options only its own platform's."""
    from matrix_runner.config.options.image_options import IMAGES
    from matrix_runner.redaction.readable_values import readable
    from matrix_runner.redaction.run_secrets import redactor_of

    redactor = redactor_of((answer.settings,), os.environ)
    others = {option.name for platform, option in IMAGES.items() if platform != answer.cell.platform}
    items = [pair for pair in answer.settings.items() if pair[0].name not in others and not pair[0].is_flag_only]
    return [(option, readable(option, value, redactor)) for option, value in items]


def _machine(answer: "Explanation", past: "CacheHistory | None") -> dict[str, object]:
    from matrix_runner.cache.cache_history import as_document
    from matrix_runner.container.sandbox import rights_of

    options: dict[str, object] = {}
    for option, value in _shown(answer):
        origin = answer.settings.origin(option)
        # JSON can express these TOML values too: no value of an option is a date.
        plain = loads(f"value = {option.kind.write(value)}")["value"]
        options[option.name] = {"value": plain, "origin": str(origin), "source": origin.source.value}
    return {
        "version": 1,
        "identifier": str(answer.cell),
        "is_in": answer.is_in,
        "image": answer.image.reference if answer.image else None,
        "answers": [{"topic": one.topic, "is_in": one.is_in, "reason": one.reason} for one in answer.answers],
        "rights": rights_of(answer.settings).document() if answer.image else None,
        "remarks": list(answer.remarks),
        "cache": as_document(past),
        "options": options,
    }


def _print(answer: "Explanation", past: "CacheHistory | None", more: "Sequence[str]") -> None:
    from rich.console import Console
    from rich.text import Text

    from matrix_runner.config.options.option import Source
    from matrix_runner.container.sandbox import rights_of

    console = Console(file=sys.stdout, highlight=False)
    # Readers of a pipe want whole lines.
    width = console.width if console.is_terminal else None
    verdict = "is built" if answer.is_in else "is left out"
    console.print(Text.assemble((str(answer.cell), "bold"), f" {verdict}"))
    for one in answer.answers:
        mark, style = ("✓", "green") if one.is_in else ("✗", "red")
        first, *rest = wrapped(one.reason, width, "    ")
        console.print(Text.assemble("  ", (mark, style), f" {first.lstrip()}"), soft_wrap=True)
        _lines(console, rest)
    if answer.is_in and answer.image is not None:
        _lines(console, wrapped(f"rights: {rights_of(answer.settings).text}", width, "  ", "    "))
    for line, style in (*((line, "") for line in more), *((remark, "yellow") for remark in answer.remarks)):
        _lines(console, wrapped(line, width, "  ", "    "), style)
    if past is not None:
        _print_past(console, past, width)
    shown = [(option, value, answer.settings.origin(option)) for option, value in _shown(answer)]
    given = [one for one in shown if one[2].source is not Source.DEFAULT]
    console.print(Text("\nOptions" if given else "\nNo option is set.", "bold"))
    for option, value, origin in given:
        _lines(console, _written(option, value, width))
        _lines(console, wrapped(str(origin), width, "      "), "cyan")
    console.print(Text("\nDefaults", "bold"))
    empty: list[str] = []
    for option, value, origin in shown:
        if origin.source is not Source.DEFAULT:
            continue
        if option.kind.write(value) in {'""', "[]", "{}"}:
            empty.append(option.name)
        else:
            _lines(console, _written(option, value, width), "dim")
    if empty:
        _lines(console, wrapped(f"empty: {', '.join(empty)}", width, "  ", "    "), "dim")


def _print_past(console: "Console", past: "CacheHistory", width: int | None) -> None:
    from rich.text import Text

    from matrix_runner.cache.cache_history import shown_changes

    console.print(Text("\nCache", "bold"))
    _lines(console, wrapped(past.text, width, "  "))
    for change in shown_changes(past.changes):
        _lines(console, wrapped(change, width, "    ", "      "), "yellow")


def _lines(console: "Console", lines: list[str], style: str = "") -> None:
    from rich.text import Text

    for line in lines:
        console.print(Text(line, style), soft_wrap=True)


def _written(option: "Option[object]", value: object, width: int | None) -> list[str]:
    """Return the lines for an option with its value, in the most readable TOML spelling."""
    if isinstance(value, str) and "\n" in value.strip():
        return [f"  {option.name} =", *(f"    | {line}" for line in value.strip("\n").split("\n"))]
    written = option.kind.write(value)
    plain = loads(f"value = {written}")["value"]
    if isinstance(plain, str) and '"' in plain and "'" not in plain and plain.isprintable():
        written = f"'{plain}'"
    return wrapped(f"{option.name} = {written}", width, "  ", "    ")
