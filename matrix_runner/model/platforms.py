"""Processor architectures, C libraries (manylinux, musllinux) and platforms, with the facts about each."""

from enum import Enum

import msgspec

_ARM_ABI, _HARD_FLOAT_EABI5 = 0xFF000400, 0x05000400
"""EF_ARM_EABIMASK with EF_ARM_ABI_FLOAT_HARD, in e_flags (ELF for the Arm Architecture)."""


class Arch(Enum):
    """A processor architecture, under its name in platform tags."""

    X86_64 = ("x86_64", 64, 62, "little", "amd64")
    I686 = ("i686", 32, 3, "little", "386")
    AARCH64 = ("aarch64", 64, 183, "little", "arm64")
    PPC64LE = ("ppc64le", 64, 21, "little", "ppc64le")
    S390X = ("s390x", 64, 22, "big", "s390x")
    ARMV7L = ("armv7l", 32, 40, "little", "arm/v7")
    RISCV64 = ("riscv64", 64, 243, "little", "riscv64")

    def __init__(self, tag: str, bits: int, elf_machine: int, byte_order: str, oci: str) -> None:
        """`elf_machine`: e_machine in the ELF header (gABI). `oci`: GOARCH[/variant] as in image metadata."""
        self.tag = tag
        self.bits = bits
        self.elf_machine = elf_machine
        self.byte_order = byte_order
        self.oci = oci

    def __str__(self) -> str:
        return self.tag

    @property
    def wider(self) -> "Arch | None":
        """The 64-bit architecture whose kernel runs this one under `linux32`; None if there is none."""
        return {Arch.I686: Arch.X86_64, Arch.ARMV7L: Arch.AARCH64}.get(self)

    @property
    def needs_linux32(self) -> bool:
        """Whether every command must run under `linux32`.

        `docker exec` bypasses an image's entrypoint, so without it `uname -m` says `x86_64` in an i386 container
        (measured), and build tools that ask `uname` make 64-bit objects (pypa/cibuildwheel#336).
        """
        return self.wider is not None

    @classmethod
    def of_elf(cls, bits: int, machine: int, byte_order: str, flags: int) -> "Arch | None":
        """Return the architecture of an ELF header, or None. Wheels for 32-bit ARM are EABI 5, hard-float (PEP 599)."""
        if machine == cls.ARMV7L.elf_machine and flags & _ARM_ABI != _HARD_FLOAT_EABI5:
            return None
        wanted = (bits, machine, byte_order)
        return next((arch for arch in cls if (arch.bits, arch.elf_machine, arch.byte_order) == wanted), None)

    @classmethod
    def parse(cls, tag: str) -> "Arch":
        """Return the architecture of a name such as `x86_64`; raise ValueError for any other."""
        for arch in cls:
            if arch.tag == tag.lower():
                return arch
        raise ValueError(f"unknown architecture {tag!r}")

    @classmethod
    def of_machine(cls, machine: str) -> "Arch | None":
        """Return the architecture of a machine name as `uname -m` prints it, or None."""
        aliases = {"amd64": "x86_64", "arm64": "aarch64", "i386": "i686", "i586": "i686", "armv8l": "armv7l"}
        try:
            return cls.parse(aliases.get(machine, machine))
        except ValueError:
            return None


class Libc(Enum):
    """A C library, by its family of platform tags (PEP 600, PEP 656)."""

    GLIBC = "manylinux"
    MUSL = "musllinux"

    def __str__(self) -> str:
        return self.value


class Platform(msgspec.Struct, frozen=True, kw_only=True):
    """A C library on an architecture, as in a cell's identifier.

    The libc *version* is not part of it: it follows from the chosen image and selects nothing (identifiers have none:
    `cp311-manylinux_x86_64`).
    """

    libc: Libc
    arch: Arch

    def __str__(self) -> str:
        return f"{self.libc}_{self.arch}"

    @classmethod
    def parse(cls, text: str) -> "Platform":
        """Read `manylinux_x86_64`; raise ValueError for anything else."""
        family, _, arch = text.partition("_")
        try:
            platform = cls(libc=Libc(family), arch=Arch.parse(arch))
        except ValueError:
            raise ValueError(f"unknown platform {text!r}") from None
        if str(platform) != text:
            raise ValueError(f"unknown platform {text!r}")
        return platform
