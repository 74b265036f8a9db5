"""`runner logs`: the logs of the last run, or of the one that is going on; whole, by step, or as they are written."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from matrix_runner.cli.wiring.cell_completion import cells_of_last_run
from matrix_runner.cli.wiring.report_place import REPORT_DIR_FLAG, report_dir_of
from matrix_runner.errors import UsageError
from matrix_runner.model.outcomes import StepKind

if TYPE_CHECKING:
    from matrix_runner.report.recorded_run import RecordedRun

_STEPS = tuple(str(kind) for kind in StepKind)


@click.command(short_help="Show the logs of the last run, or of the one that is going on.")
@click.argument("cells", nargs=-1, metavar="[CELL]...", shell_complete=cells_of_last_run)
@click.option("--step", type=click.Choice(_STEPS), metavar="STEP", help=f"Only this step: {', '.join(_STEPS)}.")
@click.option("--failed", is_flag=True, help="The logs of all cells that failed.")
@click.option("--follow", "-f", is_flag=True, help="Go on as the log is written, until the cell ends.")
@click.option("--raw", is_flag=True, help="As the commands wrote it, also what a terminal would act on.")
@REPORT_DIR_FLAG
def logs(  # noqa: PLR0913  each is a flag
    cells: tuple[str, ...], *, step: str | None, failed: bool, follow: bool, raw: bool, report_dir: Path | None
) -> None:
    """Show the logs of the last run in this directory, or of the one that is going on.

    CELL is an identifier, or a pattern such as 'cp313*'. Without one: which logs there are, and of what.

    \b
      runner logs
      runner logs cp311-manylinux_x86_64 --step build
      runner logs --failed
      runner logs cp311-manylinux_i686 --follow
    """
    from matrix_runner.report.recorded_run import RecordedRun

    run = RecordedRun(report_dir_of(report_dir))
    if not cells and not failed:
        if step or follow:
            raise UsageError("--step and --follow are about a cell's log", hint=f"one of {run.some_cells()}")
        _list(run)
        return
    chosen = run.matching(cells) if cells else run.failed()
    if not chosen and failed:
        click.echo("no cell failed")
    if follow and len(chosen) > 1:
        raise UsageError(f"--follow shows one cell, and {len(chosen)} match", hint="name one of them")
    for number, cell in enumerate(chosen):
        if len(chosen) > 1:
            click.echo(f"{'' if number == 0 else chr(10)}==> {run.log(cell)} <==")
        _show(run.followed(cell) if follow else run.read(cell, step), is_raw=raw)


def _list(run: "RecordedRun") -> None:
    from matrix_runner.report.terminal import LineWriter

    LineWriter(sys.stdout).write(*run.overview())


def _show(chunks: Iterator[bytes], *, is_raw: bool) -> None:
    from matrix_runner.report.sanitize import Sanitizer
    from matrix_runner.report.terminal import LineWriter, wants_colour

    if is_raw:
        stream = sys.stdout.buffer
        for chunk in chunks:
            stream.write(chunk)
            stream.flush()
        return
    out = LineWriter(sys.stdout)
    sanitizer = Sanitizer(colour=wants_colour(os.environ, is_terminal=sys.stdout.isatty()))
    for chunk in chunks:
        out.write(*sanitizer.feed(chunk))
    out.write(*sanitizer.finish())
