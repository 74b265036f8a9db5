"""What the documentation shows is true: its examples are read, its links lead somewhere."""

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml
from jsonschema import Draft7Validator

from matrix_runner.config.loading.loading import load
from matrix_runner.config.migration.migration import migrate
from matrix_runner.config.options.build_options import BEFORE_ALL
from matrix_runner.config.options.test_options import TEST_REQUIRES
from matrix_runner.config.reference.json_schema import get_schema
from matrix_runner.model.cells import Cell
from matrix_runner.toml import loads

ROOT = Path(__file__).parents[3]
PAGES = tuple(
    sorted((*ROOT.glob("docs/**/*.md"), *(ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md")),
            ROOT / "example-project" / "README.md"))
)  # fmt: skip
NEEDS_A_GROUP = '[dependency-groups]\ntest = ["pytest"]\n'

_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]\[]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def name(page: Path) -> str:
    """Say which page it is."""
    return page.relative_to(ROOT).as_posix()


def blocks(language: str) -> list[tuple[str, int, str]]:
    """Return every block of a language: its page, its line and what is in it."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        found += [
            (name(page), text.count("\n", 0, match.start()) + 2, match[2])
            for match in _FENCED.finditer(text)
            if match[1] == language
        ]
    return found


def block(page: str, language: str, number: int) -> str:
    """Return one block of a page."""
    return [text for place, _, text in blocks(language) if place == page][number]


def whole(text: str) -> str:
    """Make a file of an example, which may leave out the header of our table where it has just been seen."""
    return text if re.search(r"^\s*\[", text, re.MULTILINE) else f"[tool.matrix-runner]\n{text}"


@pytest.mark.parametrize(("page", "line", "text"), blocks("toml"), ids=[f"{p}:{n}" for p, n, _ in blocks("toml")])
def test_toml_is_read(page: str, line: int, text: str, tmp_path: Path) -> None:
    """Every TOML example is a configuration without a mistake, also to an editor, and nothing in it is odd."""
    file = whole(text)
    groups = "" if "[dependency-groups]" in file else NEEDS_A_GROUP
    (tmp_path / "pyproject.toml").write_text(groups + file, encoding="utf-8")
    notices = load(tmp_path, environ={}, flags={}).notices
    expected = ("using [tool.cibuildwheel]", "not for Linux, so not read: ")
    assert not [notice for notice in notices if not notice.startswith(expected)], f"{page}:{line}"
    tool = loads(file).get("tool", {})
    assert isinstance(tool, Mapping)
    assert Draft7Validator(get_schema()).is_valid(tool.get("matrix-runner", {}))


@pytest.mark.parametrize(("page", "line", "text"), blocks("yaml"), ids=[f"{p}:{n}" for p, n, _ in blocks("yaml")])
def test_yaml_is_read(page: str, line: int, text: str) -> None:
    """Every YAML example is a mapping of something, and runs what it is there for."""
    assert isinstance(yaml.safe_load(text), dict), f"{page}:{line}"
    assert "runner build" in text or "dask" in text


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    """Every link to a file of this repository finds the file, and its anchor a heading there."""
    broken = [link for link in links(page) if not leads_somewhere(page, link)]
    assert broken == []


def links(page: Path) -> list[str]:
    """Return the links of a page that do not leave the repository."""
    text = _FENCED.sub("", page.read_text(encoding="utf-8"))
    return [link for link in _LINK.findall(text) if not re.match(r"[a-z]+:", link)]


def leads_somewhere(page: Path, link: str) -> bool:
    """Whether the target of a link is there."""
    place, _, anchor = unquote(link).partition("#")
    target = page.parent / place if place else page
    return target.exists() and (not anchor or anchor in anchors(target))


def anchors(page: Path) -> set[str]:
    """Return the anchors that a page's headings get."""
    text = _FENCED.sub("", page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in _HEADING.findall(text)}


def test_there_is_something_to_check() -> None:
    """The pages are found, with their examples and links."""
    assert len(blocks("toml")) > 50
    assert len(blocks("yaml")) >= 10
    assert sum(len(links(page)) for page in PAGES) > 50
    assert not leads_somewhere(ROOT / "README.md", "docs/reference/options.md#no-such-option")


def test_inherit_does_what_the_reference_says(tmp_path: Path) -> None:
    """The worked example of overrides comes to what stands below it."""
    example = next(
        text for page, _, text in blocks("toml") if page == "docs/reference/options.md" and "inherit." in text
    )
    (tmp_path / "pyproject.toml").write_text(example, encoding="utf-8")
    settings = load(tmp_path, environ={}, flags={}).for_cell(Cell.parse("cp39-musllinux_x86_64"))
    page = (ROOT / "docs/reference/options.md").read_text(encoding="utf-8")
    assert f"- `before-all`: `{settings[BEFORE_ALL]}`\n" in page
    assert f"- `test-requires`: `{TEST_REQUIRES.kind.write(settings[TEST_REQUIRES])}`\n" in page


def test_migration_is_as_shown() -> None:
    """The table that the page on migrating shows is the one that `runner migrate` writes of the one above it."""
    before, after = block("docs/how-to/migrating.md", "toml", 0), block("docs/how-to/migrating.md", "toml", 1)
    assert migrate(before).text.endswith(after)
