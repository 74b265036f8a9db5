"""The logs in a page: of each step as much as there is room for."""

from pathlib import Path

import pytest
from large_run import large_report, write_logs
from report_story import CP39, failed

from matrix_runner.report.page.page_logs import page_logs, shares


@pytest.mark.parametrize(
    ("sizes", "most", "given"),
    [
        ([], 100, ()),
        ([10, 20, 30], 100, (10, 20, 30)),
        ([10, 1000, 1000], 200, (10, 90, 100)),
        # What the last one leaves, others have, and the other way round.
        ([1000, 1000, 4], 204, (100, 100, 4)),
        ([10, 10, 1000], 200, (10, 10, 180)),
    ],
)
def test_room_is_shared(sizes: list[int], most: int, given: tuple[int, ...]) -> None:
    """The last step, where a cell fails, has half of it."""
    assert shares(sizes, most) == given


def test_the_end_of_a_long_step_is_kept_and_its_header(tmp_path: Path) -> None:
    """Whole lines of it, safe for a page."""
    body = b"\x1b[31mred\x1b[0m\n" + b"word\n" * 200_000 + b"the error\n"
    (tmp_path / f"{CP39}.log").write_bytes(b"=== build: make\n" + body)
    (log,) = page_logs([failed(CP39)], tmp_path)[str(CP39)]
    lines = log.text.splitlines()
    assert lines[0] == "=== build: make"
    assert lines[-1] == "the error"
    assert set(lines[1:-1]) == {"word"}
    assert log.title == "build: make"
    assert log.left_out == len(body) - sum(len(line) + 1 for line in lines[1:])


def test_the_logs_of_a_large_run_stay_small_enough_for_a_page(tmp_path: Path) -> None:
    """Whatever their number."""
    report = large_report(1000)
    write_logs(report, tmp_path, lines=2000)
    shown = page_logs(report.outcomes, tmp_path)
    assert sum(len(log.text) for logs in shown.values() for log in logs) < 6 * 1024**2


def test_a_cell_without_a_log_has_none_in_the_page(tmp_path: Path) -> None:
    """It ran no command."""
    assert page_logs([failed(CP39)], tmp_path) == {str(CP39): ()}
