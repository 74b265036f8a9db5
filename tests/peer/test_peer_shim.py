"""The peer's command line, word for word, to it and to the stand-in for it."""

import sys
from pathlib import Path

import pytest
from peer_tool import Answer, Peer, ask, environ

SHIM = Path(__file__).parent / "cibuildwheel_shim.py"

LINES: dict[str, tuple[str, ...]] = {
    "all": ("--platform", "linux", "--archs", "all"),
    "archs": ("--platform", "linux", "--archs", "x86_64,aarch64", "--enable", "pypy", "--enable", "graalpy"),
    "only": ("--only", "pp311-manylinux_aarch64"),
    "only-new": ("--only", "cp315t-musllinux_s390x"),
    "config-file": ("--platform", "linux", "--archs", "all", "--config-file", "{package}/other.toml"),
    "empty": ("--platform", "linux", "--archs", "armv7l", "--config-file", "nothing.toml"),
    "allow-empty": ("--platform", "linux", "--archs", "armv7l", "--config-file", "nothing.toml", "--allow-empty"),
}

PROJECT = """
[project]
name = "small"
version = "1"
requires-python = ">=3.11"

[tool.cibuildwheel]
skip = ["cp315*", "*-musllinux_*"]
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Write a project, a configuration beside its own, and one that selects nothing."""
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "other.toml").write_text('[tool.cibuildwheel]\nbuild = "cp31{1,2}-*"\nenable = ["pypy"]\n')
    (tmp_path / "nothing.toml").write_text('[tool.cibuildwheel]\nskip = "*"\n')
    return tmp_path


def stand_in(*words: str, directory: Path) -> Answer:
    """Run the stand-in."""
    return ask(sys.executable, SHIM, *words, directory=directory, variables={"PYTHONPATH": environ()["PYTHONPATH"]})


@pytest.mark.parametrize("line", LINES)
def test_same_command_line(peer: Peer, small: Path, line: str) -> None:
    """The same words print the same identifiers and end alike."""
    words = (*LINES[line], "--print-build-identifiers", ".")
    theirs = ask(peer.bin / "cibuildwheel", *words, directory=small, variables={})
    ours = stand_in(*words, directory=small)
    assert (ours.code, ours.lines) == (theirs.code, theirs.lines), f"{ours.complaint}\npeer: {theirs.complaint}"


def test_same_exit_code_if_nothing_is_selected(peer: Peer, small: Path) -> None:
    """A build of nothing ends with the same exit code."""
    words = ("--platform", "linux", "--archs", "armv7l", "--config-file", "nothing.toml", ".")
    theirs = ask(peer.bin / "cibuildwheel", *words, directory=small, variables={})
    ours = stand_in(*words, directory=small)
    assert ours.code == theirs.code == 3, f"{ours.complaint}\npeer: {theirs.complaint}"
