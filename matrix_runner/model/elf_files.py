"""ELF files as members of a wheel: width, machine and kind, from the beginning of each file."""

from typing import Literal

import msgspec

from matrix_runner.model.platforms import Arch

_ELF_MAGIC = b"\x7fELF"
_ELF_HEADER = 20
"""Bytes up to the machine's number; the flags of a file that ends before them count as none."""

_RELOCATABLE, _EXECUTABLE, _SHARED, _CORE = 1, 2, 3, 4
"""e_type (gABI)."""

_PROCESSORS = frozenset({2, 3, 4, 8, 15, 18, 20, 21, 22, 40, 42, 43, 50, 62, 183, 243, 258, 0x9026})
"""e_machine of processors that Linux programs run on (gABI): x86, ARM, POWER, z, RISC-V, LoongArch, MIPS, SPARC ...

The others are those of GPUs (EM_CUDA, EM_AMDGPU), of the kernel's own machine (EM_BPF) and of microcontrollers.
"""


class ElfFile(msgspec.Struct, frozen=True, kw_only=True):
    """An ELF file in a wheel. `bits`: 32 or 64; `machine`, `kind`, `flags`: e_machine, e_type, e_flags (gABI)."""

    path: str
    bits: int
    machine: int
    byte_order: Literal["little", "big"]
    kind: int = _SHARED
    flags: int = 0

    def __str__(self) -> str:
        return f"{self.path} ({self.bits}-bit, machine {self.machine}, {self.byte_order} endian{self.abi})"

    @property
    def abi(self) -> str:
        """A remark on ARM's other ABIs, to be added to the machine; else empty."""
        is_other = self.machine == Arch.ARMV7L.elf_machine and self.arch is None and self.bits == 32
        return ", not the hard-float EABI" if is_other else ""

    @property
    def arch(self) -> Arch | None:
        """The file's architecture; None for one without wheels."""
        return Arch.of_elf(self.bits, self.machine, self.byte_order, self.flags)

    @property
    def is_code(self) -> bool:
        """Whether it is a program or a shared library for a processor that Linux runs on."""
        return self.kind in (_EXECUTABLE, _SHARED) and self.machine in _PROCESSORS

    @property
    def is_data(self) -> bool:
        """Whether it is data that happens to be ELF: object files, core dumps, code for GPUs, firmware, eBPF programs.

        A file of an unknown kind is neither data nor code.
        """
        return self.kind in (_RELOCATABLE, _CORE) or self.machine not in _PROCESSORS


def elf_file(path: str, header: bytes) -> ElfFile | None:
    """Read class, byte order and machine; return None for anything but an ELF file that a loader would accept."""
    if not header.startswith(_ELF_MAGIC) or len(header) < _ELF_HEADER or header[4] not in (1, 2):
        return None
    if header[5] not in (1, 2):
        return None
    byte_order: Literal["little", "big"] = "little" if header[5] == 1 else "big"
    place = 48 if header[4] == 2 else 36
    return ElfFile(
        path=path,
        bits=32 * header[4],
        machine=int.from_bytes(header[18:20], byte_order),
        byte_order=byte_order,
        kind=int.from_bytes(header[16:18], byte_order),
        flags=int.from_bytes(header[place : place + 4], byte_order),
    )
