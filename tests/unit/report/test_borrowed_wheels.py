"""A cell that another one's wheel serves has no wheel of its own, and every view says whose it is."""

import io
from pathlib import Path

import pytest
from msgspec.structs import replace
from report_story import CP39, CP311, DIRECTORIES, passed

from matrix_runner.model.events import CellFinished, CellStarted, RunStarted
from matrix_runner.model.outcomes import Outcome, Report, Status, StepKind, StepTime
from matrix_runner.report.cell_logs import CellLogs
from matrix_runner.report.console.board import UNICODE, Viewport, board_lines
from matrix_runner.report.console.plain_console import PlainConsole
from matrix_runner.report.console.printed_log import PlainStyle
from matrix_runner.report.console.run_progress import RunProgress
from matrix_runner.report.summary.markdown_summary import markdown_summary
from matrix_runner.report.summary.text_summary import summary_lines

BORROWER = Outcome(cell=CP311, status=Status.PASSED, seconds=3.0, reused_from=CP39)
TESTED = replace(BORROWER, steps=(StepTime(kind=StepKind.TEST, seconds=2.0),))
WORDS = f"the wheel of {CP39} serves it too"


@pytest.mark.parametrize(("outcome", "words"), [(BORROWER, WORDS), (TESTED, f"{WORDS}, tested here")])
def test_every_view_says_whose_wheel_it_is(outcome: Outcome, words: str, tmp_path: Path) -> None:
    """Summary, step summary, plain console and live table name the builder, and claim a test only if there was one."""
    report = Report(run="r", outcomes=(passed(CP39), outcome), seconds=5.0)
    stream, progress = io.StringIO(), RunProgress()
    console = PlainConsole(stream, CellLogs(tmp_path), PlainStyle())
    for event in (
        RunStarted(at=0.0, run="r", cells=(CP39, CP311), workers=1),
        CellStarted(at=0.0, cell=CP311),
        CellFinished(at=3.0, outcome=outcome),
    ):
        console.handle(event)
        progress.handle(event)
    room = Viewport(width=140, height=20, glyphs=UNICODE)
    views = (
        "\n".join(summary_lines(report, directories=DIRECTORIES)),
        markdown_summary(report, directories=DIRECTORIES).replace("\\_", "_"),
        stream.getvalue(),
        "\n".join(line.plain for line in board_lines(progress.cells, 3.0, room)),
    )
    for view in views:
        (line,) = (line for line in view.splitlines() if WORDS in line)
        assert words in line
        assert ("tested here" in line) is ("tested here" in words)
    assert "1 wheel " in views[0]
