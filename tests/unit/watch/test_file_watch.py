"""The watch over files: what ends it, and that nothing escapes it."""

import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from matrix_runner.errors import MachineError
from matrix_runner.project.source_files import SourceSelection
from matrix_runner.watch.file_watch import FileWatch
from matrix_runner.watch.watched_sources import ConfigurationFiles, ProjectFiles


@pytest.fixture(name="project")
def _project(tmp_path: Path) -> Path:
    project = tmp_path / "project"
    (project / "src").mkdir(parents=True)
    (project / "pyproject.toml").write_text("")
    (project / "src/a.c").write_text("")
    return project


class Heard(threading.Event):
    """Heard of a change."""


def watch_over(project: Path, on_change: Callable[[], None], known: Mapping[str, str] | None = None) -> FileWatch:
    """Return a watch over a project, not entered yet."""
    configuration = ConfigurationFiles(paths=(project / "pyproject.toml",), here=project)
    selection = SourceSelection(project=project, environ=dict(os.environ))
    return FileWatch(ProjectFiles(selection=selection, configuration=configuration), known or {}, on_change)


def test_a_change_is_told_once(project: Path) -> None:
    """With the names of the files; whoever must act at once is called."""
    heard = Heard()
    with watch_over(project, heard.set) as files:
        assert (files.count, files.is_over, files.names) == (2, False, ())
        (project / "src/a.c").write_text("new")
        assert files.wait(20)
        assert heard.is_set()
        assert files.names == ("src/a.c",)


def test_a_file_in_a_directory_that_is_new(project: Path) -> None:
    """An empty directory is no change; what comes into it later is, however deep it lies."""
    with watch_over(project, lambda: None) as files:
        (project / "src/new/deep").mkdir(parents=True)
        assert not files.wait(1.5)
        (project / "src/new/deep/b.c").write_text("x")
        assert files.wait(20)
        assert files.names == ("src/new/deep/b.c",)


def test_a_directory_that_is_renamed(project: Path) -> None:
    """Its files are gone under one name and new under the other."""
    with watch_over(project, lambda: None) as files:
        (project / "src").rename(project / "lib")
        assert files.wait(20)
        assert files.names == ("lib/a.c", "src/a.c")


def test_a_change_before_the_watch_began(project: Path) -> None:
    """What has been read is judged as it was read: a change since then counts."""
    configuration = ConfigurationFiles(paths=(project / "pyproject.toml",), here=project)
    known = configuration.state()
    (project / "pyproject.toml").write_text("changed since")
    with watch_over(project, lambda: None, known) as files:
        assert files.wait(20)
        assert files.names == ("pyproject.toml",)


def test_a_file_that_is_replaced(project: Path) -> None:
    """Editors write another file and rename it."""
    with watch_over(project, lambda: None) as files:
        (project / "src/a.c.new").write_text("x")
        (project / "src/a.c.new").replace(project / "src/a.c")
        assert files.wait(20)
        assert "src/a.c" in files.names


def test_nothing_happens(project: Path) -> None:
    """A watch can be left, and is not heard of any more."""
    heard = Heard()
    with watch_over(project, heard.set) as files:
        (project / "src/a.c").touch()
        assert not files.wait(1.5)
    (project / "src/a.c").write_text("after the end")
    assert not heard.wait(1.0)
    assert (files.names, files.error) == ((), None)


class Unwatchable:
    """Files in a directory that cannot be watched."""

    def state(self) -> dict[str, str]:
        """Return no file."""
        return {}

    def directories(self) -> tuple[Path, ...]:
        """Return a directory that does not exist, however often it is asked for."""
        return (Path("/nonexistent/directory"),)


def test_directories_that_cannot_be_watched() -> None:
    """The reason is told, and the watch is over."""
    heard = Heard()
    with FileWatch(Unwatchable(), {}, heard.set) as files:
        assert files.wait(20)
    assert isinstance(files.error, MachineError)
    assert "cannot be watched" in files.error.message
