"""What is expected of all jobs together: the cells of a plan, and whatever else is named. Pure."""

import re
from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

import bracex
import msgspec
from packaging.tags import Tag

from matrix_runner.errors import UsageError
from matrix_runner.model.cells import Cell, Interpreter
from matrix_runner.shards.matrix_forms.matrix_document import ExpectedCell, ExpectedPackage
from matrix_runner.wheelhouse.verification import is_of, is_tag_of

_OTHER: Final = re.compile(r"win32|win_[a-z0-9]+|(?:macosx|ios|android|pyodide|pyemscripten)_[a-z0-9_]+", re.ASCII)
_VERSIONED: Final = re.compile(r"^(macosx|ios|android|pyodide|pyemscripten)(?:_\d+)+_", re.ASCII)
"""Platform tags that have the version of a system in them (PEP 425 as of macOS, PEP 730, 738, 783)."""

SDIST: Final = "sdist"
ANY: Final = "any"


class OtherCell(msgspec.Struct, frozen=True, kw_only=True):
    """A cell of another system, by the identifier that cibuildwheel has for it: `cp313-win_amd64`.

    `package`: of a workspace, as in a cell.
    """

    interpreter: Interpreter
    platform: str
    package: str = ""

    def __str__(self) -> str:
        return _with_package(self.package, f"{self.interpreter}-{self.platform}")


class AnyPlace(msgspec.Struct, frozen=True):
    """Everywhere: the place of a wheel without compiled code, `py3-none-any`. `package`: as of another cell."""

    package: str = ""

    def __str__(self) -> str:
        return _with_package(self.package, ANY)


def _with_package(package: str, text: str) -> str:
    return f"{package}:{text}" if package else text


Place: TypeAlias = "Cell | OtherCell | AnyPlace"
"""What one wheel is expected for."""


def serves(tag: Tag, place: Place) -> bool:
    """Return whether a wheel with a tag was made for a place: a pure one only for `any`."""
    match place:
        case AnyPlace():
            return (tag.abi, tag.platform) == ("none", "any") and tag.interpreter.startswith("py3")
        case OtherCell():
            return platform_of(tag.platform) == place.platform and is_tag_of(tag, place.interpreter)
        case Cell():
            return is_of(tag.platform, place.platform) and is_tag_of(tag, place.interpreter)


def platform_of(tag: str) -> str:
    """Return a platform tag without the version of a system: `macosx_arm64` of `macosx_11_0_arm64`."""
    return _VERSIONED.sub(r"\1_", tag)


class Expectation(msgspec.Struct, frozen=True, kw_only=True):
    """What is expected. `cells`: of the plan, each with the size in bytes that its wheel may have, 0 for any.

    `others`: of other systems. `has_sdist`: whether one is expected; `makes_sdist`: whether the runs make it.
    `project`: its name, "" if it has none; `version`: "" if it is not known before a build. `size`: that other files
    may have. `packages`: those of a workspace, of which each has a project and perhaps an sdist; `package`: the one
    that all of it is about. `also_sdists`: the packages of which an sdist was made elsewhere.
    """

    cells: Mapping[Cell, int]
    others: tuple[OtherCell | AnyPlace, ...] = ()
    has_sdist: bool = False
    makes_sdist: bool = False
    project: str = ""
    version: str = ""
    packages: tuple[ExpectedPackage, ...] = ()
    package: str = ""
    also_sdists: frozenset[str] = frozenset()

    def of(self, package: ExpectedPackage) -> "Expectation":
        """Return what is expected of one package."""
        return Expectation(
            cells={cell: size for cell, size in self.cells.items() if cell.package == package.name},
            others=tuple(other for other in self.others if other.package == package.name),
            has_sdist=package.sdist or package.name in self.also_sdists,
            makes_sdist=package.sdist,
            project=package.project,
            version=package.project_version,
            package=package.name,
        )

    @property
    def places(self) -> tuple[Place, ...]:
        """All that a wheel is expected for, cells first."""
        return (*self.cells, *self.others)

    @property
    def size(self) -> int:
        """The size in bytes that files may have that are of no cell: that of most cells' wheels, 0 for any."""
        sizes = list(self.cells.values())
        return max(set(sizes), key=sizes.count) if sizes else 0


def expectation(  # noqa: PLR0913  each is a fact of the plan
    cells: Iterable[ExpectedCell],
    also: Iterable[str],
    *,
    has_sdist: bool,
    project: str = "",
    version: str = "",
    packages: tuple[ExpectedPackage, ...] = (),
    also_of: str = "",
) -> Expectation:
    """Return the expectation of a plan's cells, and of what was made elsewhere. Raise UsageError for `also`.

    `also`: `sdist`, `any`, or identifiers of cells of other systems, in which braces stand for several; of a workspace
    with the package in front, as cells have it. `also_of`: the package that is meant without. `has_sdist`: whether the
    runs make an sdist.
    """
    names = tuple(package.name for package in packages)
    words = [(*_of_package(word, names, also_of), word) for text in also for word in _words(text)]
    also_sdists = frozenset(package for package, what, _ in words if what == SDIST)
    others: dict[OtherCell | AnyPlace, None] = {}
    for package, what, word in words:
        if what != SDIST:
            others[AnyPlace(package) if what == ANY else _other_cell(package, what, word)] = None
    return Expectation(
        cells={Cell.parse(cell.identifier): cell.max_wheel_size for cell in cells},
        others=tuple(others),
        has_sdist=has_sdist or bool(also_sdists),
        makes_sdist=has_sdist,
        project=project,
        version=version,
        packages=packages,
        also_sdists=also_sdists,
    )


def _of_package(word: str, packages: tuple[str, ...], usual: str) -> tuple[str, str]:
    """Return the package that a word of `--also` is about, "" for a single one, and the rest. Raise UsageError."""
    package, _, what = word.rpartition(":")
    known = (
        f"those that are expected are {', '.join(packages)}" if packages else "no package of a workspace is expected"
    )
    if package and package not in packages:
        raise UsageError(f"--also {word!r} is about the package {package!r}, and {known}")
    if not package and len(packages) > 1 and not usual:
        raise UsageError(
            f"--also {word!r}: of which package of the workspace, it does not say",
            hint=f"Put the package in front: {packages[0]}:{word}.",
        )
    return package or usual or next(iter(packages), ""), what


def _words(text: str) -> list[str]:
    try:
        return [word for part in text.split() for word in bracex.expand(part, limit=1000)]
    except bracex.ExpansionLimitException as error:
        raise UsageError(f"--also {text!r} stands for more than 1000 cells") from error


def _other_cell(package: str, identifier: str, word: str) -> OtherCell:
    interpreter, _, platform = identifier.partition("-")
    hint = "sdist, any, or an identifier such as cp313-win_amd64, cp313-macosx_arm64; braces stand for several."
    try:
        cell = OtherCell(interpreter=Interpreter.parse(interpreter), platform=platform, package=package)
    except ValueError as error:
        raise UsageError(f"--also {word!r}: {error}", hint=hint) from error
    if _OTHER.fullmatch(platform) is None:
        is_linux = platform.startswith(("manylinux", "musllinux", "linux"))
        what = "is a Linux cell, which the plan expects or not" if is_linux else "names no system that is known"
        raise UsageError(f"--also {word!r} {what}", hint=hint)
    if platform_of(platform) != platform:
        raise UsageError(
            f"--also {word!r} has the version of a system in it, as tags of wheels have and identifiers have not",
            hint=f"Write {interpreter}-{platform_of(platform)}.",
        )
    return cell
