"""What planning must know of the machine."""

from dataclasses import dataclass

from matrix_runner.model.platforms import Arch, Libc


@dataclass(frozen=True, kw_only=True, slots=True)
class Host:
    """The machine that runs the cells.

    `local`: None if cells run in containers; else the directory names of the interpreters (`cp311-cp311`) with which
    this machine itself can run cells, of its own architecture and C library `libc`. `emulated`: the architectures that
    its kernel has an emulator for, None if that is not known, as of a machine elsewhere.
    """

    machine: Arch
    libc: Libc = Libc.GLIBC
    local: frozenset[str] | None = None
    emulated: frozenset[Arch] | None = None

    def emulates(self, arch: Arch) -> bool:
        """Whether programs of an architecture run here by an emulator, if at all.

        Not said of a narrower one of the machine's own kind: of an aarch64 processor only a try tells whether it
        runs armv7l.
        """
        return arch is not self.machine and arch.wider is not self.machine

    def lacks_emulator(self, arch: Arch) -> bool:
        """Whether programs of an architecture are known not to run here."""
        return self.emulates(arch) and self.emulated is not None and arch not in self.emulated
