"""`runner report`: the report of a run again, in any of its forms, here or downloaded; what changed since another."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from matrix_runner.cli.wiring.report_place import report_dir_of
from matrix_runner.errors import OutputError, UsageError

if TYPE_CHECKING:
    from matrix_runner.report.summary.report_writers import FinishedRun

_FORMATS = ("text", "md", "html", "junit", "json")


@click.command(short_help="Show the report of a run again, as text, page, Markdown or JUnit; compare two.")
@click.argument("run", required=False, type=click.Path(path_type=Path), metavar="[RUN]")
@click.option("--format", "form", type=click.Choice(_FORMATS), help="Default: text, for reading here.")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Where to write it; default: standard output.",
)
@click.option(
    "--compare", type=click.Path(path_type=Path), metavar="OLD", help="Also tell what changed since that run."
)
@click.option("--open", "is_opened", is_flag=True, help="Show the page in a browser.")
def report(run: Path | None, *, form: str | None, output: Path | None, compare: Path | None, is_opened: bool) -> None:
    """Show the report of the last run in this directory, or of RUN.

    RUN and OLD are report directories, such as one downloaded from CI, or a report.json or events.jsonl.

    \b
      runner report
      runner report --open
      runner report downloaded/wheelhouse-report --compare wheelhouse-report
      runner report --format junit --output junit.xml
    """
    from msgspec.structs import replace

    from matrix_runner.report.run_reading import read_run

    path = report_dir_of(run) if run is None else run
    finished = read_run(path)
    if compare is not None:
        finished = replace(finished, earlier=read_run(compare).report)
    if is_opened:
        if form not in {None, "html"}:
            raise UsageError("--open shows the page, which is --format html")
        _open(finished, output or (path if path.is_dir() else path.parent) / "report.html")
        return
    _write(finished, form or "text", output)


def _open(finished: "FinishedRun", target: Path) -> None:
    import webbrowser

    _write(finished, "html", target)
    address = target.absolute().as_uri()
    if not webbrowser.open(address):
        click.echo(f"no browser could be started; the page is {address}")


def _write(finished: "FinishedRun", form: str, output: Path | None) -> None:
    from matrix_runner.report.summary.report_writers import rendered

    if form == "text" and output is None:
        _print(finished)
        return
    data = rendered(finished, form)
    if output is None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    try:
        output.write_bytes(data)
    except OSError as error:
        raise OutputError(
            f"cannot write {output}: {error.strerror}", hint="Name another file with --output."
        ) from error


def _print(finished: "FinishedRun") -> None:
    from matrix_runner.report.summary.report_writers import text_lines
    from matrix_runner.report.terminal import LineWriter, columns_of, wants_colour

    colour = wants_colour(os.environ, is_terminal=sys.stdout.isatty())
    LineWriter(sys.stdout).write(*text_lines(finished, colour=colour, width=columns_of(sys.stdout)))
