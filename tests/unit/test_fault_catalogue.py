"""The catalogue of faults: every row has its test, every test its row, and the page is made of what was seen."""

import re

from fault_catalogue import DIRECTORY, ENGINES, chapters, page
from runner_process import REPOSITORY

ROWS = [row for chapter in chapters() for row in chapter.rows]
MARK = re.compile(r"@pytest\.mark\.row\((\d+)\)")


def test_every_row_has_a_test() -> None:
    """The numbers count from one, and each is the mark of a test; there are no others."""
    marked = {int(number) for file in DIRECTORY.glob("test_*.py") for number in MARK.findall(file.read_text("utf-8"))}
    assert [row.number for row in ROWS] == list(range(1, len(ROWS) + 1))
    assert marked == {row.number for row in ROWS}


def test_the_page_is_what_was_seen() -> None:
    """`make faults` sees, `make reference` writes."""
    assert (REPOSITORY / "docs" / "reference" / "faults.md").read_text("utf-8") == page()


def test_the_page_has_every_row_and_engine() -> None:
    """A line each, and a column each."""
    lines = page().splitlines()
    assert [line.split(" | ")[0] for line in lines if re.match(r"\| \d", line)] == [f"| {row.number}" for row in ROWS]
    (header, *_) = [line for line in lines if line.startswith("| # ")]
    assert header.count("|") == 4 + len(ENGINES)
