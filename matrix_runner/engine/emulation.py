"""Emulators of other architectures that are registered in this machine's kernel (binfmt_misc)."""

from pathlib import Path
from typing import Final

import msgspec

from matrix_runner.model.platforms import Arch

REGISTRY: Final = Path("/proc/sys/fs/binfmt_misc")
FILESYSTEMS: Final = Path("/proc/filesystems")

_OWN_SOCKETS: Final = ("unix:///var/run/", "unix:///run/", "unix:///tmp/")
"""Address prefixes of engines that share this machine's kernel.

Docker Desktop and its like run in a virtual machine, and have their sockets in the user's home.
"""


def is_on_this_kernel(endpoint: str) -> bool:
    """Whether an engine at this address runs its containers on this machine's kernel."""
    return endpoint.startswith(_OWN_SOCKETS)


class Emulator(msgspec.Struct, frozen=True, kw_only=True):
    """A registered emulator of an architecture. `entry`: its name in the registry. `program`: its path.

    `is_opened`: the kernel opened it at its registration (flag F), so that it serves every container. Otherwise its
    path is looked up inside the container, and only images serve that hold it themselves.
    """

    arch: Arch
    entry: str
    program: str
    is_opened: bool


def find_emulators(registry: Path = REGISTRY, filesystems: Path = FILESYSTEMS) -> tuple[Emulator, ...] | None:
    """Return the emulators in the kernel, by architecture, or None if they are unknown from here.

    An entry's magic bytes determine its programs, not its name, as QEMU is not the only emulator (kernel
    documentation, admin-guide/binfmt-misc).
    """
    try:
        if "binfmt_misc" not in filesystems.read_text("ascii").split():
            return ()
        if (registry / "status").read_text("ascii").strip() != "enabled":
            return ()
        entries = [
            (path.name, path.read_text("ascii", errors="replace")) for path in registry.iterdir() if _is_entry(path)
        ]
    except OSError:
        # Not mounted here, as in most containers: the kernel may have emulators nevertheless.
        return None
    found = (_emulator(name, text, arch) for arch in Arch for name, text in sorted(entries))
    return tuple(emulator for emulator in found if emulator is not None)


def emulated_archs(registry: Path = REGISTRY, filesystems: Path = FILESYSTEMS) -> frozenset[Arch] | None:
    """Return the architectures with an emulator that serves every container, or None if they are unknown from here."""
    found = find_emulators(registry, filesystems)
    return None if found is None else frozenset(emulator.arch for emulator in found if emulator.is_opened)


def _is_entry(path: Path) -> bool:
    return path.name not in {"register", "status"}


def _emulator(name: str, text: str, arch: Arch) -> Emulator | None:
    """Return the emulator of an entry, if it runs the programs of an architecture."""
    lines = text.splitlines()
    fields = dict(line.split(" ", 1) for line in lines if " " in line)
    if "enabled" not in lines:
        return None
    try:
        magic = bytes.fromhex(fields["magic"])
        mask = bytes.fromhex(fields.get("mask", "ff" * len(magic)))
    except (KeyError, ValueError):
        return None
    header = _elf_header(arch)
    # An entry that ends before the machine's number does not stand for an architecture.
    if fields.get("offset", "0") != "0" or not len(magic) == len(mask) == len(header):
        return None
    if any(own & bits != wanted & bits for own, wanted, bits in zip(header, magic, mask, strict=True)):
        return None
    is_opened = "F" in fields.get("flags:", "")
    return Emulator(arch=arch, entry=name, program=fields.get("interpreter", ""), is_opened=is_opened)


def _elf_header(arch: Arch) -> bytes:
    """Return the first 20 bytes of an architecture's executables (gABI)."""
    is_little = arch.byte_order == "little"
    ident = b"\x7fELF" + bytes([arch.bits // 32, 1 if is_little else 2, 1]) + bytes(9)
    return ident + b"".join(number.to_bytes(2, "little" if is_little else "big") for number in (2, arch.elf_machine))
