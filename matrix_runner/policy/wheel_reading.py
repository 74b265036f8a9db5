"""Reading of a wheel for analysis: inspects it, and reads each of its ELF files on the way."""

from itertools import accumulate
from pathlib import Path
from threading import Lock
from typing import IO

import msgspec

from matrix_runner.errors import WheelRejected
from matrix_runner.model.elf_files import ElfFile
from matrix_runner.policy.elf_reading.elf import Binary, read_elf
from matrix_runner.policy.sboms import Bill, read_bill
from matrix_runner.wheelhouse.inspection import WheelContents, inspect
from matrix_runner.wheelhouse.wheel_archive import open_archive

_SBOM_LIMIT = 16 * 1024**2
"""Bytes of a wheel's bills of materials that are read, in their order; those of Rust projects have some hundred
kilobytes. As Python's objects they are thirty times as large."""


_NAMES_LIMIT = 1 << 20
"""Names in all ELF files of a wheel that are read, of libraries, versions and symbols that must come from elsewhere:
several times those of the largest wheels. Each file has limits of its own, and a wheel can have any number of files."""


class WheelAnatomy(msgspec.Struct, frozen=True, kw_only=True):
    """A wheel and its ELF files, in the order of the archive. `bill`: its bills of materials, None if it has none."""

    contents: WheelContents
    binaries: tuple[Binary, ...]
    bill: Bill | None


def read_wheel(wheel: Path) -> WheelAnatomy:
    """Read a wheel file, once. Runs nothing of it.

    Raise WheelRejected for a file that is no wheel, is broken, or contradicts itself, OutputError if there is no space
    for a large ELF file (`wheelhouse.inspection.inspect`).
    """
    binaries: dict[str, Binary] = {}
    lock, names = Lock(), 0

    def examine(elf: ElfFile, file: IO[bytes]) -> None:
        nonlocal names
        binary = read_elf(file, elf)
        with lock:
            names += binary.name_count
            if names > _NAMES_LIMIT:
                raise WheelRejected(f"{wheel.name}: its libraries have more than {_NAMES_LIMIT} names in them")
        binaries[elf.path] = binary

    contents = inspect(wheel, examine)
    in_order = tuple(binaries[elf.path] for elf in contents.elf_files)
    return WheelAnatomy(contents=contents, binaries=in_order, bill=_bill(wheel, contents))


def _bill(wheel: Path, contents: WheelContents) -> Bill | None:
    if not contents.sboms:
        return None
    try:
        with wheel.open("rb") as file, open_archive(file, wheel.name) as archive:
            members = [archive.getinfo(path) for path in contents.sboms]
            sizes = accumulate(member.file_size for member in members)
            few = [member for member, size in zip(members, sizes, strict=True) if size <= _SBOM_LIMIT]
            return read_bill(map(archive.read, few))
    except (OSError, KeyError) as error:
        raise WheelRejected(f"{wheel} cannot be read: {error}") from error
