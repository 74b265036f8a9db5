"""Reading of a wheel for analysis: inspects it, and reads each of its ELF files on the way."""

from dataclasses import dataclass
from pathlib import Path
from typing import IO

from matrix_runner.policy.elf import Binary, read_elf
from matrix_runner.wheelhouse.inspection import ElfFile, WheelContents, inspect


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelAnatomy:
    """A wheel and its ELF files, in the order of the archive."""

    contents: WheelContents
    binaries: tuple[Binary, ...]


def read_wheel(wheel: Path) -> WheelAnatomy:
    """Read a wheel file, once. Runs nothing of it.

    Raise WheelRejected for a file that is no wheel, is broken, or contradicts itself, OutputError if there is no space
    for a large ELF file (`wheelhouse.inspection.inspect`).
    """
    binaries: list[Binary] = []

    def examine(elf: ElfFile, file: IO[bytes]) -> None:
        binaries.append(read_elf(file, elf))

    contents = inspect(wheel, examine)
    return WheelAnatomy(contents=contents, binaries=tuple(binaries))
