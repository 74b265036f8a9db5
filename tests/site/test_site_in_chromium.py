"""The documentation site in a real browser: from files, without a network, for everybody."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

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


def opened(browser: Browser, page: Path) -> tuple[Page, list[str]]:
    """Open a page from its file; return it, and the list of what it asks of any server, or complains of."""
    tab = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme="light")
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


@pytest.fixture(scope="module", params=SHOWN)
def shown(browser: Browser, site: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Page, list[str]]]:
    """A page, opened once for all that is asked of it, and what is wrong with it."""
    tab, wrong = opened(browser, site / str(request.param))
    yield tab, wrong
    tab.close()


def test_a_page_is_whole_without_a_network(shown: tuple[Page, list[str]]) -> None:
    """Nothing is asked of any server, nothing complains, and the pictures are there."""
    tab, wrong = shown
    pictures = "[...document.images].filter(one => !one.complete || one.naturalWidth === 0).map(one => one.src)"
    assert tab.evaluate(pictures) == []
    assert tab.locator("article h1").count() == 1
    assert wrong == []


@pytest.mark.parametrize(("scheme", "name"), [("light", "default"), ("dark", "slate")])
def test_everybody_can_read_it(shown: tuple[Page, list[str]], scheme: Literal["light", "dark"], name: str) -> None:
    """Axe finds nothing serious in what we wrote, in the colours that the reader's system asks for."""
    tab, _ = shown
    tab.emulate_media(color_scheme=scheme)
    tab.wait_for_selector(f"body[data-md-color-scheme={name}]")
    # Colours change over a moment, and are judged at its end.
    tab.evaluate("Promise.all(document.getAnimations().filter(one => one.effect.getComputedTiming().iterations < 99)"
                 ".map(one => one.finished.catch(() => null)))")  # fmt: skip
    found = Axe().run(tab, context="article").response["violations"]
    serious = [f"{one['id']}: {one['nodes'][0]['html']}" for one in found if one["impact"] in {"serious", "critical"}]
    assert serious == []


def test_a_page_fits_a_telephone(shown: tuple[Page, list[str]]) -> None:
    """At 360 columns nothing sticks out to the side: what is wide scrolls by itself."""
    tab, _ = shown
    tab.set_viewport_size({"width": 360, "height": 800})
    assert tab.evaluate("document.documentElement.scrollWidth") <= 360
    tab.set_viewport_size({"width": 1280, "height": 900})


def test_search_finds_an_option(browser: Browser, site: Path) -> None:
    """The box finds what is typed, from a file as well as from a server."""
    tab, wrong = opened(browser, site / "index.html")
    tab.keyboard.press("/")
    tab.keyboard.type("exclude-newer")
    tab.wait_for_selector("a[href*='reference/options.html#exclude-newer']")
    assert wrong == []
    tab.close()
