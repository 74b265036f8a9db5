"""What changed from one run to another."""

import pytest
from msgspec.structs import replace
from report_story import CP39, CP311, failed, passed

from matrix_runner.model.outcomes import Outcome, Report, Status, WheelNeeds
from matrix_runner.report.page.comparison import compare


def changes(now: Outcome, before: Outcome) -> list[tuple[str, str]]:
    """Return kind and text of each change from one outcome of a cell to another."""
    found = compare(Report(run="b", outcomes=(now,), seconds=1), Report(run="a", outcomes=(before,), seconds=1))
    return [(str(change.kind), change.text) for change in found]


def wheel(size: int = 100_000, libc: str = "2.17", *symbols: str) -> Outcome:
    """Return the outcome of a cell with a wheel of a size and needs."""
    outcome = passed(CP39)
    assert outcome.wheel is not None
    return replace(outcome, wheel=replace(outcome.wheel, size=size, needs=WheelNeeds(libc=libc, symbols=symbols)))


def test_equal_runs_have_no_changes() -> None:
    """Apart from chance."""
    assert changes(passed(CP39), passed(CP39, 43.0)) == []
    assert changes(wheel(100_500), wheel(100_000)) == []


def test_a_cell_that_fails_now_and_one_that_passes() -> None:
    """The former with its cause."""
    assert changes(failed(CP39, "no\nheader"), passed(CP39)) == [("fails now", "in build (command): no header")]
    assert changes(passed(CP39), failed(CP39)) == [("passes now", "failed in build (command)")]
    assert changes(failed(CP39), failed(CP39, "other")) == []


@pytest.mark.parametrize(
    ("now", "before", "told"),
    [
        (60.0, 40.0, [("slower", "40s to 1m00s")]),
        (40.0, 60.0, [("faster", "1m00s to 40s")]),
        # Twice as long, and chance all the same.
        (2.0, 1.0, []),
        (110.0, 100.0, []),
    ],
)
def test_times_of_cells_that_ran_in_both(now: float, before: float, told: list[tuple[str, str]]) -> None:
    """By a quarter and three seconds."""
    assert changes(passed(CP39, now), passed(CP39, before)) == told


def test_a_cell_from_the_cache_is_not_faster() -> None:
    """It did not run."""
    assert changes(replace(passed(CP39, 0.1), status=Status.CACHED), passed(CP39)) == []


def test_larger_and_smaller_wheels() -> None:
    """With both sizes."""
    assert changes(wheel(200 * 1024), wheel(100 * 1024)) == [("larger", "100.0 KiB to 200.0 KiB")]
    assert changes(wheel(100 * 1024), wheel(200 * 1024)) == [("smaller", "200.0 KiB to 100.0 KiB")]


def test_needs_that_rose_and_fell_are_compared_by_number() -> None:
    """2.14 is newer than 2.4, and a kind that is new has risen."""
    now = wheel(100_000, "2.28", "GLIBC_2.14", "GLIBCXX_3.4.21")
    before = wheel(100_000, "2.17", "CXXABI_1.3", "GLIBC_2.4")
    assert changes(now, before) == [
        ("needs more", "C library: 2.17 to 2.28; GLIBC: 2.4 to 2.14; GLIBCXX: none to 3.4.21"),
        ("needs less", "CXXABI: 1.3 to none"),
    ]


def test_cells_that_are_new_or_gone() -> None:
    """Failures first, whatever the order of the plan."""
    now = Report(run="b", outcomes=(passed(CP311),), seconds=1)
    before = Report(run="a", outcomes=(passed(CP39),), seconds=1)
    assert [(str(each.kind), each.cell) for each in compare(now, before)] == [("new", CP311), ("gone", CP39)]
