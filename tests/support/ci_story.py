"""A run in which much happens, told as events, and what the console prints of it on each CI system.

`python tests/support/ci_story.py` writes the snapshots anew.
"""

import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec.structs import replace
from report_story import failed, passed

from matrix_runner.config.kinds.values import LogFolds
from matrix_runner.model.cells import Cell
from matrix_runner.model.events import (
    CellFinished,
    CellStarted,
    Event,
    Notice,
    Output,
    RunFinished,
    RunStarted,
    StepStarted,
    Tick,
)
from matrix_runner.model.outcomes import Failure, Outcome, Place, Reason, Status, StepKind
from matrix_runner.report.cell_logs import CellLogs
from matrix_runner.report.ci.detection import log_syntax
from matrix_runner.report.console.plain_console import PlainConsole
from matrix_runner.report.console.printed_log import PlainStyle, Sources

SYSTEMS = tuple(system for system in LogFolds if system is not LogFolds.AUTO)
SNAPSHOTS = Path(__file__).parents[1] / "unit" / "report" / "ci_logs"
CP310, CP311, CP312, CP313, PP311, LAST = CELLS = tuple(
    map(
        Cell.parse,
        (
            "cp310-manylinux_x86_64",
            "cp311-manylinux_x86_64",
            "cp311-manylinux_i686",
            "cp313-manylinux_x86_64",
            "pp311-manylinux_x86_64",
            "cp313t-musllinux_aarch64",
        ),
    )
)


def printed(events: Iterable[Event], style: PlainStyle) -> str:
    """Return what the console prints of a run."""
    stream = io.StringIO()
    with TemporaryDirectory() as directory:
        logs = CellLogs(Path(directory))
        sources = Sources(unix_time=lambda: 1700000000.5, token=lambda: "SECRET")
        console = PlainConsole(stream, logs, style, sources)
        for event in events:
            logs.handle(event)
            console.handle(event)
        console.close()
        logs.close()
        return stream.getvalue().replace(directory, "LOGS")


def style_of(system: LogFolds, *, verbose: bool = False, quiet: bool = False, colour: bool = False) -> PlainStyle:
    """Return the format of a system, of a project in the directory `python` of its repository."""
    return PlainStyle(syntax=log_syntax(system), verbose=verbose, quiet=quiet, colour=colour, prefix=lambda: "python")


def lines_of(cell: Cell, at: float, *lines: str) -> Output:
    """Return output of a cell."""
    return Output(at=at, cell=cell, data="".join(f"{line}\n" for line in lines).encode())


def story() -> Iterator[Event]:
    """Tell the run: two cells lack the same header, one fails its test, one has no image, two are good."""
    yield RunStarted(at=0.0, run="r1", cells=CELLS, workers=4)
    yield Notice(at=0.1, text="the images are three months old")
    yield CellFinished(at=0.2, outcome=_cached(PP311))
    yield CellFinished(at=0.3, outcome=_without_image(LAST))
    for cell in (CP310, CP311, CP312, CP313):
        yield CellStarted(at=1.0, cell=cell)
        yield StepStarted(at=2.0, cell=cell, kind=StepKind.BUILD, command="python -m build --wheel")
    yield Tick(at=61.5)
    for cell in (CP311, CP312):
        yield lines_of(cell, 62.0, *(f"cc -c part{number}.c" for number in range(3)))
        yield lines_of(
            cell, 63.0, "src/demo.c:3:10: fatal error: lz4.h: No such file or directory", "compilation terminated."
        )
        yield CellFinished(at=64.0, outcome=_without_header(cell))
    for cell in (CP310, CP313):
        yield Notice(at=65.0, cell=cell, text=f"the wheel of {cell} grew:\nfrom 1 KiB to 2 KiB", is_warning=True)
    yield lines_of(CP310, 66.0, *(f"test_{number} ... ok" for number in range(40)))
    yield StepStarted(at=66.5, cell=CP313, kind=StepKind.TEST, command="pytest")
    yield CellFinished(at=67.0, outcome=passed(CP310, 65.0))
    yield lines_of(CP313, 68.0, "::error::forged", "##teamcity[forged]", "+++ forged", "test_demo ... FAILED")
    yield CellFinished(at=69.0, outcome=_without_success(CP313))
    yield RunFinished(at=70.0, exit_code=1)


def _cached(cell: Cell) -> Outcome:
    return replace(passed(cell), status=Status.CACHED, seconds=0.1, steps=())


def _without_image(cell: Cell) -> Outcome:
    failure = Failure(
        step=StepKind.PREPARE, reason=Reason.ENGINE, message="no registry answers", hint="See `runner doctor`."
    )
    return Outcome(cell=cell, status=Status.FAILED, failure=failure)


def _without_header(cell: Cell) -> Outcome:
    python = cell.interpreter
    message = f"python{python.major}.{python.minor} setup.py: fatal error: lz4.h: No such file or directory"
    outcome = failed(cell, message, "before-all could install lz4-devel")
    assert outcome.failure is not None
    return replace(outcome, failure=replace(outcome.failure, place=Place(path="src/demo.c", line=3, column=10)))


def _without_success(cell: Cell) -> Outcome:
    failure = Failure(step=StepKind.TEST, reason=Reason.TIMEOUT, message="`pytest` took longer than 60s")
    return Outcome(cell=cell, status=Status.FAILED, seconds=67.0, failure=failure, log=f"logs/{cell}.log")


def readable(text: str) -> str:
    """Return a log with its control characters spelt out, as in the snapshots."""
    return text.replace("\x1b", "\\e").replace("\r", "\\r")


if __name__ == "__main__":
    SNAPSHOTS.mkdir(exist_ok=True)
    for each in SYSTEMS:
        (SNAPSHOTS / f"{each}.txt").write_text(readable(printed(story(), style_of(each))), "utf-8")
