"""What exists in the world: interpreters and images, read from data files that a bump changes without code.

The data is read when `load()` is called and returned as one frozen value; nothing is kept in the module.
"""

from dataclasses import dataclass
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
    """Where an interpreter or an image family stands in its life."""

    CURRENT = "current"
    PRERELEASE = "prerelease"
    END_OF_LIFE = "eol"


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownInterpreter:
    """An interpreter that images have, had, or can be made to have.

    `directories`: its names under `/opt/python`, newest spelling first. `group`: the `enable` group that lets it into
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
        """Whether current images neither hold it nor can install it; PyPy and GraalPy they can."""
        is_cpython = self.interpreter.implementation is Implementation.CPYTHON
        return is_cpython and self.support is Support.END_OF_LIFE


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageFamily:
    """Images that share a short name, a C library and its version, one for each architecture.

    `interpreters`: all it can ever have, None if that is for the image itself to say. `is_made_here`: built by
    `runner image build`.
    """

    name: str
    libc: Libc
    version: str
    support: Support
    references: tuple[tuple[Arch, str], ...]
    interpreters: frozenset[Interpreter] | None
    is_made_here: bool

    def reference(self, arch: Arch) -> str | None:
        """The image of this family for an architecture, pinned by digest where one is known."""
        return dict(self.references).get(arch)

    def serves(self, platform: Platform) -> bool:
        """Whether there is an image of this family for a platform."""
        return self.libc is platform.libc and self.reference(platform.arch) is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """A stretch of the order in which cells are listed: some implementations on some platforms."""

    implementations: frozenset[Implementation]
    platforms: tuple[Platform, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Catalog:
    """All that is known, in the order of the data files."""

    interpreters: tuple[KnownInterpreter, ...]
    order: tuple[Block, ...]
    images: tuple[ImageFamily, ...]
    legacy: tuple[LegacyImage, ...]
    policies: tuple[tuple[Libc, tuple[Version, ...]], ...]

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Every cell there could be, in the order in which they are listed and planned."""
        return tuple(
            Cell(interpreter=known.interpreter, platform=platform)
            for block in self.order
            for platform in block.platforms
            for known in self.interpreters
            if known.interpreter.implementation in block.implementations
            if known.platforms is None or platform in known.platforms
        )

    def last_image(self, cell: Cell) -> str | None:
        """Return the best of the published images that still hold an interpreter of former days, or None."""
        return next((image.reference(cell.platform) for image in self.legacy if image.holds(cell)), None)

    def remark(self, cell: Cell) -> str | None:
        """Say what helps a person whose image lacks the cell's interpreter, or None."""
        last, own = self.last_image(cell), self.known(cell.interpreter).remark
        return "; ".join(filter(None, (f"{last} still holds it" if last else None, own))) or None

    def platform_tag(self, platform: Platform, libc_version: str) -> str | None:
        """Return the tag of the newest policy that is not newer than a C library (`2.36`), or None if it is too old.

        auditwheel's own guess, `auto`, ends in a traceback for extensions that need no library (measured, 6.8).
        """
        try:
            own = Version(libc_version)
        except InvalidVersion:
            return None
        older = [version for version in dict(self.policies)[platform.libc] if version.release[:2] <= own.release[:2]]
        return f"{platform.libc}_{older[-1].major}_{older[-1].minor}_{platform.arch}" if older else None

    def known(self, interpreter: Interpreter) -> KnownInterpreter:
        """Return what is known of an interpreter; raise KeyError for one the catalog does not have."""
        for known in self.interpreters:
            if known.interpreter == interpreter:
                return known
        raise KeyError(str(interpreter))

    def family(self, name: str) -> ImageFamily | None:
        """Return the family with a short name, or None."""
        return next((family for family in self.images if family.name == name), None)


def platforms() -> tuple[Platform, ...]:
    """Every platform a wheel tag can name on Linux, glibc first."""
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
    made_here: bool = False


def load() -> Catalog:
    """Read the data files."""
    data = resources.files("matrix_runner.catalog")
    interpreters = loads(data.joinpath("interpreters.toml").read_text("utf-8"))
    images = loads(data.joinpath("images.toml").read_text("utf-8"))["image"]
    return Catalog(
        interpreters=tuple(
            map(_interpreter, msgspec.convert(interpreters["interpreter"], tuple[_InterpreterRow, ...]))
        ),
        order=tuple(map(_block, msgspec.convert(interpreters["block"], tuple[_BlockRow, ...]))),
        images=tuple(map(_family, msgspec.convert(images, tuple[_ImageRow, ...]))),
        legacy=load_legacy(),
        policies=load_versions(),
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
        is_made_here=row.made_here,
    )
