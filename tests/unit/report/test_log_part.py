"""The part of a log that a console prints."""

from pathlib import Path

import pytest
from report_story import CP39

from matrix_runner.model.events import Output
from matrix_runner.report.cell_logs import CellLogs
from matrix_runner.report.ci.circleci import CircleciLog
from matrix_runner.report.ci.log_syntax import PlainLog
from matrix_runner.report.console.log_budget import LogBudget
from matrix_runner.report.console.log_part import LogPart, LogReader


def end_of(directory: Path, data: bytes, *, most: int | None = None, room: int | None = None) -> LogPart:
    """Return the end of a log with this output."""
    logs = CellLogs(directory)
    logs.handle(Output(at=0.0, cell=CP39, data=data))
    logs.close()
    return LogReader(logs=logs, budget=LogBudget(PlainLog()), colour=False).end(CP39, most=most, room=room)


NUMBERS = "".join(f"{number}\n" for number in range(100)).encode()


@pytest.mark.parametrize(
    ("most", "room", "count", "is_whole", "is_short"),
    [
        (200, None, 100, True, False),
        (100, None, 100, True, False),
        (10, None, 10, False, False),
        (10, 10_000, 10, False, False),
        (10, 20, 2, False, True),
        (None, 10_000, 100, True, False),
        (None, 20, 2, False, True),
        (None, 0, 0, False, True),
        (10, 0, 0, False, True),
    ],
)
def test_the_last_lines_that_fit_are_printed(
    tmp_path: Path, most: int | None, room: int | None, count: int, *, is_whole: bool, is_short: bool
) -> None:
    """As many as asked for, as far as there is room, and whether others were left out for the latter."""
    part = end_of(tmp_path, NUMBERS, most=most, room=room)
    lines = tuple(f"  | {number}" for number in range(100 - count, 100))
    assert part == LogPart(lines=lines, is_whole=is_whole, is_short=is_short)


def test_no_line_begins_in_its_middle(tmp_path: Path) -> None:
    """Of a log of very long lines, the first that is read has lost its beginning, and is not printed."""
    data = b"".join(b"%d " % number + b"x" * 300_000 + b"\n" for number in range(8))
    part = end_of(tmp_path, data, most=200)
    assert [line[:6] for line in part.lines] == ["  | 5 ", "  | 6 ", "  | 7 "]
    assert not part.is_whole


def test_shares_of_a_limit_go_to_passing_logs_first_and_never_to_all() -> None:
    """Passing logs may take half of a run's part, failures seven eighths; who comes late finds what others left."""
    budget = LogBudget(CircleciLog())
    assert (budget.of_passing(3), budget.of_failure(1)) == (50_000, 262_500)
    budget.spend(["x" * 99_999])
    assert (budget.of_passing(2), budget.of_failure(2)) == (25_000, 81_250)
    budget.spend(["x" * 200_000])
    assert (budget.of_passing(1), budget.of_failure(1)) == (0, 0)
    assert LogBudget(PlainLog()).of_failure(1) is None
