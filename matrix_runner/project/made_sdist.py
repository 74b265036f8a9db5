"""An sdist that a run has made: read and checked, and its files packed for the cells that build from it."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
from packaging import metadata
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from matrix_runner.config.mistakes import printable
from matrix_runner.errors import UsageError, WheelRejected
from matrix_runner.files import sha256_of
from matrix_runner.project.sdist import open_sdist
from matrix_runner.project.source_archive import SourceArchive, pack
from matrix_runner.project.source_files import SourceSelection
from matrix_runner.wheelhouse.sdist_name import SdistName, parse_sdist_name

_PKG_INFO: Final = "PKG-INFO"
_LARGEST: Final = 32 * 1024**2


class MadeSdist(msgspec.Struct, frozen=True, kw_only=True):
    """A checked sdist. `path`: the file, of `size` bytes. `archive`: its files, without the directory around them.

    `warnings`: what a package index may object to.
    """

    path: Path
    size: int
    sha256: str
    name: SdistName
    archive: SourceArchive
    warnings: tuple[str, ...] = ()


def read_sdist(path: Path, scratch: Path) -> MadeSdist:
    """Unpack, check and pack an sdist; the archive is written to `scratch`, an existing directory.

    It must hold one directory with a build file, and a PKG-INFO of the file name's project and version (PEP 517, 643).
    Raise WheelRejected if it does not, or if it is damaged or hostile; MachineError if `scratch` cannot be written to.
    """
    name = parse_sdist_name(path.name)
    try:
        with open_sdist(path, scratch) as directory:
            warnings = tuple(_objections(path.name, name, _read_pkg_info(directory, path.name)))
            selection = SourceSelection(project=directory, environ=os.environ, is_sdist=True)
            archive = pack(selection, scratch / "sdist.tar")
    except UsageError as error:
        # Of the user's own file it would be a mistake; this one the project's build has made.
        message = error.message.replace(printable(str(path)), path.name)
        raise WheelRejected(message, hint="The build backend has made it so.") from error
    return MadeSdist(
        path=path, size=path.stat().st_size, sha256=sha256_of(path), name=name, archive=archive, warnings=warnings
    )


def _read_pkg_info(directory: Path, filename: str) -> bytes:
    path = directory / _PKG_INFO
    if not path.is_file() or path.is_symlink() or path.stat().st_size > _LARGEST:
        raise WheelRejected(
            f"{filename} has no {_PKG_INFO}, by which installers know its name and version",
            hint="An sdist of any current build backend has one: is an old setuptools in build-system.requires?",
        )
    return path.read_bytes()


def _objections(filename: str, name: SdistName, pkg_info: bytes) -> Iterator[str]:
    """Yield what an index may object to. Raise WheelRejected for the metadata of another project or version."""
    raw, _ = metadata.parse_email(pkg_info)
    told = (raw.get("name", ""), raw.get("version", ""))
    if canonicalize_name(told[0]) != name.project or not _is_version(told[1], name.version):
        raise WheelRejected(
            f"{filename}: its {_PKG_INFO} is of {told[0] or 'no project'} {told[1] or 'without a version'}",
            hint="Name and version of the file come from the build backend: does a plugin of it change one of them?",
        )
    if filename != name.standard:
        yield f"{filename} is not named as package indexes want it (PEP 625): {name.standard}"
    try:
        metadata.Metadata.from_raw(raw, validate=True)
    except metadata.ExceptionGroup as group:
        found = "; ".join(printable(str(each)) for each in group.exceptions)
        yield f"{filename}: a package index may refuse its {_PKG_INFO}: {found}"


def _is_version(text: str, version: Version) -> bool:
    try:
        return Version(text) == version
    except InvalidVersion:
        return False
