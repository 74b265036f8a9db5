"""Packages of Linux distributions with the headers, libraries and programs that a build misses."""

from enum import Enum
from functools import cache
from importlib import resources
from typing import Final

import msgspec

from matrix_runner.toml import loads


class PackageManager(Enum):
    """A program that installs a distribution's packages, and the command that does it."""

    DNF = ("dnf", "dnf install -y {}")
    YUM = ("yum", "yum install -y {}")
    APT = ("apt-get", "apt-get update && apt-get install -y {}")
    APK = ("apk", "apk add {}")

    def __init__(self, program: str, command: str) -> None:
        """`program`: its name on PATH. `command`: the installation of the packages `{}`."""
        self.program = program
        self.command = command


class Need(Enum):
    """The kinds of things that a build can miss: by the words of the rules' field `needs`."""

    HEADER = "header"
    LIBRARY = "library"
    MODULE = "module"
    CMAKE = "cmake"
    PROGRAM = "program"


class SystemPackage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row of the table: what a package has, and its name in each distribution, if that has it."""

    headers: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    cmake: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    dnf: str | None = None
    yum: str | None = None
    apt: str | None = None
    apk: str | None = None

    def has(self, need: Need, name: str) -> bool:
        """Whether it has what is needed under this name. A header may be below a directory that it has."""
        match need:
            case Need.HEADER:
                return any(name == each or (each.endswith("/") and name.startswith(each)) for each in self.headers)
            case Need.LIBRARY:
                return name in self.libraries
            case Need.MODULE:
                return name in self.modules
            case Need.CMAKE:
                return name in self.cmake
            case Need.PROGRAM:
                return name in self.programs

    def named(self, manager: PackageManager) -> str | None:
        """Return its name for a package manager."""
        match manager:
            case PackageManager.DNF:
                return self.dnf
            case PackageManager.YUM:
                return self.yum or self.dnf
            case PackageManager.APT:
                return self.apt
            case PackageManager.APK:
                return self.apk


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    package: tuple[SystemPackage, ...]
    with_every_compiler: frozenset[str]
    of_other_systems: frozenset[str]


_ALL: Final = (("dnf", PackageManager.DNF), ("apt", PackageManager.APT), ("apk", PackageManager.APK))


@cache
def _table() -> _Table:
    """Return the table. Read only when something has failed, or a project is looked at."""
    text = resources.files("matrix_runner.catalog").joinpath("system_packages.toml").read_text("utf-8")
    return msgspec.convert(loads(text), _Table)


def load_packages() -> tuple[SystemPackage, ...]:
    """Return the rows of the table."""
    return _table().package


def package_with(need: Need, name: str) -> SystemPackage | None:
    """Return the row of the table that has what is needed, None if none has."""
    return next((each for each in load_packages() if each.has(need, name)), None)


def is_of_no_package(library: str) -> bool:
    """Whether a library comes with every compiler, or is one of another system, so that there is nothing to install."""
    return library.lower() in _table().with_every_compiler | _table().of_other_systems


def manager_of(programs: tuple[str, ...]) -> PackageManager | None:
    """Return the package manager of an image that has these programs: dnf before yum, which is another name of it."""
    return next((each for each in PackageManager if each.program in programs), None)


def installation(need: Need, name: str, manager: PackageManager | None) -> str | None:
    """Return advice to install the package that has what is needed; None if the table has none.

    `manager`: that of the image; None if it is not known, so that every distribution's name is told.
    """
    row = package_with(need, name)
    if row is None:
        return None
    if manager is not None:
        package = row.named(manager)
        return None if package is None else f"install it in before-all: `{manager.command.format(package)}`"
    names = [f"{package} ({word})" for word, each in _ALL if (package := row.named(each)) is not None]
    return f"install it in before-all: {', '.join(names)}"
