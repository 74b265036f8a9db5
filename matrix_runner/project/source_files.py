"""Selection of the project files that go into cells, and their common timestamp (SOURCE_DATE_EPOCH)."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from matrix_runner.config.loading.build_files import BuildFiles
from matrix_runner.errors import UsageError
from matrix_runner.project.build_hints import takes_version_from_git
from matrix_runner.project.git import Git

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

IGNORED_OUTSIDE_GIT = """
.git/
.hg/
.svn/
__pycache__/
*.py[co]
.venv/
venv/
.tox/
.nox/
.cache/
.mypy_cache/
.pytest_cache/
.ruff_cache/
.eggs/
/build/lib.*/
/build/temp.*/
/build/bdist.*/
/dist/
/wheelhouse/
*.cpython-[0-9]*-*.so
"""

_LATEST_PRE_1980 = 315_532_800
"""1980-01-01 in seconds: the earliest time in a zip file, and so in a wheel."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceFiles:
    """The files to pack: names relative to the project, sorted. `epoch`: for SOURCE_DATE_EPOCH."""

    names: tuple[str, ...]
    epoch: int
    notices: tuple[str, ...]


def list_files(
    project: Path, git: Git, *, environ: Mapping[str, str], exclude: Iterable[Path], build_files: Iterable[BuildFiles]
) -> SourceFiles:
    """List the files of a project that go into the cells. Raise MachineError, UsageError, OSError.

    In a git checkout: tracked files, and untracked ones that are not ignored. Elsewhere: everything but
    `IGNORED_OUTSIDE_GIT`. `.git` is included only if one of `build_files` takes the version from it. `exclude`:
    directories never to pack, such as the output directory.
    """
    notices: list[str] = []
    found = git.files()
    names = _plain_files(project) if found is None else found
    if found is not None and any(map(takes_version_from_git, build_files)):
        names += _git_metadata(project, notices)
    skipped = tuple(filter(None, (_inside(project, path) for path in exclude)))
    kept = {name for name in names if not any(name == skip or name.startswith(f"{skip}/") for skip in skipped)}
    epoch = _epoch(environ, None if found is None else git)
    return SourceFiles(names=tuple(sorted(kept)), epoch=epoch, notices=tuple(notices))


def _git_metadata(project: Path, notices: list[str]) -> list[str]:
    if not (project / ".git").is_dir():
        notices.append("the version comes from git, but .git is no directory here: set the version by a variable")
        return []
    unneeded = {".git/hooks", ".git/lfs", ".git/logs"}
    return [name for name in _walk(project, ".git") if "/".join(name.split("/")[:2]) not in unneeded]


def _plain_files(project: Path) -> list[str]:
    # Imported late: git checkouts do not need it.
    from pathspec import GitIgnoreSpec

    ignored = GitIgnoreSpec.from_lines(IGNORED_OUTSIDE_GIT.splitlines())
    return list(_walk(project, "", ignored))


def _walk(project: Path, top: str, ignored: "GitIgnoreSpec | None" = None) -> Iterator[str]:
    """Yield the names of all files and links below `top`, relative to the project; links are not followed."""
    for entry in sorted(os.scandir(project / top), key=lambda entry: entry.name):
        name = f"{top}/{entry.name}" if top else entry.name
        is_directory = entry.is_dir(follow_symlinks=False)
        if ignored is not None and ignored.match_file(name + "/" if is_directory else name):
            continue
        if is_directory:
            yield from _walk(project, name, ignored)
        else:
            yield name


def _epoch(environ: Mapping[str, str], git: Git | None) -> int:
    """Return SOURCE_DATE_EPOCH if it is set, else the commit's time, else 1980: never the time of a checkout."""
    given = environ.get("SOURCE_DATE_EPOCH")
    if given:
        if not given.isdecimal():
            raise UsageError(
                f"SOURCE_DATE_EPOCH: expected seconds since 1970, got {given!r}",
                hint="unset it, or set it to `git log -1 --format=%ct`",
            )
        return max(int(given), _LATEST_PRE_1980)
    return max(git.commit_time() if git else 0, _LATEST_PRE_1980)


def _inside(project: Path, path: Path) -> str:
    try:
        inside = path.resolve().relative_to(project.resolve()).as_posix()
    except ValueError:
        return ""
    return "" if inside == "." else inside
