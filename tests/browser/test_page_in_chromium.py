"""The page of a run in a real browser: it opens from a file, everybody can read it, and it stays quick when large."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from large_run import EXTRA, large_report, write_logs
from msgspec.structs import replace
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright
from report_story import CP39, CP311, failed, passed

from matrix_runner.model.outcomes import Report, ResultCounts, RunWarning
from matrix_runner.report.page import page_html

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, for all tests of this file."""
    with sync_playwright() as playwright:
        # As root, Chromium has no sandbox; the pages are ours.
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a run of three cells, of which one failed, compared with the run before."""
    directory = tmp_path_factory.mktemp("small")
    cells = (passed(CP39), failed(CP311, "exit status 1: no such header", "Install it."), *large_report(1).outcomes)
    cells = (replace(cells[0], test_results=ResultCounts(tests=9, failures=0, errors=0, skipped=2)), *cells[1:])
    warnings = (RunWarning(text="a general one"), *(RunWarning(text=f"odd {n}" + "x" * n, cell=CP39) for n in range(8)))
    report = Report(run="r1", outcomes=cells, seconds=60.0, workers=2, warnings=warnings)
    write_logs(report, directory / "logs")
    (directory / f"logs/{CP311}.log").write_text("=== build: make\n" + "word\n" * 500 + "the error\n")
    earlier = Report(run="r0", outcomes=(passed(CP39), passed(CP311)), seconds=60.0)
    path = directory / "report.html"
    path.write_bytes(page_html(report, EXTRA, directory / "logs", earlier))
    return path


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a run of 500 cells."""
    directory = tmp_path_factory.mktemp("large")
    report = large_report(500)
    write_logs(report, directory / "logs")
    path = directory / "report.html"
    path.write_bytes(page_html(report, EXTRA, directory / "logs", None))
    return path


def opened(browser: Browser, path: Path, scheme: str = "light", width: int = 1280) -> Page:
    """Open a page from its file; nothing may appear on the console."""
    dark = scheme == "dark"
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme="dark" if dark else "light")

    def refuse(message: ConsoleMessage) -> None:
        raise AssertionError(f"the console says: {message.text}")

    page.on("console", refuse)
    page.on("pageerror", lambda error: pytest.fail(f"the script failed: {error}"))
    page.goto(path.as_uri())
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_everybody_can_read_it(browser: Browser, small: Path, scheme: str, width: int) -> None:
    """No rule of axe-core is broken, with every cell open; the page fits the window."""
    page = opened(browser, small, scheme, width)
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    result = Axe().run(page)
    assert [rule["id"] for rule in result.response["violations"]] == [], result.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_headings_tell_the_order_of_the_page(browser: Browser, small: Path) -> None:
    """The verdict, failures and warnings first, then the matrix, the time, changes, the cells, and those left out."""
    page = opened(browser, small)
    assert page.locator("h1").inner_text() == "demo: 2 of 3 cells passed"
    assert page.locator("h2").all_inner_texts() == [
        "Failures",
        "Warnings",
        "Matrix",
        "Timeline",
        "Changes since run r0",
        "Cells",
        "Left out",
    ]


def test_the_keyboard_leads_to_a_failed_cell(browser: Browser, small: Path) -> None:
    """The first link skips to the cells, the next ones go to the cells that failed, whose log stands at its end."""
    page = opened(browser, small)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the cells"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_function("location.hash !== ''")
    assert page.evaluate("document.activeElement.closest('.cell-view').id") == str(CP311)
    log = page.locator(f"[id='{CP311}'] details[open] pre").last
    assert "the error" in log.inner_text()
    assert log.evaluate("(each) => each.scrollTop + each.clientHeight >= each.scrollHeight - 2")


def test_it_can_be_read_without_a_script(browser: Browser, small: Path) -> None:
    """Only the filter is not there then."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(small.as_uri())
    assert page.locator("#filter").is_hidden()
    assert page.get_by_text("exit status 1: no such header").first.is_visible()
    page.locator(f"[id='{CP39}'] > summary").click()
    assert page.locator(f"[id='{CP39}'] .body").is_visible()
    context.close()


def test_a_cell_in_the_address_is_opened(browser: Browser, small: Path) -> None:
    """As when a link to it is shared."""
    page = opened(browser, small)
    page.goto(f"{small.as_uri()}#{CP39}")
    page.reload()
    assert page.locator(f"[id='{CP39}'] .body").is_visible()


def test_filter_and_order(browser: Browser, large: Path) -> None:
    """Words of name, status and result, all of them; slowest and largest first."""
    page = opened(browser, large)
    page.locator("#words").fill("x86_64 failed")
    shown = page.locator(".cell-view:not([hidden])")
    count = shown.count()
    assert 0 < count < 10
    assert page.locator("#count").inner_text() == f"{count} of 500"
    page.locator("#words").fill("")
    page.locator("#order").select_option("size")
    sizes = page.eval_on_selector_all(".cell-view", "(all) => all.map((each) => Number(each.dataset.size))")
    assert sizes == sorted(sizes, reverse=True)
    page.locator("#order").select_option("plan")
    first = page.locator(".cell-view").first.get_attribute("id")
    assert first == "cp38-manylinux_x86_64"


def test_print_has_no_controls(browser: Browser, small: Path) -> None:
    """And the cells of all statuses keep their words."""
    page = opened(browser, small)
    page.emulate_media(media="print")
    assert page.locator("#filter").is_hidden()
    assert page.locator(".word.failed").first.is_visible()


def test_the_timeline_names_what_it_shows(browser: Browser, large: Path) -> None:
    """Its bars have titles, and the outlined ones are those of the sentence above."""
    page = opened(browser, large)
    critical = page.eval_on_selector_all(
        "rect.critical", "(all) => all.map((each) => each.parentElement.querySelector('title').textContent)"
    )
    assert critical
    sentence = page.get_by_text(re.compile("followed on one another")).inner_text()
    assert all(title.partition(":")[0] in sentence for title in critical)
