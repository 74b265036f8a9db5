"""The documentation site: it builds without a warning, its links lead somewhere, and it needs no network."""

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from documentation_site import build

ELSEWHERE = r"(?:url\(|@import )[\"']?(?:https?:)?//[^)]*"
"""What a style sheet loads from another place."""


LOST = r"(?m)^\s*(?:[-*] |\d+\. |\||```|#+ )|\*\*|\]\("
"""What Markdown leaves in a paragraph where it has not understood it."""


class Links(HTMLParser):
    """What a page leads to, what it loads, and the places in it that can be led to."""

    def __init__(self, page: Path) -> None:
        """Read a page."""
        super().__init__()
        self.leads_to: list[str] = []
        self.loads: list[str] = []
        self.anchors = {""}
        self.feed(page.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the addresses of an element, and its name."""
        for name, value in attrs:
            if name == "id" and value:
                self.anchors.add(value)
            elif name == "href" and value is not None:
                (self.leads_to if tag == "a" else self.loads).append(value)
            elif name in {"src", "srcset", "data", "poster", "action"} and value:
                self.loads.append(value)


def pages(site: Path) -> dict[Path, Links]:
    """Return every page of the site."""
    return {page: Links(page) for page in sorted(site.rglob("*.html")) if page.name != "404.html"}


def is_elsewhere(link: str) -> bool:
    """Whether a link leaves the site."""
    return bool(urlsplit(link).scheme or urlsplit(link).netloc)


def test_every_page_is_built(site: Path, sources: Path) -> None:
    """Each page of the documentation is one of the site, by the same name."""
    built = {page.relative_to(site).with_suffix(".md").as_posix() for page in pages(site)}
    assert built == {page.relative_to(sources / "docs").as_posix() for page in (sources / "docs").rglob("*.md")}


def test_links_lead_somewhere(site: Path) -> None:
    """Every link within the site finds its page, and its anchor a place there."""
    known = pages(site)
    broken = []
    count = 0
    for page, links in known.items():
        for link in (*links.leads_to, *links.loads):
            if is_elsewhere(link):
                continue
            count += 1
            place, _, anchor = unquote(link).partition("#")
            target = (page.parent / place).resolve() if place else page
            anchors = known[target].anchors if target in known else {""}
            if not target.is_file() or anchor not in anchors:
                broken.append(f"{page.relative_to(site)}: {link}")
    assert broken == []
    assert count > 1000


def test_lists_tables_and_code_are_what_they_are_meant_to_be(site: Path) -> None:
    """No paragraph has the marks of one in it, as where a blank line is missing, or a step of indentation."""
    found = []
    for page in pages(site):
        text = re.sub(r"<code.*?</code>", "", page.read_text("utf-8"), flags=re.DOTALL)
        lost = [hit[1] for hit in re.finditer(r"<p>(.*?)</p>", text, re.DOTALL) if re.search(LOST, hit[1])]
        found += [f"{page.relative_to(site)}: {words[:80]}" for words in lost]
    assert found == []


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    """No page loads a style, script, font or picture from another place, nor does a style sheet."""
    loaded = {link for links in pages(site).values() for link in links.loads if is_elsewhere(link)}
    sheets = [sheet.read_text("utf-8") for sheet in site.rglob("*.css")]
    assert loaded == set()
    assert sheets
    assert [
        found for sheet in sheets for found in re.findall(r"(?:url\(|@import )[\"']?(?:https?:)?//[^)]*", sheet)
    ] == []


def test_a_wrong_link_is_told(sources: Path, tmp_path: Path) -> None:
    """A page that is not there, and an anchor that is not there, end the build."""
    for number, link in enumerate(("nowhere.md", "reference/options.md#nothing-of-the-kind")):
        copy = tmp_path / str(number)
        shutil.copytree(sources, copy, ignore=shutil.ignore_patterns("build", ".cache"))
        with (copy / "docs/index.md").open("a", encoding="utf-8") as page:
            page.write(f"\nSee [there]({link}).\n")
        done = build(copy)
        assert done.returncode != 0
        assert "does not exist" in done.stdout + done.stderr
