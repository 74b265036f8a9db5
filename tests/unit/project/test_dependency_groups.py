"""Dependency groups come to requirements, by the rules of PEP 735."""

from pathlib import Path

import pytest

from matrix_runner.config.loading.build_files import BuildFiles
from matrix_runner.errors import ConfigError
from matrix_runner.project.dependency_groups import DependencyGroups

GROUPS = """
[dependency-groups]
test = ["pytest>=8", {include-group = "Type.Checks"}, "six; python_version < '3'"]
type_checks = ["mypy", {include-group = "common"}]
common = ["attrs"]
circle = [{include-group = "other-half"}]
other-half = [{include-group = "circle"}]
dangling = [{include-group = "nowhere"}]
odd = [{include-group = "common", more = 1}]
number = [1]
text = "pytest"
wrong = ["pytest >=> 8"]
"""


def groups_in(directory: Path, text: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return what groups of such a file come to."""
    (directory / "pyproject.toml").write_text(text)
    return DependencyGroups.of(BuildFiles(directory)).requirements(names)


def test_groups_are_resolved_in_order(tmp_path: Path) -> None:
    """Names are compared in normal form, included groups stand where they are named, markers stay."""
    found = groups_in(tmp_path, GROUPS, ("Test", "common"))
    assert found == ("pytest>=8", "mypy", "attrs", 'six; python_version < "3"', "attrs")
    assert groups_in(tmp_path, GROUPS, ()) == ()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "tset",
            "pyproject.toml: dependency-groups.tset: Dependency group 'tset' not found; there are: test, type_checks,",
        ),
        ("dangling", "pyproject.toml: dependency-groups.dangling: Dependency group 'nowhere' not found"),
        (
            "circle",
            "Cyclic dependency group include while resolving circle: circle -> other-half, other-half -> circle",
        ),
        ("odd", "dependency-groups.odd: Invalid dependency group item: {'include-group': 'common', 'more': 1}"),
        ("number", "dependency-groups.number: Invalid dependency group item: 1"),
        ("text", "dependency-groups.text: Dependency group 'text' contained a string"),
        ("wrong", "dependency-groups.wrong: Expected"),
    ],
)
def test_mistakes_are_told(tmp_path: Path, name: str, message: str) -> None:
    """Each mistake is one line with file, group, and what was wanted."""
    with pytest.raises(ConfigError) as caught:
        groups_in(tmp_path, GROUPS, (name,))
    assert message in caught.value.message
    assert "\n" not in caught.value.message


def test_two_names_that_are_one_are_a_mistake(tmp_path: Path) -> None:
    """Names are compared in normal form (PEP 735), so two spellings of one name are two groups of that name."""
    with pytest.raises(ConfigError, match=r"Duplicate dependency group names: twice \(Twice, twice\)"):
        groups_in(tmp_path, "[dependency-groups]\nTwice = []\ntwice = []\nother = []\n", ("twice",))


@pytest.mark.parametrize("text", ["", "dependency-groups = 1", "not toml"])
def test_a_file_without_groups_has_none(tmp_path: Path, text: str) -> None:
    """Neither a file without the table nor one that others will complain about is a crash."""
    with pytest.raises(ConfigError, match="there are: none"):
        groups_in(tmp_path, text, ("test",))
