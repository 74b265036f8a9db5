"""The platforms that a wheel is for: by its platform tags, or by its code where these name no C library. Pure."""

import re
from collections.abc import Iterator

from packaging.version import Version

from matrix_runner.model.platforms import Arch, Libc, Platform
from matrix_runner.policy.elf_reading.elf import Binary
from matrix_runner.policy.wheel_reading import WheelAnatomy

_LEGACY = {"manylinux1": "2.5", "manylinux2010": "2.12", "manylinux2014": "2.17"}
"""PEP 513, 571, 599; PEP 600 gives the C library version of each."""

TAG = re.compile(
    r"(?:(?P<libc>manylinux|musllinux)_(?P<major>\d+)_(?P<minor>\d+)|(?P<old>manylinux\d+|linux))_(?P<arch>\w+)"
)

_SOABI = re.compile(r"(?:\.cpython-3(?P<minor>\d+)[a-z]*)?(?:-\w+)?-linux-(?P<libc>gnu|musl)(?:eabihf)?\.so$")
"""The end of a module's name; before Python 3.11 it said `gnu` with musl too."""

PlatformTag = tuple[Libc | None, Arch, Version | None]


def tags_of(wheel: WheelAnatomy) -> Iterator[PlatformTag]:
    """Yield the platform tags as C library, architecture and libc version (None for `linux_*`)."""
    for tag in {tag.platform for tag in wheel.contents.tags}:
        read = _read(tag)
        if read is not None:
            yield read


def versions_of_tags(wheel: WheelAnatomy, platform: Platform) -> Iterator[tuple[str, Version]]:
    """Yield the tags of a platform, each with the version of the C library that it promises to work with."""
    for tag in {tag.platform for tag in wheel.contents.tags}:
        version = promised_version(tag, platform)
        if version is not None:
            yield tag, version


def promised_version(tag: str, platform: Platform) -> Version | None:
    """Return the version of a platform's C library that a platform tag promises to work with; None for none."""
    read = _read(tag)
    return read[2] if read is not None and read[:2] == (platform.libc, platform.arch) else None


def _read(tag: str) -> PlatformTag | None:
    """Read a platform tag; None if it is for another system, or an architecture that is not known here."""
    match = TAG.fullmatch(tag)
    if match is None or match["arch"] not in {arch.tag for arch in Arch}:
        return None
    arch = Arch.parse(match["arch"])
    if match["libc"]:
        return Libc(match["libc"]), arch, Version(f"{match['major']}.{match['minor']}")
    if match["old"] in _LEGACY:
        return Libc.GLIBC, arch, Version(_LEGACY[match["old"]])
    return (None, arch, None) if match["old"] == "linux" else None


def archs_of(wheel: WheelAnatomy) -> set[Arch]:
    """Return the architectures of a wheel's code."""
    return {binary.arch for binary in wheel.binaries if binary.arch is not None and binary.header.is_code}


def platforms_of(libc: Libc | None, arch: Arch, wheel: WheelAnatomy) -> Iterator[Platform]:
    """Yield the platforms of a tag; if it names no C library, those that the code of its architecture needs."""
    if libc is not None:
        yield Platform(libc=libc, arch=arch)
        return
    files = [binary for binary in wheel.binaries if binary.arch is arch]
    uses_musl = any(_is_of_musl(binary) for binary in files)
    uses_glibc = any("libc.so.6" in binary.needed for binary in files)
    if uses_musl:
        yield Platform(libc=Libc.MUSL, arch=arch)
    if uses_glibc or not uses_musl:
        yield Platform(libc=Libc.GLIBC, arch=arch)


def _is_of_musl(binary: Binary) -> bool:
    names = binary.needed
    return any(name == "libc.so" or name.startswith("libc.musl-") for name in names) or binary.path.endswith("-musl.so")


def undetected_module(wheel: WheelAnatomy) -> str | None:
    """Return the extension module at which auditwheel gives up, as it cannot tell the wheel's C library; else None.

    It takes the C library from the tags, else from the first file that shows it (auditwheel 6.8, `get_wheel_elfdata`).
    A module that links none shows it by the end of its name only, from Python 3.11 on.
    """
    if any(libc is not None for libc, _, _ in tags_of(wheel)):
        return None
    archs = {arch for _, arch, _ in tags_of(wheel)}
    for binary in wheel.binaries:
        if binary.arch not in archs or binary.trouble is not None:
            continue
        if _shows_its_libc(binary):
            return None
        if binary.is_module:
            return binary.path
    return None


def _shows_its_libc(binary: Binary) -> bool:
    starts = ("libc.musl-", "ld-musl-", "ld-linux-", "ld64.so.")
    if binary.interpreter is not None or any(name == "libc.so.6" or name.startswith(starts) for name in binary.needed):
        return True
    named = _SOABI.search(binary.name)
    return named is not None and (named["libc"] == "musl" or int(named["minor"] or 0) >= 11)
