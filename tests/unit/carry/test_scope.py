"""The scope of what is carried: the same for one project everywhere, never the same for two."""

import subprocess
from pathlib import Path

import pytest

from matrix_runner.carry.scope import repository_of, scope_of
from matrix_runner.project.git import Git


@pytest.mark.parametrize(
    "address",
    [
        "https://example.org/team/project.git",
        "https://example.org/team/project",
        "https://example.org/team/project/",
        "https://user:t0ken@Example.org:443/team/project.git",
        "ssh://git@example.org:2222/team/project.git",
        "git@example.org:team/project.git",
        "example.org:team/project",
    ],
)
def test_all_ways_to_a_repository_are_one(address: str) -> None:
    """With a token or without, by SSH or HTTPS."""
    assert repository_of(address) == "example.org/team/project"


@pytest.mark.parametrize("address", ["", "/srv/git/project.git", "../project", "file:///srv/project", "https://[bad/x"])
def test_a_place_on_this_machine_is_none(address: str) -> None:
    """Another machine has something else there."""
    assert repository_of(address) is None


def checkout(directory: Path, address: str | None) -> Git:
    """Make a repository with a remote."""
    directory.mkdir(parents=True)
    subprocess.run(("git", "init", "--quiet", directory), check=True)
    if address:
        subprocess.run(("git", "-C", directory, "remote", "add", "origin", address), check=True)
    return Git(directory, {})


def test_the_scope_holds_everywhere(tmp_path: Path) -> None:
    """Wherever the repository was cloned to; another package or another repository is another scope."""
    address = "https://example.org/team/project.git"
    here, there = checkout(tmp_path / "a", address), checkout(tmp_path / "b/c", "git@example.org:team/project.git")
    other = checkout(tmp_path / "d", "https://example.org/team/other.git")
    (tmp_path / "a/inner").mkdir()
    inner = Git(tmp_path / "a/inner", {})
    assert scope_of(here, "", "") == scope_of(there, "", "")
    scopes = [scope_of(here, "", ""), scope_of(here, "python", ""), scope_of(other, "", ""), scope_of(inner, "", "")]
    assert len({*scopes}) == len(scopes)
    assert None not in scopes


def test_a_name_is_a_scope(tmp_path: Path) -> None:
    """Where there is no repository, or in place of it; it is never that of a repository of this name."""
    bare, named = checkout(tmp_path / "a", None), checkout(tmp_path / "b", "https://example.org/x")
    assert scope_of(bare, "", "") is None
    assert scope_of(Git(tmp_path, {}), "", "") is None
    assert scope_of(bare, "", "x") == scope_of(named, "", "x") != scope_of(named, "", "")
    assert scope_of(named, "", "example.org/x") != scope_of(named, "", "")
