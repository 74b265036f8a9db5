"""The machine's facts that planning depends on: architecture, local interpreters, emulators."""

from enum import Enum
from typing import Final

import msgspec

from matrix_runner.model.platforms import Arch, Libc

EMULATED_CELL: Final = 7
"""Times the processor time of a native cell that an emulated one takes.

Measured with qemu 7.2: 20 seconds in place of 2.8 for a small extension, on aarch64, armv7l and s390x alike.
"""

EMULATED_CODE: Final = 20
"""The same for compiled code alone, such as a compiler's or an extension's own loops."""


class Execution(Enum):
    """The way in which programs of an architecture run on a machine; its word in JSON."""

    NATIVE = "native"
    EMULATED = "emulated"
    NONE = "no-emulator"
    UNKNOWN = "unknown"
    """It needs an emulator, on a machine whose emulators cannot be seen from here."""

    def __str__(self) -> str:
        return self.value


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """The machine that runs the cells.

    `local`: None if cells run in containers; else the directory names of the interpreters (`cp311-cp311`) with which
    this machine itself can run cells, of its own architecture and C library `libc`. `emulated`: the architectures with
    an emulator registered in its kernel, None if unknown, as for a remote machine. `others`: further machines, each of
    which runs the cells that it is best for.
    """

    machine: Arch
    libc: Libc = Libc.GLIBC
    local: frozenset[str] | None = None
    emulated: frozenset[Arch] | None = None
    others: "tuple[Host, ...]" = ()

    @property
    def machines(self) -> tuple[Arch, ...]:
        """The architectures of all machines, in order, each once."""
        return tuple(dict.fromkeys((self.machine, *(other.machine for other in self.others))))

    def emulates(self, arch: Arch) -> bool:
        """Whether programs of an architecture need an emulator on each machine, or get one though they need none.

        The machine's own 32-bit architecture needs none: only a try shows whether an aarch64 processor runs armv7l. But
        a registered emulator comes before the kernel's own loader (fs/binfmt_misc.c, `insert_binfmt`).
        """
        is_foreign = arch is not self.machine and arch.wider is not self.machine
        is_emulated = self.local is None and (is_foreign or arch in (self.emulated or ()))
        return is_emulated and all(other.emulates(arch) for other in self.others)

    def lacks_emulator(self, arch: Arch) -> bool:
        """Whether programs of an architecture are known not to run on any machine."""
        return self.execution(arch) is Execution.NONE

    def execution(self, arch: Arch) -> Execution:
        """Return the best way in which programs of an architecture run on one of the machines."""
        if not self.emulates(arch):
            return Execution.NATIVE
        ways = {self._emulation(arch), *(other.execution(arch) for other in self.others)}
        return next(way for way in (Execution.EMULATED, Execution.UNKNOWN, Execution.NONE) if way in ways)

    def _emulation(self, arch: Arch) -> Execution:
        if self.emulated is None:
            return Execution.UNKNOWN
        return Execution.EMULATED if arch in self.emulated else Execution.NONE

    def slowness(self, arch: Arch) -> int:
        """Return how many times the processor time of a native cell one of an architecture takes."""
        return EMULATED_CELL if self.emulates(arch) else 1
