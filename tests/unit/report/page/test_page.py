"""The page as a file: self-contained, escaped, and complete without a script."""

import re
from html.parser import HTMLParser
from pathlib import Path

from large_run import EXTRA, large_report, write_logs
from msgspec.structs import replace
from report_story import CP39, CP311, failed, passed

from matrix_runner.errors import ExitCode
from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import Outcome, Report, ResultCounts, RunWarning, Status
from matrix_runner.report.page import page_html
from matrix_runner.report.summary.report_json import ReportExtra


class Elements(HTMLParser):
    """Collects the elements of a page and checks that they are closed."""

    def __init__(self, page: str) -> None:
        """Read the page."""
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.names.append(tag)
        self.attributes += attrs
        if tag not in {"meta", "input", "br"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element that closes itself."""
        self.names.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        """Require that it is the one that was opened last."""
        assert self.open.pop() == tag


def rendered(directory: Path, *outcomes: Outcome, extra: ReportExtra = EXTRA, earlier: Report | None = None) -> str:
    """Return the page of a run with these outcomes."""
    return page_html(Report(run="r1", outcomes=outcomes, seconds=60.0), extra, directory, earlier).decode()


def test_the_page_needs_nothing_else(tmp_path: Path) -> None:
    """No address is fetched: all that is linked are sections and the logs beside it."""
    report = large_report(60)
    write_logs(report, tmp_path)
    elements = Elements(page_html(report, EXTRA, tmp_path, None).decode())
    assert elements.open == []
    links = {value or "" for name, value in elements.attributes if name in {"href", "src", "srcset", "data"}}
    assert links
    assert all(link.startswith("#") or re.fullmatch(r"logs/[\w.-]+\.log", link) for link in links)


def test_text_of_a_run_cannot_become_markup(tmp_path: Path) -> None:
    """Not from messages, names or logs."""
    hostile = "</pre></script><script>alert(1)</script><img src=x onerror=alert(1)>\"'&"
    (tmp_path / f"{CP39}.log").write_text(f"=== build: {hostile}\n{hostile}\n")
    outcome = failed(CP39, hostile, hint=hostile)
    extra = ReportExtra(tool_version=hostile, started=hostile, project=hostile, left_out=((CP311, hostile),))
    elements = Elements(rendered(tmp_path, outcome, extra=extra))
    assert elements.names.count("script") == 1
    assert "img" not in elements.names
    assert not any(name.startswith("on") for name, _ in elements.attributes)


def test_failures_that_are_the_same_are_told_once_with_their_cells(tmp_path: Path) -> None:
    """Above all else; each cell's own section has it too."""
    page = rendered(tmp_path, failed(CP39, "no header"), failed(CP311, "no header"))
    failures = page[page.index('id="failures-title"') : page.index('id="matrix-title"')]
    assert failures.count("no header") == 1
    assert f'<a href="#{CP39}">{CP39}</a>, <a href="#{CP311}">{CP311}</a>' in failures


def test_the_verdict_is_that_of_the_exit_code(tmp_path: Path) -> None:
    """In words."""
    assert "all is well" in rendered(tmp_path, passed(CP39))
    assert "a cell failed" in rendered(tmp_path, failed(CP39))
    report = Report(run="r", outcomes=(passed(CP39),), seconds=1, interrupted_by=ExitCode.INTERRUPTED)
    assert b"interrupted" in page_html(report, EXTRA, tmp_path, None)


def test_time_that_the_cache_spared(tmp_path: Path) -> None:
    """The sum of what the cells took when they were built."""
    cached = replace(passed(CP39, 0.1), status=Status.CACHED, spared=100.0)
    page = rendered(tmp_path, cached, replace(cached, cell=CP311, spared=20.0))
    assert "2m00s, in 2 cells" in page


def test_changes_since_the_run_before(tmp_path: Path) -> None:
    """If there was one; that there are none is told too."""
    earlier = Report(run="r0", outcomes=(passed(CP39),), seconds=1.0)
    page = rendered(tmp_path, failed(CP39), earlier=earlier)
    assert "Changes since run r0" in page
    assert "fails now" in page
    assert "None worth telling" in rendered(tmp_path, passed(CP39), earlier=earlier)
    assert "Changes since" not in rendered(tmp_path, passed(CP39))


def test_where_a_wheel_installs(tmp_path: Path) -> None:
    """Distributions by name, for its C library and architecture."""
    page = page_html(large_report(1), EXTRA, tmp_path, None).decode()
    assert re.search(r"glibc 2\.17 or newer: from .*Debian.8", page)
    assert "libz-0a1b.so.1" in page


def test_an_empty_run_has_a_page(tmp_path: Path) -> None:
    """As of one that was interrupted before its first cell."""
    assert Elements(rendered(tmp_path)).open == []


def test_results_of_a_cells_tests(tmp_path: Path) -> None:
    """How many there are, and a link to their file."""
    counts = ResultCounts(tests=120, failures=2, errors=0, skipped=3)
    page = rendered(tmp_path, replace(passed(CP39), test_results=counts), passed(CP311))
    assert f'120 tests, 2 failed, 3 skipped (<a href="tests/{CP39}.xml">' in page
    assert f"tests/{CP311}.xml" not in page


def test_warnings_are_told_once_with_their_cells(tmp_path: Path) -> None:
    """The first few at once, the others after a click; text of theirs is no markup."""
    cells = [Cell.parse(f"cp3{minor}-manylinux_x86_64") for minor in range(9, 15)]
    warnings = [RunWarning(text="<b>of the run</b>")]
    warnings += [RunWarning(text=f"{cell} is odd: {cell.interpreter}", cell=cell) for cell in cells]
    warnings += [RunWarning(text=f"warning {chr(ord('a') + number)}", cell=cells[0]) for number in range(6)]
    report = Report(run="r1", outcomes=(passed(CP39),), seconds=60.0, warnings=tuple(warnings))
    page = page_html(report, EXTRA, tmp_path, None).decode()
    assert Elements(page).open == []
    section = page[page.index('id="warnings-title"') : page.index('id="matrix-title"')]
    assert section.count("<li>") == 8
    assert "<li>&lt;b&gt;of the run&lt;/b&gt;</li>" in section
    assert section.count(" is odd: ") == 1
    assert f'<a href="#{cells[3]}">{cells[3]}</a> and 2 more: {cells[0]} is odd' in section
    assert "<summary>2 more</summary>" in section
    assert 'id="warnings-title"' not in rendered(tmp_path, passed(CP39))
