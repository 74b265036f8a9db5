"""Reading of a wheel for analysis: inspects it, then reads each of its ELF files."""

import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from matrix_runner.errors import OutputError, WheelRejected
from matrix_runner.files import read_chunks
from matrix_runner.policy.elf import Binary, read_elf
from matrix_runner.wheelhouse.inspection import ElfFile, WheelContents, inspect
from matrix_runner.wheelhouse.wheel_archive import open_archive

MEMBER_LIMIT = 4 * 1024**3
"""The maximal size of an unpacked file, in bytes; the largest libraries in wheels have some 2 GB."""

_IN_MEMORY = 64 * 1024**2


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelAnatomy:
    """A wheel and its ELF files, in the order of the archive."""

    contents: WheelContents
    binaries: tuple[Binary, ...]


def read_wheel(wheel: Path) -> WheelAnatomy:
    """Read a wheel file. Runs nothing of it, and unpacks one ELF file at a time, into an unnamed file.

    Raise WheelRejected for a file that is no wheel, is broken, or contradicts itself (`wheelhouse.inspect`);
    OutputError if there is no space for a large ELF file.
    """
    contents = inspect(wheel)
    try:
        with wheel.open("rb") as file, open_archive(file, wheel.name) as archive:
            binaries = tuple(_binaries(archive, contents))
    except OSError as error:
        raise WheelRejected(f"{wheel} cannot be read: {error.strerror or error}") from error
    return WheelAnatomy(contents=contents, binaries=binaries)


def _binaries(archive: zipfile.ZipFile, contents: WheelContents) -> Iterator[Binary]:
    for elf in contents.elf_files:
        try:
            member = archive.getinfo(elf.path)
        except KeyError:
            raise WheelRejected(f"{contents.filename} has changed while it was read") from None
        if member.file_size > MEMBER_LIMIT:
            raise WheelRejected(f"{contents.filename}: {elf.path} has {member.file_size} bytes: too many to look into")
        yield _binary(archive, member, elf)


def _binary(archive: zipfile.ZipFile, member: zipfile.ZipInfo, elf: ElfFile) -> Binary:
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as unpacked:
        with archive.open(member) as packed:
            for chunk in read_chunks(packed):
                _write(unpacked, chunk)
        unpacked.seek(0)
        return read_elf(unpacked, elf)


def _write(unpacked: "tempfile.SpooledTemporaryFile[bytes]", chunk: bytes) -> None:
    try:
        unpacked.write(chunk)
    except OSError as error:
        where = tempfile.gettempdir()
        raise OutputError(f"cannot unpack a library to {where}: {error.strerror or error}") from error
