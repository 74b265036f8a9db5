"""The files of a project that a survey looks at: their names, and their texts, each read at most once."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from configparser import Error as ConfigParserError
from configparser import RawConfigParser
from functools import cached_property
from pathlib import Path
from typing import Final

from matrix_runner.config.loading.build_files import PYPROJECT
from matrix_runner.project.git import Git
from matrix_runner.project.source_files import SourceSelection, list_files
from matrix_runner.toml import TOMLDecodeError, TOMLValue, loads

_LARGEST: Final = 2_000_000
"""Bytes of a file that is read: larger ones are generated code, or data."""

_BROUGHT: Final = re.compile(
    r"_?vendor\b.*|vendored.*|third[-_]?party|3rdparty|externals?|ext_libs|extern|deps|dependencies|subprojects|submodules"
    r"|bundled.*|contrib|node_modules",
    re.IGNORECASE,
)
"""Names of directories of other projects' code."""

_CMAKE_PROJECT: Final = re.compile(r"^\s*project\s*\(", re.IGNORECASE | re.MULTILINE)
_MESON_PROJECT: Final = re.compile(r"^\s*project\s*\(", re.MULTILINE)

_BESIDE: Final = frozenset(
    [
        "test",
        "tests",
        "testing",
        "example",
        "examples",
        "benchmark",
        "benchmarks",
        "bench",
        "doc",
        "docs",
        "demo",
        "demos",
        "tools",
        "fuzz",
        "fuzzing",
        "sample",
        "samples",
        "ci",
    ]
)


class ProjectFiles:
    """The files of a project: what git lists of a checkout, everything but usual leftovers elsewhere."""

    def __init__(self, directory: Path, names: Iterable[str]) -> None:
        """`names`: relative to the directory, with `/`."""
        self.directory = directory
        self.names = tuple(sorted(names))
        self._texts: dict[str, str] = {}
        self._sections: dict[str, RawConfigParser] = {}

    @classmethod
    def of(cls, directory: Path, environ: Mapping[str, str]) -> "ProjectFiles":
        """List them. Raise MachineError, UsageError, OSError."""
        selection = SourceSelection(project=directory, environ=environ)
        return cls(directory, list_files(selection, Git(directory, environ)).names)

    def __contains__(self, name: str) -> bool:
        return name in self._set

    @cached_property
    def _set(self) -> frozenset[str]:
        return frozenset(self.names)

    def text(self, name: str) -> str:
        """Return the text of a file, "" for one that is missing, unreadable or large; invalid UTF-8 is replaced."""
        if name not in self._texts:
            self._texts[name] = self._read(name) if name in self else ""
        return self._texts[name]

    def _read(self, name: str) -> str:
        path = self.directory / name
        try:
            # A pipe or a device would be waited for.
            if not path.is_file() or os.path.getsize(path) > _LARGEST:  # noqa: PTH202
                return ""
            return path.read_bytes().decode("utf-8-sig", "replace")
        except OSError:
            return ""

    def ini(self, name: str) -> RawConfigParser:
        """Return a file of sections, such as setup.cfg; one without any for a file that is missing or is none."""
        if name not in self._sections:
            parser = RawConfigParser(strict=False)
            try:
                parser.read_string(self.text(name))
            except ConfigParserError:
                parser = RawConfigParser()
            self._sections[name] = parser
        return self._sections[name]

    @cached_property
    def pyproject(self) -> dict[str, TOMLValue]:
        """The content of pyproject.toml; empty if it is missing or no TOML."""
        try:
            return loads(self.text(PYPROJECT))
        except TOMLDecodeError:
            return {}

    def below(self, directory: str) -> Iterator[str]:
        """Yield the names of the files in a directory and below it; "" is the project."""
        prefix = f"{directory}/" if directory else ""
        return (name for name in self.names if name.startswith(prefix))

    def ending(self, *suffixes: str) -> Iterator[str]:
        """Yield the names with one of these endings."""
        return (name for name in self.names if name.endswith(suffixes))

    @cached_property
    def own(self) -> tuple[str, ...]:
        """The names of the project's own code: without brought libraries, tests, examples, documentation."""
        brought = tuple(f"{directory}/" for directory in self._other_projects)
        return tuple(
            name
            for name in self.names
            if not name.startswith(brought)
            and not any(part.lower() in _BESIDE or _BROUGHT.fullmatch(part) for part in name.split("/")[:-1])
        )

    @cached_property
    def _other_projects(self) -> tuple[str, ...]:
        """Directories that are projects of CMake or Meson of their own, below another one of these."""
        found = []
        for build_file, call in (("CMakeLists.txt", _CMAKE_PROJECT), ("meson.build", _MESON_PROJECT)):
            tops = [name.rpartition("/")[0] for name in self.names if name.rpartition("/")[2] == build_file]
            tops = [top for top in tops if call.search(self.text(f"{top}/{build_file}".lstrip("/")))]
            least = min((top.count("/") + bool(top) for top in tops), default=0)
            found += [top for top in tops if top.count("/") + bool(top) > least]
        return tuple(found)

    def has_header(self, name: str) -> bool:
        """Whether the project brings a header of this name, at whatever depth; with `/`, any in such a directory.

        A Python package that is named like a library (`gssapi/`) is none of the library's directories.
        """
        if name.endswith("/"):
            found = (f"/{each}".rpartition(f"/{name}") for each in self._headers)
            return any(inside and f"{before}/{name}__init__.py"[1:] not in self for before, inside, _ in found)
        return any(each == name or each.endswith(f"/{name}") for each in self._headers)

    @cached_property
    def _headers(self) -> frozenset[str]:
        return frozenset(self.ending(".h", ".hpp", ".hh", ".hxx", ".h.in"))
