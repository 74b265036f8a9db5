"""Locks for tests: small ones, and answers of cells from which they are made."""

from collections.abc import Mapping

from matrix_runner.locking.lock_merge import ResolvedCell, ResolvedGroup, ResolvedPackage
from matrix_runner.locking.lock_values import Group, LockedFile, LockedImage
from matrix_runner.model.cells import Cell

ONE, TWO, OTHER = "cp311-manylinux_x86_64", "cp313-manylinux_x86_64", "cp313-manylinux_i686"


def sha(seed: str) -> str:
    """Return a digest that a text stands for."""
    return (seed.encode().hex() * 64)[:64]


def resolved(name: str, version: str = "1", *, seed: str = "", tag: str = "any") -> ResolvedPackage:
    """Return a package as a cell has it."""
    file = f"{name}-{version}-py3-none-{tag}.whl"
    return ResolvedPackage(name=name, version=version, file=LockedFile(name=file, sha256=sha(seed or file)))


def image(arch: str, seed: str = "image", name: str = "registry/image:1") -> LockedImage:
    """Return an image of a registry."""
    return LockedImage(name=name, arch=arch, reference=name, digest=f"sha256:{sha(seed + arch)}")


def answer(
    cell: str, groups: Mapping[Group, tuple[ResolvedPackage, ...]], *, requires: tuple[str, ...] = ("setuptools",)
) -> ResolvedCell:
    """Return what a cell has resolved."""
    parsed = Cell.parse(cell)
    return ResolvedCell(
        cell=parsed,
        image=image(parsed.platform.arch.tag),
        groups={group: ResolvedGroup(requires=requires, packages=packages) for group, packages in groups.items()},
    )
