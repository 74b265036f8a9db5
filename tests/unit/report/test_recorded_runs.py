"""Six real runs, recorded as events: what people and CI systems see of each, word for word."""

from html.parser import HTMLParser
from pathlib import Path

import pytest
from junitparser import JUnitXml
from recorded_renderings import NAMES, SNAPSHOTS, WIDTHS, events_of, renderings, report_directory

from matrix_runner.model.events import RunStarted
from matrix_runner.report.run_reading import read_run
from matrix_runner.report.summary.report_writers import rendered


def test_there_are_six() -> None:
    """All passed; a compiler error; a failing test; interrupted; half cached; an engine that restarted."""
    assert NAMES == ("compiler-error", "failing-test", "half-cached", "interrupted", "passed", "restarted")


@pytest.mark.parametrize("name", NAMES)
def test_renderings_are_as_they_were_looked_at(name: str) -> None:
    """Boards at three widths, each CI system's log, the summary, Markdown and JUnit."""
    shown = renderings(name)
    kept = {path.stem: path.read_text("utf-8") for path in (SNAPSHOTS / name).iterdir()}
    assert shown == kept, "python tests/support/recorded_renderings.py writes them anew: look at what changes"


@pytest.mark.parametrize("name", NAMES)
def test_no_board_leaves_its_terminal(name: str) -> None:
    """Whatever happened."""
    for width in WIDTHS:
        text = (SNAPSHOTS / name / f"board-{width}.txt").read_text("utf-8")
        assert max(map(len, text.splitlines())) <= width


@pytest.mark.parametrize("name", NAMES)
def test_the_page_has_every_cell(name: str, tmp_path: Path) -> None:
    """Every cell of the run by its name, and well-formed: each tag is closed."""
    html = rendered(read_run(report_directory(name, tmp_path)), "html").decode()
    started = next(event for event in events_of(name) if isinstance(event, RunStarted))
    assert all(str(cell) in html for cell in started.cells)

    class Tags(HTMLParser):
        open: list[str]

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            del attrs
            if tag not in {"meta", "link", "br", "hr", "input", "img", "wbr"}:
                self.open.append(tag)

        def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            """Do nothing: it is closed."""

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag

    tags = Tags()
    tags.open = []
    tags.feed(html)
    tags.close()
    assert tags.open == []


@pytest.mark.parametrize("name", NAMES)
def test_junit_is_read_by_another_reader(name: str, tmp_path: Path) -> None:
    """A suite for each cell, and its numbers are right."""
    file = tmp_path / "junit.xml"
    report = tmp_path / "report"
    report.mkdir()
    file.write_bytes(rendered(read_run(report_directory(name, report)), "junit"))
    suites = list(JUnitXml.fromfile(str(file)))
    started = next(event for event in events_of(name) if isinstance(event, RunStarted))
    assert [suite.name for suite in suites] == [str(cell) for cell in started.cells]
    assert all(suite.tests == len(list(suite)) for suite in suites)
