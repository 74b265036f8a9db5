"""The C library that a wheel's files are linked with, and files that are a C library themselves. Pure."""

import re
from collections.abc import Iterable, Iterator

import msgspec

from matrix_runner.model.platforms import Libc, Platform
from matrix_runner.policy.elf_reading.elf import Binary
from matrix_runner.policy.library_wording import shortened

NAMES = {Libc.GLIBC: "glibc", Libc.MUSL: "musl"}
"""The C libraries, as people call them."""

_OF = {
    Libc.GLIBC: re.compile(r"libc\.so\.6|ld-linux.*\.so\.\d+|ld64\.so\.[12]"),
    Libc.MUSL: re.compile(r"libc\.so|libc\.musl-.*\.so\.1|ld-musl-.*\.so\.1"),
}
"""Names of each C library and of its loader in files that are linked with it; `libc.so` is musl's own for itself."""


class ForeignFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is linked with another C library. `shown_by`: the library, or symbol version, that shows it."""

    path: str
    libc: Libc
    shown_by: str

    @property
    def text(self) -> str:
        """The fact as a clause."""
        return f"{self.path} is linked with {NAMES[self.libc]} ({self.shown_by})"


class CarriedLibc(msgspec.Struct, frozen=True, kw_only=True):
    """A C library in the wheel, and the files there that are linked with it.

    `system_name`: the one by which the platform's systems have theirs, None for a wheel that is not for musl.
    """

    path: str
    libc: Libc
    needed_by: tuple[str, ...]
    system_name: str | None

    @property
    def text(self) -> str:
        """The fact as a clause."""
        by = f" (needed by {shortened(self.needed_by)})" if self.needed_by else ""
        return f"{self.path} is {NAMES[self.libc]} itself{by}, a second C library beside that of the system"

    @property
    def hint(self) -> str:
        """What to do about it."""
        match self.libc:
            case Libc.MUSL:
                name = self.system_name or "libc.musl-ARCH.so.1"
                return (
                    "It was linked under musl's own name, libc.so, as zig and musl-gcc of distributions with glibc do: "
                    f"link with the compiler of a musllinux image, or run `patchelf --replace-needed libc.so {name}` "
                    "on what needs it, before the repair."
                )
            case Libc.GLIBC:
                return "Leave it to the system: repair must not be told to graft it, and no build file should copy it."


def linked_with(binary: Binary) -> dict[Libc, str]:
    """Return the C libraries that a file is linked with, each with the name that shows it; none for a static file."""
    names = [*binary.needed, *(binary.interpreter or "").rpartition("/")[2:]]
    found = {libc: name for libc, form in _OF.items() for name in names if form.fullmatch(name)}
    version = next((each.version for each in binary.requirements if each.version.startswith("GLIBC_")), None)
    if version is not None:
        # Repair renames what it grafts; the versions stay.
        found.setdefault(Libc.GLIBC, version)
    return found


def foreign_files(binaries: Iterable[Binary], platform: Platform, grafted: frozenset[str]) -> Iterator[ForeignFile]:
    """Yield the files of a wheel for one platform that only another C library's loader loads.

    Of modules and grafted libraries each; of others (programs, libraries for `ctypes`) only where no file is for the
    platform's C library: a wheel may bring one of each for its own code to choose from. `grafted`: their paths.
    """
    linked = [(each, linked_with(each)) for each in _of_arch(binaries, platform) if not each.is_c_library]
    has_own = any(platform.libc in found for _, found in linked)
    for binary, found in linked:
        if found and platform.libc not in found and (binary.is_module or binary.path in grafted or not has_own):
            libc, name = next(iter(found.items()))
            yield ForeignFile(path=binary.path, libc=libc, shown_by=name)


def foreign_hint(libc: Libc) -> str:
    """Return what to do about a file that is linked with this C library and should not be."""
    match libc:
        case Libc.GLIBC:
            compiler = "`g++` and packages of a distribution with glibc are for glibc, in an image with both too"
        case Libc.MUSL:
            compiler = "`musl-gcc`, and `zig` with a target that ends in -musl, are for musl"
    return (
        f"Which compiler made it, or was it taken ready-made? {compiler}; see CC and CXX of the build, and the "
        "libraries that `before-all` installs."
    )


def carried_libcs(
    binaries: Iterable[Binary], platform: Platform, grafted: frozenset[str], granted: frozenset[str]
) -> Iterator[CarriedLibc]:
    """Yield the C libraries, and loaders, that repair put into the wheel, or that files of the wheel need there.

    Others, such as one that a program of the wheel brings with its loader, are its own affair. `grafted`: paths;
    `granted`: the libraries that systems of the platform have.
    """
    system_name = next((name for name in sorted(granted) if name.startswith("libc.musl-")), None)
    files = tuple(_of_arch(binaries, platform))
    for binary in files:
        if binary.is_c_library:
            needed_by = tuple(each.path for each in files if binary.name in each.needed)
            if needed_by or binary.path in grafted:
                libc = Libc.GLIBC if _is_of_glibc(binary) else Libc.MUSL
                yield CarriedLibc(path=binary.path, libc=libc, needed_by=needed_by, system_name=system_name)


def _is_of_glibc(binary: Binary) -> bool:
    return any(version.startswith("GLIBC_") for version in binary.definitions or ())


def _of_arch(binaries: Iterable[Binary], platform: Platform) -> Iterator[Binary]:
    """Yield the readable code of a platform's architecture."""
    for each in binaries:
        if each.arch is platform.arch and each.header.is_code and each.trouble is None:
            yield each
