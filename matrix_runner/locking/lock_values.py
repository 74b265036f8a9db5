"""The values of a lock: images, and for each cell groups of requirements, with the files of packages. Pure."""

from enum import Enum
from functools import cached_property
from typing import Final

import msgspec

from matrix_runner.model.cells import Cell

LOCK: Final = "matrix-runner.lock"
"""The file's name, beside pyproject.toml."""


class Group(Enum):
    """A set of requirements that are installed together."""

    BUILD = "build"
    """Of the build's isolated environment."""
    TEST = "test"
    """Of the wheel itself and of its test."""
    TOOLS = "tools"
    """The tools that this program installs in the cell: pip, and `build` where that is the frontend."""
    AUDIT = "audit"
    """The tools that check the repaired wheel."""

    def __str__(self) -> str:
        return self.value


class LockedImage(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """An image. `name`: as an option names it. `arch`: the cells' architecture.

    `digest`: the registry's; "" for an image that no registry has, of which only the engine's `image_id` is known.
    `reference`: without a digest, and without a tag if there is one.
    """

    name: str
    arch: str
    reference: str
    digest: str = ""
    image_id: str = ""

    @property
    def pinned(self) -> str:
        """The reference by which an engine gets just this image, if a registry has it."""
        return f"{self.reference}@{self.digest}" if self.digest else self.reference


class LockedFile(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A wheel of a package index. `sha256`: in hexadecimal."""

    name: str
    sha256: str


class LockedPackage(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A version of a package, with those of its files that cells use. `name`: normalised (PEP 503)."""

    name: str
    version: str
    files: tuple[LockedFile, ...]

    @property
    def pin(self) -> str:
        """The requirement of this version."""
        return f"{self.name}=={self.version}"


class LockedGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A group in an environment. `requires`: as project and options ask; `pins`: the answer, as `name==version`."""

    requires: tuple[str, ...]
    pins: tuple[str, ...]


class LockedEnvironment(msgspec.Struct, frozen=True, kw_only=True):
    """What several cells have alike. `groups`: in the order of `Group`."""

    cells: tuple[Cell, ...]
    groups: tuple[tuple[Group, LockedGroup], ...]


class Lock(msgspec.Struct, frozen=True, kw_only=True, dict=True):  # dict: each cell asks for many packages
    """The content of the file, in the order in which it is written."""

    images: tuple[LockedImage, ...] = ()
    environments: tuple[LockedEnvironment, ...] = ()
    packages: tuple[LockedPackage, ...] = ()

    def groups(self, cell: Cell) -> dict[Group, LockedGroup] | None:
        """Return the groups of a cell, None for a cell that is not locked."""
        own = cell.of_package("")
        return next((dict(each.groups) for each in self.environments if own in each.cells), None)

    def package(self, pin: str) -> LockedPackage | None:
        """Return the package of a requirement `name==version`."""
        return self._by_pin.get(pin)

    @cached_property
    def _by_pin(self) -> dict[str, LockedPackage]:
        return {each.pin: each for each in self.packages}

    def image(self, name: str, arch: str) -> LockedImage | None:
        """Return an image by its name in options and its architecture."""
        return next((each for each in self.images if (each.name, each.arch) == (name, arch)), None)
