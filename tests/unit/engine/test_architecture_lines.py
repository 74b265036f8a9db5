"""The doctor's lines on how a machine runs each architecture."""

import pytest

from matrix_runner.engine.architectures import architecture_lines
from matrix_runner.engine.emulation import Emulator
from matrix_runner.model.platforms import Arch

S390X = Emulator(arch=Arch.S390X, entry="one", program="/usr/bin/qemu-s390x-static", is_opened=True)
CLOSED = Emulator(arch=Arch.AARCH64, entry="two", program="/opt/qemu-aarch64", is_opened=False)


def ways(lines: list[str]) -> dict[str, str]:
    """Return the text on each architecture."""
    return {line.split()[0]: line.split(None, 1)[1] for line in lines if line.split()[0] in {str(a) for a in Arch}}


def test_every_architecture_is_told() -> None:
    """Native, emulated with the program, or not at all, with one remedy for all that do not run."""
    lines = list(architecture_lines(Arch.X86_64, (S390X,)))
    found = ways(lines)
    assert set(found) == {str(arch) for arch in Arch}
    assert found["x86_64"] == "native"
    assert found["i686"].startswith("native, if ")
    assert found["s390x"] == "emulated by /usr/bin/qemu-s390x-static"
    assert found["riscv64"] == "does not run: no emulator"
    (remedy,) = [line for line in lines if "hint:" in line]
    assert "tonistiigi/binfmt --install arm64,ppc64le,arm,riscv64`" in remedy
    assert "qemu-user-static" in remedy
    assert any("about 7 times" in line for line in lines)


def test_an_emulator_that_lies_outside_containers_serves_none() -> None:
    """Without flag F its architecture does not run; the line says which file an image would have to hold."""
    lines = list(architecture_lines(Arch.X86_64, (CLOSED,)))
    assert ways(lines)["aarch64"] == "does not run: no emulator"
    (closed,) = [line for line in lines if "flag F" in line]
    assert "/opt/qemu-aarch64" in closed
    assert "binfmt_misc/two" in closed
    # Beside one that serves, it is of no interest.
    opened = Emulator(arch=Arch.AARCH64, entry="three", program="/usr/bin/q", is_opened=True)
    lines = list(architecture_lines(Arch.X86_64, (CLOSED, opened)))
    assert ways(lines)["aarch64"] == "emulated by /usr/bin/q"
    assert not any("flag F" in line for line in lines)


@pytest.mark.parametrize(("machine", "native"), [(Arch.X86_64, "i686"), (Arch.AARCH64, "armv7l"), (Arch.S390X, None)])
def test_without_a_registry_foreign_ones_are_unknown(machine: Arch, native: str | None) -> None:
    """What is not seen is not denied, and no remedy is offered."""
    lines = list(architecture_lines(machine, None))
    unknown = {name for name, way in ways(lines).items() if way.startswith("unknown")}
    assert unknown == {str(arch) for arch in Arch} - {str(machine), native}
    assert not any("hint" in line for line in lines)
