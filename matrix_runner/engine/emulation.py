"""Architectures that this machine's kernel can run: native ones and registered emulators (binfmt_misc)."""

from pathlib import Path
from typing import Final

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


def emulated_archs(registry: Path = REGISTRY, filesystems: Path = FILESYSTEMS) -> frozenset[Arch] | None:
    """Return the architectures with an emulator in the kernel, or None if they are unknown from here.

    An emulator is usable in a container only if the kernel opened it at its registration (flag F): its path has no
    meaning inside. An entry's magic bytes determine its programs, not its name, as QEMU is not the only emulator
    (kernel documentation, admin-guide/binfmt-misc).
    """
    try:
        if "binfmt_misc" not in filesystems.read_text("ascii").split():
            return frozenset()
        if (registry / "status").read_text("ascii").strip() != "enabled":
            return frozenset()
        entries = [path.read_text("ascii", errors="replace") for path in registry.iterdir() if _is_entry(path)]
    except OSError:
        # Not mounted here, as in most containers: the kernel may have emulators nevertheless.
        return None
    return frozenset(arch for arch in Arch if any(_runs(entry, arch) for entry in entries))


def _is_entry(path: Path) -> bool:
    return path.name not in {"register", "status"}


def _runs(entry: str, arch: Arch) -> bool:
    lines = entry.splitlines()
    fields = dict(line.split(" ", 1) for line in lines if " " in line)
    if "enabled" not in lines or "F" not in fields.get("flags:", ""):
        return False
    try:
        magic = bytes.fromhex(fields["magic"])
        mask = bytes.fromhex(fields.get("mask", "ff" * len(magic)))
    except (KeyError, ValueError):
        return False
    header = _elf_header(arch)
    # An entry that ends before the machine's number does not stand for an architecture.
    if fields.get("offset", "0") != "0" or not len(magic) == len(mask) == len(header):
        return False
    return all(own & bits == wanted & bits for own, wanted, bits in zip(header, magic, mask, strict=True))


def _elf_header(arch: Arch) -> bytes:
    """Return the first 20 bytes of an architecture's executables (gABI)."""
    is_little = arch.byte_order == "little"
    ident = b"\x7fELF" + bytes([arch.bits // 32, 1 if is_little else 2, 1]) + bytes(9)
    return ident + b"".join(number.to_bytes(2, "little" if is_little else "big") for number in (2, arch.elf_machine))
