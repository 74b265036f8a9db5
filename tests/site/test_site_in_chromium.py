"""The documentation site in a real browser: from files, without a network, for everybody."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

pytestmark = pytest.mark.browser

SHOWN = ("index.html", "tutorial/first-wheels.html", "how-to/recipes.html", "reference/options.html",
         "reference/commands.html", "explanation/caching.html")  # fmt: skip
"""A page of each kind."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, for all tests of this file."""
    with sync_playwright() as playwright:
        # As root, Chromium has no sandbox; the pages are ours.
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield chromium
        chromium.close()


def opened(browser: Browser, page: Path, scheme: str = "light", width: int = 1280) -> tuple[Page, list[str]]:
    """Open a page from its file; return it, and what it asked for that is not a file, or complained of."""
    dark = scheme == "dark"
    tab = browser.new_page(viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light")
    wrong: list[str] = []

    def asked(request: Request) -> None:
        if not request.url.startswith(("file:", "data:", "blob:")):
            wrong.append(f"asks for {request.url}")

    def told(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            wrong.append(f"the console says: {message.text}")

    tab.on("request", asked)
    tab.on("console", told)
    tab.on("pageerror", lambda error: wrong.append(f"an error: {error}"))
    tab.goto(page.as_uri())
    tab.wait_for_load_state("networkidle")
    return tab, wrong


@pytest.mark.parametrize("name", SHOWN)
def test_a_page_is_whole_without_a_network(browser: Browser, site: Path, name: str) -> None:
    """Nothing is asked of any server, nothing complains, and the pictures are there."""
    tab, wrong = opened(browser, site / name)
    assert wrong == []
    pictures = "[...document.images].filter(one => !one.complete || one.naturalWidth === 0).map(one => one.src)"
    assert tab.evaluate(pictures) == []
    assert tab.locator("article h1").count() == 1
    tab.close()


@pytest.mark.parametrize("name", SHOWN)
def test_a_page_fits_a_telephone(browser: Browser, site: Path, name: str) -> None:
    """At 360 columns nothing sticks out to the side: what is wide scrolls by itself."""
    tab, _ = opened(browser, site / name, width=360)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 360
    tab.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", SHOWN)
def test_everybody_can_read_it(browser: Browser, site: Path, name: str, scheme: str) -> None:
    """Axe finds nothing serious in what we wrote: contrast, headings, names of pictures, order."""
    tab, _ = opened(browser, site / name, scheme)
    found = Axe().run(tab, context="article").response["violations"]
    serious = [f"{one['id']}: {one['nodes'][0]['html']}" for one in found if one["impact"] in {"serious", "critical"}]
    assert serious == []
    tab.close()


def test_search_finds_an_option(browser: Browser, site: Path) -> None:
    """The box finds what is typed, from a file as well as from a server."""
    tab, wrong = opened(browser, site / "index.html")
    tab.keyboard.press("/")
    tab.keyboard.type("exclude-newer")
    tab.wait_for_selector("text=exclude-newer")
    assert wrong == []
    tab.close()
