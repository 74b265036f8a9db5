"""Selection of the project files that go into cells, and their common timestamp (SOURCE_DATE_EPOCH)."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from matrix_runner.config.kinds.values import SourceFiles
from matrix_runner.config.loading.build_files import BuildFiles
from matrix_runner.errors import UsageError
from matrix_runner.project.git import Git

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

IGNORED_OUTSIDE_GIT = """
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

_GIT = ".git"


class Why(Enum):
    """The reason why a file is left out."""

    IGNORED = "ignored by git"
    CHECKOUT = "a repository of its own"
    UNTRACKED = "not tracked in its submodule"


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """A file, or a directory (its name ends with a slash) with all that is in it, that git would not list."""

    name: str
    why: Why

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory."""
        return self.name.endswith("/")


class SourceSelection(msgspec.Struct, frozen=True, kw_only=True):
    """The files of a project to pack, by the options `source-...`.

    `own`: directories of this tool never to pack, such as the output directory. `build_files`: of the project, and of
    the package if that is another directory; default: the project's. `is_sdist`: whether the project was unpacked from
    an sdist: then all of it is packed, and git, whose configuration would be the sdist's, is not run in it.
    """

    project: Path
    environ: Mapping[str, str]
    own: Iterable[Path] = ()
    build_files: tuple[BuildFiles, ...] = ()
    files: SourceFiles = SourceFiles.GIT
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    with_history: bool = True
    is_sdist: bool = False

    @property
    def takes_all(self) -> bool:
        """Whether nothing is left out but `own` and `exclude`."""
        return self.is_sdist or self.files is SourceFiles.ALL

    @property
    def keeps_attributes(self) -> bool:
        """Whether files keep times and permissions: where object files of earlier builds go along, order matters."""
        return self.takes_all and not self.is_sdist


class ListedFiles(msgspec.Struct, frozen=True, kw_only=True):
    """The files to pack: names relative to the project, sorted. `epoch`: for SOURCE_DATE_EPOCH.

    `directories`: those to create although nothing in them is packed. `checkouts`: places of `.git`, "" for the
    project's own, which may be above it. `left_out`: by the choice of files that git lists.
    """

    names: tuple[str, ...]
    epoch: int
    directories: tuple[str, ...] = ()
    checkouts: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


def list_files(selection: SourceSelection, git: Git | None) -> ListedFiles:
    """List the files of a project that go into the cells. Raise MachineError, UsageError, OSError.

    `git`: None if it must not be asked.
    """
    skips = Skips(selection)
    listed = None if git is None or selection.takes_all else git.files()
    epoch = _epoch(selection.environ, git)
    left_out: list[LeftOut] = []
    directories: list[str] = []
    if selection.takes_all:
        names = list(walk(selection.project, "", skips.all_of, directories, with_git=selection.is_sdist))
    elif listed is None or git is None:
        names = list(walk(selection.project, "", leftovers(selection)))
    else:
        left_out = _left_out(git, listed)
        names = [name for name in listed if not name.endswith("/")]
        names += _brought(selection, left_out)
    kept = sorted({name for name in names if not skips(name)})
    checkouts = () if git is None or not selection.with_history else tuple(_checkouts(selection.project, kept))
    return ListedFiles(
        names=tuple(kept),
        directories=tuple(sorted(name for name in directories if not skips(f"{name}/"))),
        epoch=epoch,
        checkouts=tuple(place for place in checkouts if not skips(f"{place}/{_GIT}/HEAD".lstrip("/"))),
        left_out=tuple(left for left in left_out if not skips(left.name)),
    )


class Skips:
    """The names that are never packed: this tool's own, and those that `source-exclude` names."""

    def __init__(self, selection: SourceSelection) -> None:
        self._own = tuple(filter(None, (_inside(selection.project, path) for path in selection.own)))
        self._spec = _spec(selection.exclude)

    def __call__(self, name: str) -> bool:
        """Whether a name is one of them, or a directory of theirs (with a slash)."""
        if any(name.startswith(own) and name[len(own) : len(own) + 1] in {"", "/"} for own in self._own):
            return True
        return self._spec is not None and bool(self._spec.match_file(name))

    def all_of(self, name: str) -> bool:
        """Whether a directory (with a slash) need not be looked into. Patterns may bring back single files of it."""
        return any(f"{own}/" == name for own in self._own)


