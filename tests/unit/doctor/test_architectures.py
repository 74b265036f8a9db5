"""The doctor's verdicts on how a machine runs each architecture."""

import pytest

from matrix_runner.doctor.architectures import ArchitectureFacts, judge_architectures
from matrix_runner.doctor.verdict import Level, Verdict
from matrix_runner.engine.emulation import Emulator
from matrix_runner.model.platforms import Arch

S390X = Emulator(arch=Arch.S390X, entry="one", program="/usr/bin/qemu-s390x-static", is_opened=True)
CLOSED = Emulator(arch=Arch.AARCH64, entry="two", program="/opt/qemu-aarch64", is_opened=False)


def judged(machine: str, emulators: tuple[Emulator, ...] | None) -> list[Verdict]:
    """Return the verdicts."""
    return list(judge_architectures(ArchitectureFacts(machine=machine, emulators=emulators)))


def ways(verdicts: list[Verdict]) -> dict[str, str]:
    """Return the text on each architecture."""
    return {one.about: one.text.split(None, 1)[1] for one in verdicts if one.name == "architecture"}


def names(verdicts: list[Verdict]) -> set[str]:
    """Return the names of all verdicts."""
    return {one.name for one in verdicts}


def test_every_architecture_is_told() -> None:
    """Native, emulated with the program, or not at all, with one remedy for all that do not run."""
    verdicts = judged("x86_64", (S390X,))
    found = ways(verdicts)
    assert set(found) == {str(arch) for arch in Arch}
    assert found["x86_64"] == "native"
    assert found["i686"].startswith("native, if ")
    assert found["s390x"] == "emulated by /usr/bin/qemu-s390x-static"
    assert found["riscv64"] == "does not run: no emulator"
    (remedy,) = [one.remedy or "" for one in verdicts if one.remedy]
    assert "tonistiigi/binfmt --install arm64,ppc64le,arm,riscv64`" in remedy
    assert "qemu-user-static" in remedy
    assert any("about 7 times" in one.text for one in verdicts)
    # Wheels of foreign architectures are a wish, not a need.
    assert all(one.level is Level.OK for one in verdicts)


def test_an_emulator_that_lies_outside_containers_serves_none() -> None:
    """Without flag F its architecture does not run; the verdict says which file an image would have to hold."""
    verdicts = judged("x86_64", (CLOSED,))
    assert ways(verdicts)["aarch64"] == "does not run: no emulator"
    (closed,) = [one for one in verdicts if one.name == "emulator-closed"]
    assert "/opt/qemu-aarch64" in closed.text
    assert "binfmt_misc/two" in str(closed.remedy)
    # Beside one that serves, it is of no interest.
    opened = Emulator(arch=Arch.AARCH64, entry="three", program="/usr/bin/q", is_opened=True)
    verdicts = judged("x86_64", (CLOSED, opened))
    assert ways(verdicts)["aarch64"] == "emulated by /usr/bin/q"
    assert "emulator-closed" not in names(verdicts)


@pytest.mark.parametrize(("machine", "native"), [(Arch.X86_64, "i686"), (Arch.AARCH64, "armv7l"), (Arch.S390X, None)])
def test_without_a_registry_foreign_ones_are_unknown(machine: Arch, native: str | None) -> None:
    """What is not seen is not denied, and no remedy is offered."""
    verdicts = judged(str(machine), None)
    unknown = {one.about for one in verdicts if one.level is Level.UNKNOWN}
    assert unknown == {str(arch) for arch in Arch} - {str(machine), native}
    assert all(one.remedy is None for one in verdicts)


def test_a_machine_without_a_platform() -> None:
    """No wheel can be built for it."""
    (verdict,) = judged("vax", ())
    assert (verdict.level, verdict.about) == (Level.ERROR, "vax")
