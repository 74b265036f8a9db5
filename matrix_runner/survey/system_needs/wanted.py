"""Libraries and programs of the system that a build looks for, as its files name them."""

from collections.abc import Iterable
from typing import Final

import msgspec

from matrix_runner.catalog.system_packages import Need, SystemPackage, is_of_no_package, package_with
from matrix_runner.survey.project_files import ProjectFiles


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a build looks for. `where`: the file that says so.

    `is_sure`: whether the build cannot do without, as far as its files tell; other mentions may be for other systems,
    or for a choice that nobody makes.
    """

    need: Need
    name: str
    where: str
    is_sure: bool


class Requirement(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the table of packages that a build needs, and what said so. Without `package`, nobody knows any."""

    package: SystemPackage | None
    wanted: tuple[Wanted, ...]


_NOT_FOR_INSTALLATION: Final = frozenset(
    ("gcc", "gcc-c++", "python3-devel", "make", "kernel-headers", "git", "patchelf", "curl", "pkgconf-pkg-config")
)
"""Packages (by their name for dnf) that images have, or that a build's own requirements bring."""


def required(wanted: Iterable[Wanted], files: ProjectFiles) -> tuple[Requirement, ...]:
    """Return what has to be installed, a row of the table each; and what is surely needed and in no row of it.

    A library that may be needed is not installed if the project brings its headers: that is its own choice of a
    version. A program is, as headers are no program.
    """
    rows: dict[SystemPackage, list[Wanted]] = {}
    unknown: dict[str, list[Wanted]] = {}
    for each in wanted:
        if each.need is Need.LIBRARY and is_of_no_package(each.name):
            continue
        row = package_with(each.need, each.name)
        if row is not None:
            if row.dnf not in _NOT_FOR_INSTALLATION:
                rows.setdefault(row, []).append(each)
        elif each.is_sure:
            unknown.setdefault(each.name, []).append(each)
    return (
        *(
            Requirement(package=row, wanted=tuple(several))
            for row, several in rows.items()
            if any(each.is_sure or each.need is Need.PROGRAM for each in several)
            or not any(map(files.has_header, row.headers))
        ),
        *(Requirement(package=None, wanted=tuple(several)) for several in unknown.values()),
    )
