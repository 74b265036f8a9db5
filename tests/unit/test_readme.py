"""README.md tells what was measured, and what it shows is there."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")


def test_figures_are_those_that_were_measured() -> None:
    """The table is made of benchmarks/results.json; if not: `make reference`."""
    done = subprocess.run([sys.executable, ROOT / "benchmarks/readme_table.py", "--check"], check=False)
    assert done.returncode == 0
    assert len(re.findall(r"^\| .* \| [\d.]+ \| [\d.]+ \| [\d.]+ x \|$", README, re.MULTILINE)) >= 5


def test_every_page_can_be_reached_from_the_navigation() -> None:
    """The site's navigation has every page, and no page twice."""
    nav = re.findall(r'"([\w/-]+\.md)"', (ROOT / "zensical.toml").read_text("utf-8"))
    assert sorted(nav) == sorted(page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md"))


def test_examples_for_ci_are_the_files_of_the_example_project() -> None:
    """What the page on CI tells to copy is what the example project has."""
    page = (ROOT / "docs/how-to/ci.md").read_text("utf-8")
    for name in (".travis.yml", ".github/workflows/wheels.yml"):
        assert (ROOT / "example-project" / name).read_text("utf-8") in page


def test_the_page_on_the_action_has_its_inputs_and_outputs() -> None:
    """Each, with the words of action.yml."""
    page = (ROOT / "docs/reference/action.md").read_text("utf-8")
    action = (ROOT / "action.yml").read_text("utf-8").partition("\nruns:")[0]
    told = re.findall(r"^  ([\w-]+):\n    description: (.*)$", action, re.MULTILINE)
    assert len(told) > 20
    assert [name for name, words in told if f"| `{name}` | {words}. |\n" not in page] == []
    assert len(re.findall(r"^\| `", page, re.MULTILINE)) == len(told)
