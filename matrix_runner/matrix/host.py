"""The machine's facts that planning depends on: architecture, local interpreters, emulators."""

from dataclasses import dataclass

from matrix_runner.model.platforms import Arch, Libc


@dataclass(frozen=True, kw_only=True, slots=True)
class Host:
    """The machine that runs the cells.

    `local`: None if cells run in containers; else the directory names of the interpreters (`cp311-cp311`) with which
    this machine itself can run cells, of its own architecture and C library `libc`. `emulated`: the architectures with
    an emulator registered in its kernel, None if unknown, as for a remote machine.
    """

    machine: Arch
    libc: Libc = Libc.GLIBC
    local: frozenset[str] | None = None
    emulated: frozenset[Arch] | None = None

    def emulates(self, arch: Arch) -> bool:
        """Whether programs of an architecture need an emulator on this machine.

        False for the machine's own 32-bit architecture: only a try shows whether an aarch64 processor runs armv7l.
        """
        return arch is not self.machine and arch.wider is not self.machine

    def lacks_emulator(self, arch: Arch) -> bool:
        """Whether programs of an architecture are known not to run on this machine."""
        return self.emulates(arch) and self.emulated is not None and arch not in self.emulated
