"""Which emulators a kernel has: its registry as files, read without trust in names."""

from pathlib import Path

import pytest

from matrix_runner.engine.emulation import Emulator, emulated_archs, find_emulators, is_on_this_kernel
from matrix_runner.model.platforms import Arch

QEMU_AARCH64 = """\
enabled
interpreter /usr/bin/qemu-aarch64
flags: {flags}
offset 0
magic 7f454c460201010000000000000000000200b700
mask ffffffffffffff00fffffffffffffffffeffffff
"""
QEMU_ARM = """\
enabled
interpreter /usr/bin/qemu-arm
flags: OCF
offset 0
magic 7f454c4601010100000000000000000002002800
mask ffffffffffffff00fffffffffffffffffeffffff
"""
QEMU_S390X = """\
enabled
interpreter /usr/bin/qemu-s390x
flags: POCF
offset 0
magic 7f454c4602020100000000000000000000020016
mask ffffffffffffff00fffffffffffffffffffeffff
"""
JAR = "enabled\ninterpreter /usr/bin/jexec\nflags: F\noffset 0\nmagic 504b0304\n"
BY_EXTENSION = "enabled\ninterpreter /usr/bin/wine\nflags: F\nextension .exe\n"


def registry(directory: Path, status: str = "enabled", **entries: str) -> Path:
    """Write a registry as the kernel shows it."""
    (directory / "status").write_text(status + "\n")
    (directory / "register").write_text("")
    for name, text in entries.items():
        (directory / name).write_text(text)
    return directory


def filesystems(directory: Path, text: str = "nodev\tproc\nnodev\tbinfmt_misc\n\text4\n") -> Path:
    """Write the kernel's list of file systems beside the registry."""
    path = directory.parent / f"{directory.name}-filesystems"
    path.write_text(text)
    return path


def test_architectures_are_told_by_what_an_entry_matches(tmp_path: Path) -> None:
    """An entry counts for the programs that its magic bytes match, whatever it is called."""
    found = emulated_archs(
        registry(
            tmp_path,
            **{"qemu-aarch64": QEMU_AARCH64.format(flags="OCF"), "odd-name": QEMU_ARM, "z": QEMU_S390X},
            jar=JAR,
            wine=BY_EXTENSION,
        ),
        filesystems(tmp_path),
    )
    assert found == frozenset({Arch.AARCH64, Arch.ARMV7L, Arch.S390X})


@pytest.mark.parametrize(
    "entry",
    [
        QEMU_AARCH64.format(flags=""),
        QEMU_AARCH64.format(flags="OC"),
        QEMU_AARCH64.format(flags="F").replace("enabled", "disabled"),
        QEMU_AARCH64.format(flags="F").replace("b700", "zz00"),
        QEMU_AARCH64.format(flags="F").replace("offset 0", "offset 4"),
        "",
    ],
)
def test_an_entry_that_is_of_no_use_in_a_container_does_not_count(tmp_path: Path, entry: str) -> None:
    """Without flag F the kernel looks for the emulator inside the container; a disabled or odd entry runs nothing."""
    assert emulated_archs(registry(tmp_path, one=entry), filesystems(tmp_path)) == frozenset()


def test_an_emulator_is_told_with_its_program_and_entry(tmp_path: Path) -> None:
    """By architecture; one without flag F is told, and told apart."""
    entries = {"b": QEMU_AARCH64.format(flags="OC"), "a": QEMU_S390X, "off": QEMU_ARM.replace("enabled", "disabled")}
    found = find_emulators(registry(tmp_path, **entries), filesystems(tmp_path))
    assert found == (
        Emulator(arch=Arch.AARCH64, entry="b", program="/usr/bin/qemu-aarch64", is_opened=False),
        Emulator(arch=Arch.S390X, entry="a", program="/usr/bin/qemu-s390x", is_opened=True),
    )
    assert find_emulators(tmp_path / "none", filesystems(tmp_path)) is None


def test_what_cannot_be_told_is_not_guessed(tmp_path: Path) -> None:
    """A registry that is not mounted here says nothing; a kernel without one, or with it switched off, has none."""
    assert emulated_archs(tmp_path / "none", filesystems(tmp_path)) is None
    assert emulated_archs(tmp_path, filesystems(tmp_path)) is None
    assert emulated_archs(tmp_path / "none", filesystems(tmp_path, "nodev\tproc\n")) == frozenset()
    off = registry(tmp_path, "disabled", one=QEMU_ARM)
    assert emulated_archs(off, filesystems(tmp_path)) == frozenset()


@pytest.mark.parametrize(
    ("endpoint", "is_here"),
    [
        ("unix:///var/run/docker.sock", True),
        ("unix:///run/user/1000/docker.sock", True),
        ("unix:///run/podman/podman.sock", True),
        ("unix:///home/me/.docker/desktop/docker.sock", False),
        ("unix:///Users/me/.colima/default/docker.sock", False),
        ("tcp://127.0.0.1:2375", False),
        ("ssh://builder", False),
    ],
)
def test_only_an_engine_of_the_machine_itself_has_its_kernel(endpoint: str, is_here: bool) -> None:  # noqa: FBT001
    """What listens in a user's home is a virtual machine's, and has a kernel of its own; so has another host."""
    assert is_on_this_kernel(endpoint) is is_here
