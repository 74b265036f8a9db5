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
    """A cell of another system, by the identifier that cibuildwheel has for it: `cp313-win_amd64`."""

    interpreter: Interpreter
    platform: str

    def __str__(self) -> str:
        return f"{self.interpreter}-{self.platform}"


class AnyPlace(msgspec.Struct, frozen=True):
    """Everywhere: the place of a wheel without compiled code, `py3-none-any`."""

    def __str__(self) -> str:
        return ANY


Place: TypeAlias = "Cell | OtherCell | AnyPlace"
"""What one wheel is expected for."""


def serves(tag: Tag, place: Place) -> bool:
    """Return whether a wheel with a tag was made for a place: a pure one only for `any`."""
    match place:
        case AnyPlace():
            return (tag.abi, tag.platform) == ("none", "any")
        case OtherCell():
            return platform_of(tag.platform) == place.platform and is_tag_of(tag, place.interpreter)
        case Cell():
            return is_of(tag.platform, place.platform) and is_tag_of(tag, place.interpreter)


def platform_of(tag: str) -> str:
    """Return a platform tag without the version of a system: `macosx_arm64` of `macosx_11_0_arm64`."""
    return _VERSIONED.sub(r"\1_", tag)


class Expectation(msgspec.Struct, frozen=True, kw_only=True):
    """What is expected. `cells`: of the plan, each with the size in bytes that its wheel may have, 0 for any.

    `others`: of other systems. `project`: its name, "" if it has none. `size`: that other files may have. `packages`:
    those of a workspace, of which each has a project and perhaps an sdist; `package`: the one that all of it is about.
    """

    cells: Mapping[Cell, int]
    others: tuple[OtherCell | AnyPlace, ...] = ()
    has_sdist: bool = False
    project: str = ""
    packages: tuple[ExpectedPackage, ...] = ()
    package: str = ""

    def of(self, package: ExpectedPackage) -> "Expectation":
        """Return what is expected of one package."""
        return Expectation(
            cells={cell: size for cell, size in self.cells.items() if cell.package == package.name},
            has_sdist=package.sdist,
            project=package.project,
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


def expectation(
    cells: Iterable[ExpectedCell],
    also: Iterable[str],
    *,
    has_sdist: bool,
    project: str = "",
    packages: tuple[ExpectedPackage, ...] = (),
) -> Expectation:
    """Return the expectation of a plan's cells, and of what was made elsewhere. Raise UsageError for `also`.

    `also`: `sdist`, `any`, or identifiers of cells of other systems, in which braces stand for several.
    """
    words = [word for text in also for word in _words(text)]
    if words and packages:
        raise UsageError(
            f"--also {words[0]!r}: of which package of the workspace, it does not say",
            hint="Collect what was made elsewhere by package: --package names one.",
        )
    others: dict[OtherCell | AnyPlace, None] = {}
    for word in words:
        if word != SDIST:
            others[AnyPlace() if word == ANY else _other_cell(word)] = None
    return Expectation(
        cells={Cell.parse(cell.identifier): cell.max_wheel_size for cell in cells},
        others=tuple(others),
        has_sdist=has_sdist or SDIST in words,
        project=project,
        packages=packages,
    )


def _words(text: str) -> list[str]:
    try:
        return [word for part in text.split() for word in bracex.expand(part, limit=1000)]
    except bracex.ExpansionLimitException as error:
        raise UsageError(f"--also {text!r} stands for more than 1000 cells") from error


def _other_cell(word: str) -> OtherCell:
    interpreter, _, platform = word.partition("-")
    hint = "sdist, any, or an identifier such as cp313-win_amd64, cp313-macosx_arm64; braces stand for several."
    try:
        cell = OtherCell(interpreter=Interpreter.parse(interpreter), platform=platform)
    except ValueError as error:
        raise UsageError(f"--also {word!r}: {error}", hint=hint) from error
    if _OTHER.fullmatch(platform) is None:
        is_linux = platform.startswith(("manylinux", "musllinux", "linux"))
        what = "is a Linux cell, which the plan expects or not" if is_linux else "names no system that is known"
        raise UsageError(f"--also {word!r} {what}", hint=hint)
    return cell
