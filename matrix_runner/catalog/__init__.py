"""The catalog of interpreters and images, loaded from TOML files: a new version changes data, not code.

`load()` reads the data and returns it as one frozen value; the module holds no state.
"""

from enum import Enum
from importlib import resources

import msgspec
from packaging.version import InvalidVersion, Version

from matrix_runner.catalog.legacy import LegacyImage, load_legacy
from matrix_runner.catalog.policies import load_versions
from matrix_runner.model.cells import Cell, Implementation, Interpreter
from matrix_runner.model.platforms import Arch, Libc, Platform
from matrix_runner.toml import loads


class Support(Enum):
    """Support status of an interpreter or an image family."""

    CURRENT = "current"
    PRERELEASE = "prerelease"
    END_OF_LIFE = "eol"


class KnownInterpreter(msgspec.Struct, frozen=True, kw_only=True):
    """An interpreter that images contain, contained, or can install.

    `directories`: its names under `/opt/python`, newest spelling first. `group`: the `enable` group that admits it to
    the matrix, "" for none. `platforms`: where it exists, None for everywhere. `remark`: where to find it if missing.
    """

    interpreter: Interpreter
    directories: tuple[str, ...]
    support: Support
    group: str
    platforms: frozenset[Platform] | None
    remark: str | None

    @property
    def is_dropped(self) -> bool:
        """Whether current images neither contain nor can install it; PyPy and GraalPy remain installable."""
        is_cpython = self.interpreter.implementation is Implementation.CPYTHON
        return is_cpython and self.support is Support.END_OF_LIFE


class ImageFamily(msgspec.Struct, frozen=True, kw_only=True):
    """Images with a common short name, C library and libc version, one for each architecture.

    `interpreters`: all that it can ever have, None if only the image itself can tell; `not_on`: those of them that the
    image of an architecture has not. `is_made_here`: built by `runner image build`; `is_native_only`: where its
    architecture is not emulated. Families of one name complete each other.
    """

    name: str
    libc: Libc
    version: str
    support: Support
    references: tuple[tuple[Arch, str], ...]
    interpreters: frozenset[Interpreter] | None
    not_on: tuple[tuple[Arch, frozenset[Interpreter]], ...]
    is_made_here: bool
    is_native_only: bool

    def reference(self, arch: Arch) -> str | None:
        """Return the family's image for an architecture, pinned by digest where one is known; None if there is none."""
        return dict(self.references).get(arch)

    def can_have(self, cell: Cell) -> bool:
        """Whether its image for the cell's platform can have the cell's interpreter."""
        lacking = dict(self.not_on).get(cell.platform.arch, frozenset())
        return self.interpreters is None or cell.interpreter in self.interpreters - lacking

    def serves(self, platform: Platform) -> bool:
        """Whether the family has an image for a platform."""
        return self.libc is platform.libc and self.reference(platform.arch) is not None


class MadeSystem(msgspec.Struct, frozen=True, kw_only=True):
    """A clean system that is made here for `test-on`, of this name. `architectures`: each with Debian's name.

    `image`: the name of its images, but for the architecture.
    """

    name: str
    image: str
    suite: str
    packages: tuple[str, ...]
    architectures: tuple[tuple[Arch, str], ...]

    def reference(self, arch: Arch) -> str:
        """Return its image for an architecture."""
        return f"{self.image}_{arch}"


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """A block of the listing order of cells: some implementations on some platforms."""

    implementations: frozenset[Implementation]
    platforms: tuple[Platform, ...]