def _spec(patterns: Iterable[str]) -> "GitIgnoreSpec | None":
    lines = tuple(patterns)
    if not lines:
        return None
    # Imported late: most projects do not need it.
    from pathspec import GitIgnoreSpec

    return GitIgnoreSpec.from_lines(lines)


def leftovers(selection: SourceSelection) -> Callable[[str], bool]:
    """Return whether a name outside of a checkout is a usual leftover that no pattern brings."""
    ignored, brought = _spec(IGNORED_OUTSIDE_GIT.splitlines()), _spec(selection.include)
    assert ignored is not None  # noqa: S101  it is not empty

    def is_left(name: str) -> bool:
        if not ignored.match_file(name):
            return False
        # With patterns, every directory is looked into: they may bring a single file of it.
        return brought is None or not (name.endswith("/") or brought.match_file(name))

    return is_left


def _left_out(git: Git, listed: Iterable[str]) -> list[LeftOut]:
    """Return the files that git would not list."""
    left = [LeftOut(name=name, why=Why.CHECKOUT) for name in listed if name.endswith("/")]
    left += [LeftOut(name=name, why=Why.IGNORED) for name in git.ignored()]
    return left + list(_left_in_submodules(git, ""))


def _left_in_submodules(git: Git, place: str) -> Iterator[LeftOut]:
    for path in git.submodules():
        inner = git.below(path)
        if not os.path.lexists(inner.directory / _GIT) or inner.prefix != "":
            continue
        top = f"{place}{path}/"
        new = inner.untracked()
        yield from (LeftOut(name=top + name, why=Why.UNTRACKED) for name in new)
        yield from (LeftOut(name=top + name, why=Why.IGNORED) for name in inner.ignored())
        yield from _left_in_submodules(inner, top)


def _brought(selection: SourceSelection, left_out: Iterable[LeftOut]) -> Iterator[str]:
    """Yield the files that `source-include` names, of those that git leaves out."""
    spec = _spec(selection.include)
    if spec is None:
        return
    for left in left_out:
        inner = walk(selection.project, left.name.rstrip("/")) if left.is_directory else (left.name,)
        yield from (file for file in inner if spec.match_file(file))


def walk(
    project: Path,
    top: str,
    is_left: Callable[[str], bool] = lambda _: False,
    empty: list[str] | None = None,
    *,
    with_git: bool = False,
) -> Iterator[str]:
    """Yield the names of all files and links below `top`, relative to the project; links are not followed.

    `empty`: collects empty directories. `.git` is not looked into unless it is to be like any other.
    """
    entries = sorted(os.scandir(project / top), key=lambda entry: entry.name)
    if not entries and top and empty is not None:
        empty.append(top)
    for entry in entries:
        name = f"{top}/{entry.name}" if top else entry.name
        is_directory = entry.is_dir(follow_symlinks=False)
        if (entry.name == _GIT and not with_git) or is_left(name + "/" if is_directory else name):
            continue
        if is_directory:
            yield from walk(project, name, is_left, empty, with_git=with_git)
        else:
            yield name


def _checkouts(project: Path, names: Iterable[str]) -> Iterator[str]:
    """Yield the directories that have a `.git`, beginning with the project, which may be below one."""
    yield ""
    directories = {name.rpartition("/")[0] for name in names}
    directories |= {parent for directory in directories for parent in directories_around(directory)}
    yield from (place for place in sorted(directories - {""}) if os.path.lexists(project / place / _GIT))


def directories_around(name: str) -> Iterator[str]:
    """Yield the directories around a name, from the inside; not the top."""
    while "/" in name:
        name = name.rpartition("/")[0]
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
