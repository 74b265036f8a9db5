"""The live table of `runner watch`: what stays, what gives way, and what is told once."""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from report_story import CP39, CP311, failed, passed

from matrix_runner.model.events import CellFinished, Event, Notice, RunFinished, RunStarted, Tick
from matrix_runner.report.cell_logs import CellLogs
from matrix_runner.report.console.live_table import make_console
from matrix_runner.report.console.staying_table import StayingTable

RESTING = "watching 3 files"


class _Terminal(io.StringIO):
    """A terminal that remembers all that is sent to it."""

    def isatty(self) -> bool:
        return True


class Shown:
    """A table on a terminal of 80 columns."""

    def __init__(self, directory: Path, lines: int = 24) -> None:
        self.stream = _Terminal()
        environ = {"TERM": "xterm-256color", "COLUMNS": "80", "LINES": str(lines), "NO_COLOR": "1"}
        self.table = StayingTable(make_console(self.stream, environ))
        self._logs = CellLogs(directory)

    def run(self, *events: Event) -> None:
        """Have a run of two cells with these events, and rest after it."""
        with self.table.follow(self._logs) as listener:
            for event in (RunStarted(at=0, run="r", cells=(CP39, CP311), workers=2), *events):
                listener.handle(event)
            listener.handle(RunFinished(at=9, exit_code=0))
            listener.close()
        self.table.rest(RESTING)

    def since(self, begin: int = 0) -> str:
        """Return what was shown since so many characters, without escape sequences."""
        return re.sub("\x1b\\[[0-9;?]*[A-Za-z]", "", self.stream.getvalue()[begin:])

    @property
    def last(self) -> list[str]:
        """The lines of the last drawing."""
        text = self.since().replace("\r", "\n")
        return [line.rstrip() for line in text.rpartition("\n\n✔")[2].splitlines() if line.strip()]


@pytest.fixture(name="shown")
def _shown(tmp_path: Path) -> Iterator[Shown]:
    shown = Shown(tmp_path)
    yield shown
    shown.table.leave()


def test_it_stays_with_what_is_waited_for(shown: Shown) -> None:
    """After a run its cells are in sight, and the line below says what comes next."""
    shown.run(CellFinished(at=1, outcome=passed(CP39)), CellFinished(at=2, outcome=failed(CP311)))
    assert shown.last[-1] == RESTING
    assert "2 of 2 cells done, 1 failed" in shown.last[-2]
    assert any(line.startswith("✘ cp311-manylinux_x86_64  failed") for line in shown.last)


def test_the_next_run_begins_with_rows_of_its_own(shown: Shown) -> None:
    """Nothing of the last one is taken for its own."""
    shown.run(CellFinished(at=1, outcome=passed(CP39)), CellFinished(at=2, outcome=failed(CP311)))
    begin = len(shown.stream.getvalue())
    shown.table.rest("")
    with shown.table.follow(CellLogs(Path("/nonexistent"))) as listener:
        listener.handle(RunStarted(at=0, run="s", cells=(CP39, CP311), workers=2))
        listener.handle(Tick(at=1))
    text = shown.since(begin)
    assert "0 of 2 cells done, 2 queued" in text
    assert "failed" not in text.rpartition("· cp39")[2]


def test_a_notice_is_told_once(shown: Shown) -> None:
    """Each run would have the same again; a new one is told."""
    for words in ("one", "one", "two"):
        shown.run(Notice(at=0, text=f"notice {words}"))
    assert [shown.since().count(f"notice {words}") for words in ("one", "two")] == [1, 1]


def test_what_is_said_stands_above(shown: Shown) -> None:
    """It scrolls by, and the table is drawn again below it."""
    shown.run(CellFinished(at=1, outcome=passed(CP39)))
    shown.table.say("src/demo.c changed")
    text = shown.since()
    assert text.rindex("src/demo.c changed") < text.rindex(RESTING)


def test_it_is_left_in_order(shown: Shown) -> None:
    """The table remains, without what is waited for, and the cursor is shown again."""
    shown.run(CellFinished(at=1, outcome=passed(CP39)))
    begin = len(shown.stream.getvalue())
    shown.table.leave()
    assert "1 of 2 cells done" in shown.since(begin)
    assert RESTING not in shown.since(begin)
    assert shown.stream.getvalue().rfind("\x1b[?25h") > shown.stream.getvalue().rfind("\x1b[?25l")


def test_before_the_first_run_there_are_words_alone(shown: Shown) -> None:
    """As where the configuration has a mistake from the beginning."""
    shown.table.say("pyproject.toml:3: a mistake")
    shown.table.rest("watching 1 file")
    text = shown.since()
    assert text.index("a mistake") < text.index("watching 1 file")
    assert "cells done" not in text


@pytest.mark.parametrize("lines", [1, 2, 4, 6])
def test_a_low_terminal(tmp_path: Path, lines: int) -> None:
    """The line below takes one of the table's, so that nothing scrolls."""
    shown = Shown(tmp_path, lines)
    shown.run(CellFinished(at=1, outcome=passed(CP39)))
    # A drawing moves up by one line less than it has.
    moves = shown.stream.getvalue().count("\x1b[1A")
    shown.table.rest(RESTING)
    assert shown.stream.getvalue().count("\x1b[1A") - moves < max(lines, 2)
    shown.table.leave()