class Catalog(msgspec.Struct, frozen=True, kw_only=True):
    """All known interpreters, images and policy versions, in the order of the data files."""

    interpreters: tuple[KnownInterpreter, ...]
    order: tuple[Block, ...]
    images: tuple[ImageFamily, ...]
    legacy: tuple[LegacyImage, ...]
    policies: tuple[tuple[Libc, tuple[Version, ...]], ...]
    systems: tuple[MadeSystem, ...] = ()

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Every possible cell, in listing and planning order."""
        return tuple(
            Cell(interpreter=known.interpreter, platform=platform)
            for block in self.order
            for platform in block.platforms
            for known in self.interpreters
            if known.interpreter.implementation in block.implementations
            if known.platforms is None or platform in known.platforms
        )

    def last_image(self, cell: Cell) -> str | None:
        """Return the best published image that still contains a dropped interpreter, or None."""
        return next((image.reference(cell.platform) for image in self.legacy if image.holds(cell)), None)

    def remark(self, cell: Cell) -> str | None:
        """Return advice for users whose image lacks the cell's interpreter, or None."""
        last, own = self.last_image(cell), self.known(cell.interpreter).remark
        return "; ".join(filter(None, (f"{last} still holds it" if last else None, own))) or None

    def platform_tag(self, platform: Platform, libc_version: str) -> str | None:
        """Return the newest platform tag that a C library version (`2.36`) satisfies, or None if it is too old.

        auditwheel's own choice, `auto`, ends in a traceback for extensions that need no library (measured, 6.8).
        """
        try:
            own = Version(libc_version)
        except InvalidVersion:
            return None
        older = [version for version in dict(self.policies)[platform.libc] if version.release[:2] <= own.release[:2]]
        return f"{platform.libc}_{older[-1].major}_{older[-1].minor}_{platform.arch}" if older else None

    def known(self, interpreter: Interpreter) -> KnownInterpreter:
        """Return the catalog's entry for an interpreter; raise KeyError if there is none."""
        for known in self.interpreters:
            if known.interpreter == interpreter:
                return known
        raise KeyError(str(interpreter))

    def families(self, name: str) -> tuple[ImageFamily, ...]:
        """Return the image families with a short name, the preferred one first; none for any other name."""
        return tuple(family for family in self.images if family.name == name)

    def system(self, name: str, arch: Arch) -> MadeSystem | None:
        """Return the clean system of a name that is made here for an architecture, or None."""
        return next((each for each in self.systems if each.name == name and arch in dict(each.architectures)), None)


def platforms() -> tuple[Platform, ...]:
    """Every platform that a Linux wheel tag can name, glibc first."""
    return tuple(Platform(libc=libc, arch=arch) for libc in Libc for arch in Arch)


class _InterpreterRow(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    id: str
    directories: tuple[str, ...]
    status: Support
    group: str = ""
    platforms: tuple[str, ...] | None = None
    remark: str | None = None


class _BlockRow(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    implementations: tuple[Implementation, ...]
    platforms: tuple[str, ...]


class _ImageRow(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    name: str
    libc: Libc
    version: str
    status: Support
    references: dict[str, str]
    interpreters: tuple[str, ...] | None = None
    not_on: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    made_here: bool = False
    native_only: bool = False


class _SystemRow(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    name: str
    image: str
    suite: str
    packages: tuple[str, ...]
    architectures: dict[str, str]


def load() -> Catalog:
    """Read the data files into a catalog."""
    data = resources.files("matrix_runner.catalog")
    interpreters = loads(data.joinpath("interpreters.toml").read_text("utf-8"))
    images = loads(data.joinpath("images.toml").read_text("utf-8"))
    return Catalog(
        interpreters=tuple(
            map(_interpreter, msgspec.convert(interpreters["interpreter"], tuple[_InterpreterRow, ...]))
        ),
        order=tuple(map(_block, msgspec.convert(interpreters["block"], tuple[_BlockRow, ...]))),
        images=tuple(map(_family, msgspec.convert(images["image"], tuple[_ImageRow, ...]))),
        legacy=load_legacy(),
        policies=load_versions(),
        systems=tuple(map(_system, msgspec.convert(images["rung"], tuple[_SystemRow, ...]))),
    )


def _system(row: _SystemRow) -> MadeSystem:
    return MadeSystem(
        name=row.name,
        image=row.image,
        suite=row.suite,
        packages=row.packages,
        architectures=tuple((Arch.parse(arch), name) for arch, name in row.architectures.items()),
    )


def _interpreter(row: _InterpreterRow) -> KnownInterpreter:
    return KnownInterpreter(
        interpreter=Interpreter.parse(row.id),
        directories=row.directories,
        support=row.status,
        group=row.group,
        platforms=None if row.platforms is None else frozenset(map(Platform.parse, row.platforms)),
        remark=row.remark,
    )


def _block(row: _BlockRow) -> Block:
    return Block(implementations=frozenset(row.implementations), platforms=tuple(map(Platform.parse, row.platforms)))


def _family(row: _ImageRow) -> ImageFamily:
    return ImageFamily(
        name=row.name,
        libc=row.libc,
        version=row.version,
        support=row.status,
        references=tuple((Arch.parse(arch), reference) for arch, reference in row.references.items()),
        interpreters=None if row.interpreters is None else frozenset(map(Interpreter.parse, row.interpreters)),
        not_on=tuple((Arch.parse(arch), frozenset(map(Interpreter.parse, each))) for arch, each in row.not_on.items()),
        is_made_here=row.made_here,
        is_native_only=row.native_only,
    )
