"""Which files of a project are watched, and in which directories new ones are looked for."""

import os
import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace

from matrix_runner.config.kinds.values import SourceFiles
from matrix_runner.project.source_files import SourceSelection
from matrix_runner.watch.watched_sources import ConfigurationFiles, ProjectFiles, State, changed_names


@pytest.fixture(name="project")
def _project(tmp_path: Path) -> Path:
    project = tmp_path / "project"
    (project / "src/inner").mkdir(parents=True)
    for name in ("pyproject.toml", "src/a.c", "src/inner/b.h"):
        (project / name).write_text(name)
    return project


def files_of(project: Path) -> ProjectFiles:
    """Return what is watched of a project, with an output directory in it."""
    selection = SourceSelection(project=project, environ=dict(os.environ), own=(project / "wheelhouse",))
    configuration = ConfigurationFiles(paths=(project / "pyproject.toml", project / "setup.py"), here=project)
    return ProjectFiles(selection=selection, configuration=configuration)


def git(project: Path, *arguments: str) -> None:
    """Run git as somebody with a name."""
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    subprocess.run(("git", *who, *arguments), cwd=project, check=True, capture_output=True)


def state(files: ProjectFiles) -> State:
    """Return the state, which can be read."""
    found = files.state()
    assert found is not None
    return found


def directories(files: ProjectFiles) -> set[str]:
    """Return the watched directories, relative to the project."""
    return {os.path.relpath(path, files.selection.project) for path in files.directories()}


@pytest.mark.parametrize("has_git", [True, False])
def test_every_change_of_a_file_counts(project: Path, has_git: bool) -> None:  # noqa: FBT001  pytest's way
    """Content, permission to run, new, gone; by names as the user writes them. Its times do not."""
    if has_git:
        git(project, "init", "--quiet")
    files = files_of(project)
    before = state(files)
    assert set(before) == {"pyproject.toml", "src/a.c", "src/inner/b.h"}
    os.utime(project / "src/a.c", (1, 1))
    assert changed_names(before, state(files)) == ()
    (project / "src/a.c").chmod(0o755)
    (project / "src/new.c").write_text("")
    (project / "src/inner/b.h").unlink()
    (project / "pyproject.toml").write_text("other")
    assert changed_names(before, state(files)) == ("pyproject.toml", "src/a.c", "src/inner/b.h", "src/new.c")


def test_what_does_not_go_into_the_cells_does_not_count(project: Path) -> None:
    """Ignored files, a commit, the program's own directories, what editors put beside an open file."""
    (project / ".gitignore").write_text("*.o\nbuild/\n")
    git(project, "init", "--quiet")
    files = files_of(project)
    before = state(files)
    for name in ("build/lib", "wheelhouse"):
        (project / name).mkdir(parents=True)
    for name in ("src/a.o", "build/lib/x.c", "wheelhouse/x.whl", "src/.a.c.swp", "src/a.c~", "src/.#a.c", "4913"):
        (project / name).write_text("x")
    git(project, "add", ".")
    git(project, "commit", "--quiet", "-m", "one")
    assert changed_names(before, state(files)) == ()
    assert directories(files) == {".", "src", "src/inner"}


def test_directories_that_are_not_looked_into(project: Path) -> None:
    """The usual ones outside of a checkout; with all files none but git's own and the program's."""
    for name in (".venv/lib", ".git/objects", "empty/below", "wheelhouse"):
        (project / name).mkdir(parents=True)
    files = files_of(project)
    assert directories(files) == {".", "src", "src/inner", "empty", "empty/below"}
    everything = replace(files, selection=replace(files.selection, files=SourceFiles.ALL))
    assert directories(everything) == {".", "src", "src/inner", "empty", "empty/below", ".venv", ".venv/lib"}


def test_ignored_files_that_are_brought(project: Path) -> None:
    """By `source-include` a file counts although git ignores its directory, which is watched then."""
    (project / ".gitignore").write_text("made/\n")
    git(project, "init", "--quiet")
    (project / "made/deep").mkdir(parents=True)
    (project / "made/deep/x.c").write_text("x")
    files = files_of(project)
    assert "made/deep/x.c" not in state(files)
    brought = replace(files, selection=replace(files.selection, include=("made/**/*.c",)))
    assert "made/deep/x.c" in state(brought)
    assert {"made", "made/deep"} <= directories(brought)


def test_a_state_that_cannot_be_read(project: Path) -> None:
    """In the middle of a change there may be no file at all, or no directory."""
    files = files_of(project)
    for path in sorted(project.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    assert files.state() is None
    project.rmdir()
    assert files.state() is None
    assert files.directories() == (project,)


def test_configuration_alone(project: Path) -> None:
    """While it has mistakes nothing else counts; a file that is not there may come."""
    files = files_of(project).configuration
    before = files.state()
    assert set(before) == {"pyproject.toml"}
    (project / "src/a.c").write_text("other")
    (project / "setup.py").write_text("")
    assert changed_names(before, files.state()) == ("setup.py",)
    assert files.directories() == (project,)
