"""An ELF reader for untrusted files: needed libraries, symbol versions, undefined symbols, instruction level."""

import struct
from typing import IO

import msgspec

from matrix_runner.model.elf_files import ElfFile
from matrix_runner.model.platforms import Arch
from matrix_runner.policy.elf_reading.elf_headers import BrokenElf
from matrix_runner.policy.elf_reading.elf_notes import instruction_level
from matrix_runner.policy.elf_reading.elf_tables import (
    NAME_LIMIT,
    NEEDED,
    RPATH,
    RUNPATH,
    SONAME,
    ElfTables,
    Requirement,
    shown,
)

_BROKEN = (BrokenElf, struct.error, OverflowError, MemoryError)
"""Exceptions for broken files: our own, and those of reading numbers and places that they name."""

_EXECUTABLE = 2
_OF_C_LIBRARIES = ("__libc_start_main", "_dl_allocate_tls")
"""Symbols that nothing but a C library (glibc, musl) and glibc's loader have for others."""

_INIT_FUNCTIONS = ("PyInit_", "init", "_cffi_pypyinit_")
"""Beginnings of the names of a module's init function: Python 3, Python 2, cffi for PyPy."""


class Binary(msgspec.Struct, frozen=True, kw_only=True):
    """An ELF file of a wheel, and its demands.

    `header`: its path, machine and kind. `needed`: libraries, as named in the file. `definitions`: the versions that it
    gives its own symbols, None if it has no table of them; `has_symbol_versions`: whether any of its symbols can have
    one. `undefined`: symbols that must come from elsewhere (without weak ones). `instructions`: the x86-64 level noted
    by the compiler (`x86-64-v3`), if above the first. `packs_relocations`: whether its loader must know DT_RELR.
    `interpreter`: the loader that a program names; `is_program`, `is_module`: an executable, and an extension module by
    its init function; `is_c_library`: glibc, musl or glibc's loader itself, by its symbols, as repair renames what it
    grafts. `trouble`: why the file could not be read; other fields are then empty.
    """

    header: ElfFile
    soname: str | None = None
    needed: tuple[str, ...] = ()
    rpath: tuple[str, ...] = ()
    runpath: tuple[str, ...] = ()
    requirements: tuple[Requirement, ...] = ()
    definitions: frozenset[str] | None = None
    has_symbol_versions: bool = False
    undefined: frozenset[str] = frozenset()
    instructions: str | None = None
    packs_relocations: bool = False
    interpreter: str | None = None
    is_program: bool = False
    is_module: bool = False
    is_c_library: bool = False
    trouble: str | None = None

    @property
    def path(self) -> str:
        """The path in the wheel."""
        return self.header.path

    @property
    def name(self) -> str:
        """The base name, by which a loader finds it."""
        return self.header.path.rpartition("/")[2]

    @property
    def name_count(self) -> int:
        """The number of names that it holds in memory."""
        bound = sum(2 + len(requirement.symbols) for requirement in self.requirements)
        paths = len(self.needed) + len(self.rpath) + len(self.runpath)
        return paths + len(self.undefined) + len(self.definitions or ()) + bound

    @property
    def arch(self) -> Arch | None:
        """The file's architecture; None for one without wheels."""
        return self.header.arch


def read_elf(file: IO[bytes], header: ElfFile) -> Binary:
    """Read a seekable file with a known header. Never raises for its content: see `Binary.trouble`."""
    try:
        return _read(file, header)
    except _BROKEN as error:
        reason = str(error) or type(error).__name__
        return Binary(header=header, trouble=shown(reason[:NAME_LIMIT].encode()))


def _read(file: IO[bytes], header: ElfFile) -> Binary:
    tables = ElfTables(file, header.bits, header.byte_order)
    is_x86_64 = header.machine == Arch.X86_64.elf_machine
    module = header.path.rpartition("/")[2].partition(".")[0]
    is_program = header.kind == _EXECUTABLE or tables.is_program
    return Binary(
        header=header,
        soname=next(iter(tables.names(SONAME)), None),
        needed=tables.names(NEEDED),
        rpath=tuple(part for paths in tables.names(RPATH) for part in paths.split(":")),
        runpath=tuple(part for paths in tables.names(RUNPATH) for part in paths.split(":")),
        requirements=tables.requirements(),
        definitions=tables.definitions,
        has_symbol_versions=tables.has_symbol_versions,
        undefined=tables.undefined,
        instructions=instruction_level(tables.notes(), header.bits, header.byte_order) if is_x86_64 else None,
        packs_relocations=tables.packs_relocations,
        interpreter=tables.interpreter,
        is_program=is_program,
        is_module=any(tables.defines(f"{start}{module}") for start in _INIT_FUNCTIONS),
        # A static program can have the C library's symbols for its plugins.
        is_c_library=not is_program and any(tables.defines(name) for name in _OF_C_LIBRARIES),
    )
