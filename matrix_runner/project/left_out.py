"""The remark on files that git leaves out although the build may need them, with the option that brings them."""

import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Final

import msgspec

from matrix_runner.config.loading.build_files import BuildFiles
from matrix_runner.config.options.source_options import SOURCE_FILES, SOURCE_INCLUDE
from matrix_runner.project.source_files import LeftOut, ListedFiles, Why, walk
from matrix_runner.wording import size_text

_BUILD_FILES: Final = (
    *("pyproject.toml", "setup.py", "setup.cfg", "MANIFEST.in"),
    *("CMakeLists.txt", "meson.build", "Cargo.toml", "build.rs", "hatch_build.py", "Makefile"),
)

_SOURCES: Final = frozenset(
    {
        *(".py", ".pyi", ".pyx", ".pxd", ".c", ".cc", ".cpp", ".cxx", ".h", ".hh", ".hpp", ".hxx", ".cu"),
        *(".rs", ".f", ".f90", ".f95", ".go", ".zig", ".swig", ".i", ".S", ".s"),
    }
)
"""Suffixes of files that make a directory one of sources."""

_NOISE: Final = re.compile(
    r"""
    (^|/)(__pycache__|build|dist|sdist|wheelhouse|htmlcov|site-packages|node_modules|target|_build|_skbuild|CMakeFiles
      |cmake-build-[^/]*|\.[^/]*|venv|env|[^/]*\.egg-info|[^/]*\.dist-info|[^/]*\.dSYM)(/|$)
    | \.(py[co]|o|obj|d|gch|log|tmp|bak|orig|rej|swp|swo|whl|pyd|dylib|dll|exp|ilk|pdb|gcda|gcno|gcov|prof|profraw)$
    # Extension modules built in place, for one Python of this machine: in a cell they are stale, or for another one.
    | \.(cpython|pypy|graalpy|abi)[^./]*(-[^./]*)?(\.[^./]*)?\.so$
    | (~|/core|/CMakeCache\.txt|/cmake_install\.cmake|/Thumbs\.db|/Desktop\.ini)$
    """,
    re.VERBOSE,
)
"""Leftovers of building, testing and editing: whoever ignores these means it."""

_WORD: Final = re.compile(r"[\w./*?\[\]@+-]+")
_WRITTEN: Final = re.compile(r"(?:version[_-]?file\w*|write[_-]to)\W{1,6}([\w./-]+)")
"""The file that a version plugin writes in each build (setuptools-scm, hatch-vcs, versioneer)."""
_MOST_SHOWN: Final = 3


class _Size(msgspec.Struct, frozen=True, kw_only=True):
    files: int
    size: int

    @classmethod
    def of(cls, project: Path, left: LeftOut) -> "_Size":
        names = walk(project, left.name.rstrip("/")) if left.is_directory else iter((left.name,))
        sizes = [_size(project / name) for name in names if not _NOISE.search(name)]
        return cls(files=len(sizes), size=sum(sizes))


def remark(project: Path, listed: ListedFiles, build_files: Iterable[BuildFiles]) -> str | None:
    """Return a line on what is left out and might matter, None if there is nothing of that kind."""
    if not listed.left_out:
        return None
    packed = frozenset(listed.names)
    places = _Places.of(listed.names, build_files)
    candidates = [left for left in listed.left_out if left.name not in packed and places.may_need(left)]
    found = [(left, _Size.of(project, left)) for left in candidates if not _is_brought(left, packed)]
    found = [(left, size) for left, size in found if size.files]
    if not found:
        return None
    shown = [f"{left.name} ({left.why.value})" for left, _ in found[:_MOST_SHOWN]]
    if len(found) > _MOST_SHOWN:
        shown.append(f"{len(found) - _MOST_SHOWN} more")
    files, size = sum(one.files for _, one in found), sum(one.size for _, one in found)
    patterns = ", ".join(f'"/{left.name}"' for left, _ in found[:_MOST_SHOWN])
    return (
        f"not copied, though the build may need it: {', '.join(shown)}: {files} file{'' if files == 1 else 's'},"
        f" {size_text(size)}; {SOURCE_INCLUDE} = [{patterns}] brings {'it' if len(found) == 1 else 'them'},"
        f' {SOURCE_FILES} = "all" everything'
    )


class _Places(msgspec.Struct, frozen=True, kw_only=True):
    """The places where an ignored file may matter: directories of sources, and names in build files.

    `made`: files that the build itself makes anew.
    """

    sources: frozenset[str]
    names: frozenset[str]
    globs: tuple[str, ...]
    made: frozenset[str]

    @classmethod
    def of(cls, tracked: tuple[str, ...], build_files: Iterable[BuildFiles]) -> "_Places":
        sources = {name.rpartition("/")[0] for name in tracked if PurePosixPath(name).suffix in _SOURCES}
        texts = [files.text(name) for files in build_files for name in _BUILD_FILES]
        words = {word for text in texts for word in _words(text)}
        written = {word for text in texts for word in _WRITTEN.findall(text)}
        cythonized = {
            f"{name[:-4]}.{suffix}" for name in tracked if name.endswith(".pyx") for suffix in ("c", "cpp", "html")
        }
        return cls(
            # The top has a setup.py, or a conftest.py, and is no package.
            sources=frozenset(sources - {""}),
            names=frozenset(words),
            # `*` and `*.*` say nothing of the file.
            globs=tuple(sorted(word for word in words if "*" in word and re.search(r"\w{2}", word))),
            made=frozenset(written | cythonized),
        )

    def may_need(self, left: LeftOut) -> bool:
        """Whether the build may need it."""
        if _NOISE.search(left.name.rstrip("/")) or left.name in self.made:
            return False
        if left.why is not Why.IGNORED:
            return True
        path = PurePosixPath(left.name.rstrip("/"))
        if any(str(parent) in self.sources for parent in path.parents):
            return True
        return any(str(each) in self.names for each in (path, *path.parents)) or self._is_named(path)

    def _is_named(self, path: PurePosixPath) -> bool:
        if path.name in self.names:
            return True
        return any(fnmatchcase(path.name, word) or fnmatchcase(str(path), word) for word in self.globs)


def _words(text: str) -> Iterator[str]:
    for word in _WORD.findall(text):
        plain = word.strip("./")
        if len(plain) > 1:
            yield plain
            # A pattern such as static/*.js names its directory too.
            if "/" in plain:
                yield plain.rpartition("/")[0]


def _is_brought(left: LeftOut, packed: frozenset[str]) -> bool:
    """Whether files of a directory are among the packed: its user knows of it."""
    return left.is_directory and any(name.startswith(left.name) for name in packed)


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0
