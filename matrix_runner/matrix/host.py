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

    def lacks_emulator(self, arch: Arch) -> bool:
        """Whether programs of an architecture are known not to run here.

        Not said of a narrower one of the machine's own kind: of an aarch64 processor only a try tells whether it
        runs armv7l.
        """
        if self.emulated is None or arch is self.machine or arch.wider is self.machine:
            return False
        return arch not in self.emulated
