"""`runner cache` and what `runner explain` says of a cell, on a store with what runs have left."""

import os
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from store_entries import filled

from matrix_runner.cli import cli
from matrix_runner.errors import UsageError
from matrix_runner.store.entry_pruning import list_entries


@pytest.fixture(autouse=True)
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep away from what this machine's engines keep for somebody."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    monkeypatch.setenv("CONTAINER_HOST", "unix:///nonexistent/podman.sock")


def run(*arguments: str | Path, answer: str | None = None) -> Result:
    """Run the command in this process."""
    result = CliRunner().invoke(cli, [*map(str, arguments)], input=answer, standalone_mode=False)
    if result.exception is not None and not isinstance(result.exception, SystemExit | click.Abort):
        raise result.exception
    return result


def test_the_list_tells_project_cell_size_and_age(tmp_path: Path) -> None:
    """Totals first, then each project with its cells."""
    store, _ = filled(tmp_path)
    lines = run("cache", "list", "--cache-dir", store.root).output.splitlines()
    assert lines[0].startswith("1 finished cell, ")
    assert lines[0].endswith(f"in {store.root}")
    assert lines[1].startswith("  /home/me/demo  1 cell, ")
    assert "cp311-manylinux_x86_64" in lines[2]
    assert "made 0s ago, used 0s ago" in lines[2]


def test_a_damaged_entry_is_listed_as_such(tmp_path: Path) -> None:
    """Nothing that takes up room is hidden."""
    store, key = filled(tmp_path)
    (store.path(key) / "entry.json").write_text("x")
    assert "  damaged  1 cell" in run("cache", "list", "--cache-dir", store.root).output


def test_pruning_says_what_went(tmp_path: Path) -> None:
    """By size and by age, in the notation of the options."""
    store, key = filled(tmp_path)
    assert "removed 0 finished cells" in run("cache", "prune", "--cache-dir", store.root).output
    assert "removed 0 finished cells" in run("cache", "prune", "--age", "1h", "--cache-dir", store.root).output
    assert store.path(key).exists()
    assert "removed 0" in run("cache", "prune", "--size", "1m", "--cache-dir", store.root).output
    with pytest.raises(UsageError, match="--age: expected"):
        run("cache", "prune", "--age", "soon", "--cache-dir", store.root)


def test_clearing_asks(tmp_path: Path) -> None:
    """Everything goes, but only after a yes."""
    store, _ = filled(tmp_path)
    run("cache", "clear", "--cache-dir", store.root, answer="n\n")
    assert len(list(list_entries(store))) == 1
    run("cache", "clear", "--cache-dir", store.root, "--yes")
    assert list(list_entries(store)) == []


def test_the_path_is_the_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a CI system is told to keep: the user's cache directory, or what is named."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert run("cache", "path").output == f"{tmp_path}/matrix-runner/cells\n"
    assert run("cache", "path", "--cache-dir", tmp_path / "x").output == f"{tmp_path}/x\n"
    assert os.listdir(tmp_path) == []  # noqa: PTH208  a list is what is compared
