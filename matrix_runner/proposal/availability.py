"""Cells in which a requirement has no wheel, so that it would be compiled there, or could not be installed."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec
from packaging.markers import InvalidMarker, Marker
from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from matrix_runner.model.cells import Cell, Interpreter
from matrix_runner.model.platforms import Libc, Platform

_STABLE: Final = re.compile(r"cp3(\d+)")


class LockedPackage(msgspec.Struct, frozen=True, kw_only=True):
    """A package in a lock file (PEP 751): where it is installed, and its wheels' names."""

    name: str
    marker: str = ""
    wheels: tuple[str, ...] = ()

    def is_missing_in(self, cell: Cell) -> bool:
        """Whether the cell would install it, and has no wheel of it, though others have one with compiled code."""
        if not self._is_for(cell):
            return False
        tags = [tag for name in self.wheels for tag in _tags(name)]
        if all(tag.platform == "any" for tag in tags):
            return False
        return not any(_fits(tag, cell) for tag in tags)

    def _is_for(self, cell: Cell) -> bool:
        try:
            return not self.marker or Marker(self.marker).evaluate(_environment(cell))
        except InvalidMarker:
            return True


class MissingWheels(msgspec.Struct, frozen=True, kw_only=True):
    """Cells in which packages have no wheel: patterns of them, and the names of the packages."""

    patterns: tuple[str, ...]
    packages: tuple[str, ...]


def missing_wheels(packages: Iterable[LockedPackage], cells: Iterable[Cell]) -> MissingWheels | None:
    """Return the planned cells in which one of the packages has no wheel; None if there are none."""
    cells, packages = tuple(cells), tuple(packages)
    missing = {cell: [each.name for each in packages if each.is_missing_in(cell)] for cell in cells}
    missing = {cell: names for cell, names in missing.items() if names}
    if not missing:
        return None
    names = sorted({name for several in missing.values() for name in several})
    return MissingWheels(patterns=tuple(_patterns(frozenset(missing), cells)), packages=tuple(names))


def _patterns(missing: frozenset[Cell], cells: tuple[Cell, ...]) -> Iterator[str]:
    """Yield patterns that match these cells: an architecture, a platform, an interpreter, the rest one by one."""
    left = set(missing)
    for arch in dict.fromkeys(cell.platform.arch for cell in cells):
        of_arch = {cell for cell in cells if cell.platform.arch is arch}
        if of_arch <= left:
            yield f"*_{arch}"
            left -= of_arch
    for platform in dict.fromkeys(cell.platform for cell in cells):
        of_platform = {cell for cell in cells if cell.platform == platform}
        if of_platform <= left:
            yield f"*-{platform}"
            left -= of_platform
    for interpreter in dict.fromkeys(cell.interpreter for cell in cells):
        of_interpreter = {cell for cell in cells if cell.interpreter == interpreter} - (missing - left)
        if of_interpreter and of_interpreter <= left:
            yield f"{interpreter}-*"
            left -= of_interpreter
    yield from sorted(map(str, left))


def _tags(name: str) -> frozenset[Tag]:
    try:
        return parse_wheel_filename(name)[3]
    except InvalidWheelFilename:
        return frozenset()


def _fits(tag: Tag, cell: Cell) -> bool:
    return _fits_interpreter(tag, cell.interpreter) and _fits_platform(tag.platform, cell.platform)


def _fits_interpreter(tag: Tag, interpreter: Interpreter) -> bool:
    if tag.abi == "none":
        return tag.interpreter in {
            f"py{interpreter.major}",
            f"py{interpreter.major}{interpreter.minor}",
            _plain(interpreter),
        }
    if tag.abi == "abi3":
        since = _STABLE.fullmatch(tag.interpreter)
        return since is not None and interpreter.supports_stable_abi and int(since[1]) <= interpreter.minor
    return tag.abi == str(interpreter)


def _plain(interpreter: Interpreter) -> str:
    return f"{interpreter.implementation}{interpreter.major}{interpreter.minor}"


def _fits_platform(tag: str, platform: Platform) -> bool:
    """Whether a platform tag is for a platform, of whichever version: images are newer than most wheels ask for."""
    if tag == "any":
        return True
    family = "musllinux" if platform.libc is Libc.MUSL else "manylinux"
    return tag.startswith(family) and tag.endswith(f"_{platform.arch}")


def _environment(cell: Cell) -> dict[str, str]:
    version = f"{cell.interpreter.major}.{cell.interpreter.minor}"
    return {
        "python_version": version,
        "python_full_version": f"{version}.0",
        "implementation_name": "cpython",
        "implementation_version": f"{version}.0",
        "platform_python_implementation": "CPython",
        "os_name": "posix",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": str(cell.platform.arch),
        "platform_release": "",
        "platform_version": "",
        "extra": "",
    }
