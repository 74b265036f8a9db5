"""Places in the project to which a tool's message points, whatever path the tool knows the file by. Pure.

A build sees the project at another path, from the directory in which it compiles, or as an unpacked sdist; a path is
therefore compared from its end with the names of the project's files, and only one of these is ever a place.
"""

import re
from collections.abc import Iterable
from functools import cached_property
from typing import Final

import msgspec

from matrix_runner.model.outcomes import Place

_LONGEST: Final = 500
_MOST_LINES: Final = 10_000_000

_FOREIGN: Final = re.compile(r"/(usr|opt|lib\w*|bin|etc|proc|sys)/|.*/(site|dist)-packages/|<")
"""The beginning of paths that are no copy of the project: of the system, interpreters and installed packages."""


class ProjectFiles(msgspec.Struct, frozen=True, kw_only=True, dict=True):  # dict: the cached properties
    """The files of the project, by which places are found.

    `names`: relative to the project. `roots`: directories of the container that hold the project or a part of it, each
    with the part's path in the project ("" for all). `package`: the built package's directory in the project, "" for
    itself.
    """

    names: tuple[str, ...] = ()
    roots: tuple[tuple[str, str], ...] = ()
    package: str = ""

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self.names)

    @cached_property
    def _by_file_name(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name in self.names:
            found.setdefault(name.rpartition("/")[2], []).append(name)
        return found

    def place(self, path: str, line: str | None, column: str | None = None) -> Place | None:
        """Return the place of a path and a line as a tool has told them; None if it is in no file of the project."""
        name, number = self.name_of(path), _number(line)
        if name is None or number is None:
            return None
        return Place(path=name, line=number, column=_number(column))

    def name_of(self, path: str) -> str | None:
        """Return the name of the project's file that a path means, or None."""
        if not path or len(path) > _LONGEST:
            return None
        for root, prefix in self.roots:
            if path.startswith(f"{root}/"):
                parts = _parts(path[len(root) + 1 :])
                return self._exact(prefix, parts) or self._by_end(parts, least=1)
        if path.startswith("/"):
            # A copy somewhere else, as in a temporary directory: two names must agree.
            return None if _FOREIGN.match(path) else self._by_end(_parts(path), least=2)
        if _FOREIGN.match(f"/{path}"):
            return None
        parts = _parts(path)
        return self._exact(self.package, parts) or self._exact("", parts) or self._by_end(parts, least=1)

    def _exact(self, prefix: str, parts: list[str]) -> str | None:
        name = "/".join((*((prefix,) if prefix else ()), *parts))
        return name if name in self._known else None

    def _by_end(self, parts: list[str], *, least: int) -> str | None:
        """Return the one file whose path ends as these parts do, the longest end first; None if several do."""
        candidates = self._by_file_name.get(parts[-1], []) if parts else []
        for count in range(len(parts), least - 1, -1):
            end = "/".join(parts[-count:])
            if end in self._known:
                return end
            found = [name for name in candidates if name.endswith(f"/{end}")]
            if found:
                return found[0] if len(found) == 1 else None
        return None


def first_place(files: ProjectFiles, told: Iterable[tuple[str, str | None, str | None]]) -> Place | None:
    """Return the first of several places, told as path, line and column, that is in the project."""
    return next((place for each in told if (place := files.place(*each)) is not None), None)


def _parts(path: str) -> list[str]:
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            # Out of a directory that the path itself names; else out of one that the tool works in.
            del parts[-1:]
        elif part not in {"", "."}:
            parts.append(part)
    return parts


def _number(text: str | None) -> int | None:
    # Not `isdigit`, which takes other scripts' digits too.
    if text is None or not re.fullmatch(r"[0-9]{1,8}", text):
        return None
    number = int(text)
    return number if 0 < number < _MOST_LINES else None
