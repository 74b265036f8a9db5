"""What was resolved in cells becomes part of a lock; the lock's other cells stay as they are. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from matrix_runner.errors import UsageError
from matrix_runner.locking.lock_values import (
    LOCK,
    Group,
    Lock,
    LockedEnvironment,
    LockedFile,
    LockedGroup,
    LockedImage,
    LockedPackage,
)
from matrix_runner.model.cells import Cell
from matrix_runner.model.platforms import Platform

_ORDER: Final = tuple(Group)


class ResolvedPackage(msgspec.Struct, frozen=True, kw_only=True):
    """A package as an installer has chosen it in a cell. `name`: normalised (PEP 503)."""

    name: str
    version: str
    file: LockedFile

    @property
    def pin(self) -> str:
        """The requirement of this version."""
        return f"{self.name}=={self.version}"


class ResolvedGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A group as it was resolved in a cell. `requires`: as project and options ask."""

    requires: tuple[str, ...]
    packages: tuple[ResolvedPackage, ...]

    def locked(self) -> LockedGroup:
        """Return it as the lock has it."""
        return LockedGroup(
            requires=tuple(sorted(set(self.requires))),
            pins=tuple(sorted({each.pin for each in self.packages})),
        )


class ResolvedCell(msgspec.Struct, frozen=True, kw_only=True):
    """All that was resolved in a cell. `image`: None on this machine itself."""

    cell: Cell
    image: LockedImage | None
    groups: Mapping[Group, ResolvedGroup]


def merge(old: Lock, resolved: Sequence[ResolvedCell], *, upgraded: Collection[str], everything: bool) -> Lock:
    """Return the lock with what was resolved in the place of what it had of these cells.

    `upgraded`: names of packages whose files may have changed in place; `everything`: those of all may. Raise
    UsageError for a file of the same name with another hash: an index that exchanges a file is what a lock is there
    to find.
    """
    packages = tuple(each for cell in resolved for group in cell.groups.values() for each in group.packages)
    if not everything:
        _refuse_exchanged(old, (each for each in packages if each.name not in upgraded))
    cells = {each.cell: _groups(each) for each in resolved}
    kept = {cell: each.groups for each in old.environments for cell in each.cells if cell not in cells}
    environments = _shared({**kept, **cells})
    images = {(each.name, each.arch): each for each in old.images}
    images |= {(each.image.name, each.image.arch): each.image for each in resolved if each.image is not None}
    return Lock(
        images=tuple(sorted(images.values())),
        environments=environments,
        packages=_packages(old, packages, kept.values()),
    )


def without_platforms(lock: Lock, platforms: Collection[Platform]) -> Lock:
    """Return a lock without the cells on some platforms, and the images of their architectures.

    For a plan of all that a project builds there: cells that it does not have any more are to go, those of platforms
    that other machines build are to stay.
    """
    kept = ((tuple(cell for cell in each.cells if cell.platform not in platforms), each) for each in lock.environments)
    archs = {each.arch.tag for each in platforms}
    return replace(
        lock,
        environments=tuple(replace(each, cells=cells) for cells, each in kept if cells),
        images=tuple(each for each in lock.images if each.arch not in archs),
    )


def _refuse_exchanged(old: Lock, packages: Iterable[ResolvedPackage]) -> None:
    known = {(each.pin, file.name): file.sha256 for each in old.packages for file in each.files}
    for package in packages:
        before = known.get((package.pin, package.file.name))
        if before is not None and before != package.file.sha256:
            raise UsageError(
                f"{package.name} {package.version}: the index has another file {package.file.name} than {LOCK}:"
                f" its sha256 is {package.file.sha256}, the lock has {before}",
                hint="an index does not exchange files: find out what has happened; if the new one is meant, "
                f"`runner lock --upgrade-package {package.name}` takes it",
            )


def _groups(resolved: ResolvedCell) -> tuple[tuple[Group, LockedGroup], ...]:
    return tuple((group, resolved.groups[group].locked()) for group in _ORDER if group in resolved.groups)


def _shared(cells: Mapping[Cell, tuple[tuple[Group, LockedGroup], ...]]) -> tuple[LockedEnvironment, ...]:
    """Return an environment for all cells that have the same, in the order of their first cells."""
    alike: dict[tuple[tuple[Group, LockedGroup], ...], list[Cell]] = {}
    for cell in sorted(cells, key=_rank):
        alike.setdefault(cells[cell], []).append(cell)
    return tuple(LockedEnvironment(cells=tuple(several), groups=groups) for groups, several in alike.items())


def _rank(cell: Cell) -> tuple[str, tuple[int, int], str]:
    interpreter = cell.interpreter
    return (str(interpreter.implementation), interpreter.version, str(cell))


def _packages(
    old: Lock,
    resolved: Iterable[ResolvedPackage],
    kept: Iterable[tuple[tuple[Group, LockedGroup], ...]],
) -> tuple[LockedPackage, ...]:
    """Return the packages that cells refer to: of kept cells with the files that they had, and what was resolved."""
    still = {pin for groups in kept for _, group in groups for pin in group.pins}
    files = {
        (each.name, each.version): {file.name: file for file in each.files}
        for each in old.packages
        if each.pin in still
    }
    for each in resolved:
        files.setdefault((each.name, each.version), {})[each.file.name] = each.file
    return tuple(
        LockedPackage(name=name, version=version, files=tuple(sorted(several.values())))
        for (name, version), several in sorted(files.items())
    )
