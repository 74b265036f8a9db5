"""`runner inspect`: distributions on which a wheel installs, and the obstacles to older ones. Needs no engine."""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from matrix_runner.errors import ExitCode, WheelRejected

if TYPE_CHECKING:
    from matrix_runner.policy import Analysis, Paragraph

_COLOURS = {"label": "cyan", "warning": "yellow"}
_WHERE_THERE_IS_NONE = (120, 24)
"""Columns and lines of the layout if the output is no terminal."""


@click.command(short_help="Say where a wheel can be installed, and what holds it back.")
@click.argument("wheels", nargs=-1, required=True, metavar="WHEEL...", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="All that is known, for machines.")
@click.option(
    "--verbose", "-v", is_flag=True, help="Every file, and everything that stands in the way of older systems."
)
def inspect(wheels: tuple[Path, ...], *, as_json: bool, verbose: bool) -> ExitCode:
    """Say where a wheel can be installed, and what holds it back.

    For each wheel: the distributions that it installs on; the symbols, of which library and in which file, that keep
    it from older ones; the libraries that it brings and those that it expects to find. Nothing of it is run.

    The exit code is 2 if one of them could not be read; the others are shown all the same.

    \b
      runner inspect wheelhouse/*.whl
      runner inspect --verbose dist/demo-1.0-cp311-cp311-linux_x86_64.whl
    """
    from matrix_runner.catalog.distributions import load_distributions
    from matrix_runner.policy import describe, inspection_document

    distributions = load_distributions()
    refused: list[WheelRejected] = []
    records = []
    for analysis in _read(wheels, refused):
        if as_json:
            records.append(inspection_document(analysis, distributions))
        else:
            _show(analysis.wheel.contents.filename, describe(analysis, distributions, verbose=verbose))
    if as_json:
        click.echo(json.dumps({"version": 1, "wheels": records}, indent=2))
    for error in refused:
        click.echo(f"error: {error.message}", err=True)
        if error.hint:
            click.echo(f"hint: {error.hint}", err=True)
    return ExitCode.USAGE if refused else ExitCode.OK


def _read(wheels: tuple[Path, ...], refused: list[WheelRejected]) -> Iterator["Analysis"]:
    """Read the wheels one by one; append the errors of unreadable ones to `refused`."""
    from matrix_runner.catalog.policies import load_policies
    from matrix_runner.policy import analyse, read_wheel

    policies = load_policies()
    for wheel in wheels:
        try:
            yield analyse(read_wheel(wheel), policies)
        except WheelRejected as error:  # noqa: PERF203  as many iterations as wheels
            refused.append(error)


def _show(title: str, lines: tuple["Paragraph", ...]) -> None:
    """Print a wheel's lines with their labels in a margin."""
    from matrix_runner.policy import lay_out
    from matrix_runner.report.terminal import LineWriter, wants_colour

    def styled(text: str, style: str) -> str:
        return click.style(text, fg=_COLOURS.get(style), bold=True if style == "title" else None) if colour else text

    colour = wants_colour(os.environ, is_terminal=sys.stdout.isatty())
    width = shutil.get_terminal_size(_WHERE_THERE_IS_NONE).columns
    writer = LineWriter(sys.stdout)
    writer.write(styled(title, "title"))
    for line, margin, text in lay_out(lines, width):
        style = "warning" if line.is_warning else "title" if line is lines[0] else ""
        writer.write(styled(margin, "label") + styled(text, style))
    writer.write("")
