"""Dependency groups come to requirements, by the rules of PEP 735."""

from pathlib import Path

import pytest

from matrix_runner.errors import ConfigError
from matrix_runner.project.dependency_groups import read_groups

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
Twice = []
twice = []
"""


def groups_in(directory: Path, text: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return what groups of such a file come to."""
    (directory / "pyproject.toml").write_text(text)
    return read_groups(directory).requirements(names)


def test_groups_are_resolved_in_order(tmp_path: Path) -> None:
    """Names are compared in normal form, included groups stand where they are named, markers stay."""
    found = groups_in(tmp_path, GROUPS, ("Test", "common"))
    assert found == ("pytest>=8", "mypy", "attrs", "six; python_version < '3'", "attrs")
    assert groups_in(tmp_path, GROUPS, ()) == ()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tset", "pyproject.toml: dependency-groups: there is no group 'tset'; there are: test, type_checks,"),
        ("dangling", "pyproject.toml: dependency-groups.dangling: there is no group 'nowhere'"),
        ("circle", "the group includes itself: circle -> other-half -> circle"),
        ("odd", "dependency-groups.odd: expected requirements and {include-group = ...}, got {"),
        ("number", "dependency-groups.number: expected requirements"),
        ("text", "dependency-groups.text: expected a list of requirements"),
        ("wrong", "dependency-groups.wrong: 'pytest >=> 8' is no requirement"),
        ("twice", "the groups 'Twice' and 'twice' have the same name"),
    ],
)
def test_mistakes_are_told(tmp_path: Path, name: str, message: str) -> None:
    """Each mistake is one line with file, group, and what was wanted."""
    with pytest.raises(ConfigError) as caught:
        groups_in(tmp_path, GROUPS, (name,))
    assert message in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("text", ["", "dependency-groups = 1", "not toml"])
def test_a_file_without_groups_has_none(tmp_path: Path, text: str) -> None:
    """Neither a file without the table nor one that others will complain about is a crash."""
    with pytest.raises(ConfigError, match="there are: none"):
        groups_in(tmp_path, text, ("test",))
