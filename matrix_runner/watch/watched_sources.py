"""Files that are watched: those that go into the cells, and those that a project is configured by."""

import hashlib
import os
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, Protocol

import msgspec
from msgspec.structs import replace

from matrix_runner.errors import RunnerError
from matrix_runner.project.git import Git
from matrix_runner.project.source_archive import survey
from matrix_runner.project.source_files import (
    Skips,
    SourceSelection,
    directories_around,
    leftovers,
    list_files,
)

State = Mapping[str, str]
"""By the name of each file, as the user would write it, a digest of its content."""


_OF_EDITORS: Final = ("*.sw[a-p]", "*~", ".#*", "#*#", "4913", "*.kate-swp", ".goutputstream-*", "*___jb_???___")
"""Files that editors keep beside one that is open or being saved: vim, Emacs, Kate, GNOME's, JetBrains'."""


class WatchedSources(Protocol):
    """Files whose changes count."""

    def state(self) -> State | None:
        """Return the present state; None while it cannot be read, as in the middle of a change."""
        ...

    def directories(self) -> tuple[Path, ...]:
        """Return the directories in which such a file can change, or appear."""
        ...


def changed_names(before: State, now: State) -> tuple[str, ...]:
    """Return the names of files that are new, changed or gone, sorted. Pure."""
    return tuple(sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name)))


class ConfigurationFiles(msgspec.Struct, frozen=True, kw_only=True):
    """The files that a project is configured by, there or not; all that counts while they have mistakes.

    `here`: the directory from which the user names files.
    """

    paths: tuple[Path, ...]
    here: Path

    def state(self) -> State:
        """Return a digest of each file that is there."""
        found = {}
        for path in self.paths:
            try:
                found[self.shown(path)] = hashlib.sha256(path.read_bytes()).hexdigest()
            except OSError:  # noqa: PERF203  a handful
                continue
        return found

    def shown(self, path: Path) -> str:
        """Return a path as the user would write it."""
        return os.path.relpath(path, self.here)

    def directories(self) -> tuple[Path, ...]:
        """Return the directories of the files, as far as they are there."""
        return tuple(dict.fromkeys(path.parent for path in self.paths if path.parent.is_dir()))


class ProjectFiles(msgspec.Struct, frozen=True, kw_only=True):
    """The files of a project that go into the cells, and those that it is configured by.

    Not `.git`: a commit changes no file. What it does change in the cells, the next run takes along. Nor what editors
    put beside a file while it is open.
    """

    selection: SourceSelection
    configuration: ConfigurationFiles

    def state(self) -> State | None:
        """Return a digest of each file."""
        try:
            found = survey(replace(self.selection, with_history=False))
        except RunnerError:
            return None
        project, shown = self.selection.project, self.configuration.shown
        digests = {shown(project / name): digest for name, digest in found.digests if not _is_of_editor(name)}
        return {**digests, **self.configuration.state()}

    def directories(self) -> tuple[Path, ...]:
        """Return all directories of the project, without those in which nothing counts."""
        project = self.selection.project
        try:
            below = sorted(self._below())
        except (OSError, RunnerError):
            # In the middle of a change: the next one tells.
            below = [""]
        return tuple(dict.fromkeys((*(project / name for name in below), *self.configuration.directories())))

    def _below(self) -> set[str]:
        """Return the names of directories, "" for the project itself. Raise OSError, RunnerError."""
        selection, skips = self.selection, Skips(self.selection)
        git = Git(selection.project, selection.environ)
        names = list_files(replace(selection, with_history=False), git).names
        # What `source-include` brings may lie in directories that git ignores.
        found = {"", *(directory for name in names for directory in directories_around(name))}
        is_left = self._left_out(git)
        pending = [""]
        while pending:
            top = pending.pop()
            inner = _directories_in(selection.project, top)
            if inner is not None:
                found.add(top)
                pending += [name for name in inner if not (is_left(f"{name}/") or skips(f"{name}/"))]
        return found

    def _left_out(self, git: Git) -> Callable[[str], bool]:
        """Return whether nothing in a directory counts; its name ends with a slash."""
        selection = self.selection
        if selection.takes_all:
            return _is_git
        if git.prefix is None:
            is_usual = leftovers(selection)
            return lambda name: _is_git(name) or is_usual(name)
        ignored = {name for name in git.ignored() if name.endswith("/")}
        return lambda name: _is_git(name) or name in ignored


def _directories_in(project: Path, top: str) -> list[str] | None:
    """Return the names of the directories in a directory; None if this user may not look into it. Raise OSError."""
    try:
        with os.scandir(project / top) as entries:
            return [f"{top}/{entry.name}".lstrip("/") for entry in entries if entry.is_dir(follow_symlinks=False)]
    except PermissionError:
        return None


def _is_of_editor(name: str) -> bool:
    last = name.rpartition("/")[2]
    return any(fnmatchcase(last, pattern) for pattern in _OF_EDITORS)


def _is_git(name: str) -> bool:
    return name.rstrip("/").rpartition("/")[2] == ".git"
