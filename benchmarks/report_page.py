"""The page of a run of 500 cells, made and looked at: its size, and how long Chromium takes for it."""

import sys
import time
from pathlib import Path

from bench import Bench, new_place
from goals import Series

sys.path.insert(0, str(Path(__file__).parents[1] / "tests/support"))

from large_run import EXTRA, large_report, write_logs

from matrix_runner.report.page import page_html

CELLS = 500
SIZE = "size of the page"
MAKING = "making the page"
PAINT = "first paint"
FILTER = "filtering"

_PAINTED = """() => new Promise((resolve) => {
  const seen = () => performance.getEntriesByType("paint").find((each) => each.name === "first-contentful-paint");
  const look = () => (seen() ? resolve(seen().startTime) : setTimeout(look, 10));
  look();
})"""
_FILTERED = """(words) => new Promise((resolve) => {
  const field = document.getElementById("words");
  const began = performance.now();
  field.value = words;
  field.dispatchEvent(new Event("input"));
  requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now() - began)));
})"""


def measure_report_page(bench: Bench, row: str) -> tuple[Series, ...]:
    """Make the page each round, and open it in a new tab of one browser."""
    from playwright.sync_api import sync_playwright

    place = new_place(bench.work / "runs" / row)
    report = large_report(CELLS)
    write_logs(report, place / "logs")
    file = place / "report.html"
    found: dict[str, list[float]] = {SIZE: [], MAKING: [], PAINT: [], FILTER: []}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for number in range(bench.warm_ups + bench.rounds):
            began = time.monotonic()
            data = page_html(report, EXTRA, place / "logs", None)
            making = time.monotonic() - began
            file.write_bytes(data)
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.goto(file.as_uri())
            paint = page.evaluate(_PAINTED)
            filtering = max(page.evaluate(_FILTERED, words) for words in ("failed", "cp313 x86_64", ""))
            page.close()
            if number >= bench.warm_ups:
                for name, value in (
                    (SIZE, len(data) / 1e6),
                    (MAKING, 1000 * making),
                    (PAINT, paint),
                    (FILTER, filtering),
                ):
                    found[name].append(value)
        browser.close()
    return tuple(
        Series(name=name, unit="MB" if name == SIZE else "ms", values=tuple(values)) for name, values in found.items()
    )
