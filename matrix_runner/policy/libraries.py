"""The libraries that a wheel's files need: who provides each, and which versions its own libraries lack. Pure."""

import re
from collections.abc import Iterator
from enum import Enum

import msgspec

from matrix_runner.policy.demands import LOADER
from matrix_runner.policy.elf_reading.elf import Binary
from matrix_runner.policy.library_search import Search

LIBPYTHON = re.compile(r"libpython\d.*\.so.*")
"""With the hash that repair puts behind `libpython3` too (`libpython3-918a4d2c.15t.so.1.0`)."""


class Provider(Enum):
    """The provider of a needed library."""

    GRAFTED = "grafted"
    OWN = "own"
    SYSTEM = "system"
    MISSING = "missing"
    LOST = "lost"
    """It is in the wheel, but no search path leads there."""


class Library(msgspec.Struct, frozen=True, kw_only=True):
    """A needed library, by the name in the ELF files, and the files that need it. Grafted: added by repair."""

    name: str
    provider: Provider
    needed_by: tuple[str, ...]

    @property
    def is_python(self) -> bool:
        """Whether it is libpython, which an extension must not link, since it is loaded by Python."""
        return LIBPYTHON.fullmatch(self.name) is not None


class UndefinedVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A symbol version that a file needs of a library in the wheel, which does not define it: loading fails (glibc)."""

    file: str
    version: str
    library: str


def libraries_of(
    files: tuple[Binary, ...], found: Search, grafted: frozenset[str], granted: frozenset[str]
) -> Iterator[Library]:
    """Yield the libraries; one that some files find in the wheel and others in the system is there twice.

    `grafted`: paths of the files that repair added; `granted`: the libraries that systems of the platform have.
    """
    lost = {(each.file, each.name) for each in found.lost}
    users: dict[tuple[str, str], list[str]] = {}
    for binary in files:
        for name in dict.fromkeys(binary.needed):
            own = found.found.get((binary.path, name))
            if (binary.path, name) in lost:
                provider = Provider.LOST
            elif own is not None:
                provider = Provider.GRAFTED if own.path in grafted else Provider.OWN
            else:
                provider = Provider.SYSTEM if name in granted or LOADER.fullmatch(name) else Provider.MISSING
            users.setdefault((name, provider.value), []).append(binary.path)
    for (name, place), files_of in sorted(users.items()):
        yield Library(name=name, provider=Provider(place), needed_by=tuple(files_of))


def undefined_versions(files: tuple[Binary, ...], found: Search) -> Iterator[UndefinedVersion]:
    """Yield versions that a library in the wheel lacks, as glibc sees it (measured with glibc 2.36).

    A library that defines other versions is refused; one that knows no versions at all ends the process at the first
    symbol. One whose table of versions is only for what it needs itself is accepted.
    """
    for binary in files:
        for need in binary.requirements:
            library = found.found.get((binary.path, need.library))
            if library is None or need.version in (library.definitions or ()):
                continue
            if library.definitions is not None:
                is_fatal = not need.is_weak
            else:
                is_fatal = not library.has_symbol_versions and bool(need.symbols)
            if is_fatal:
                yield UndefinedVersion(file=binary.path, version=need.version, library=library.path)
