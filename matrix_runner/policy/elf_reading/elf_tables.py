"""The tables behind an ELF file's dynamic segment, bounded: strings, symbols, versions needed and defined.

It reads the same as the loader, the dynamic segment; section headers may be missing or wrong.
"""

import re
import struct
from collections.abc import Iterator
from typing import IO, Literal

import msgspec

from matrix_runner.policy.elf_reading.elf_headers import (
    COUNT_LIMIT,
    DYNAMIC,
    DYNSYM,
    GNU_PROPERTY,
    INTERP,
    LOAD,
    NOTE,
    NOTES_LIMIT,
    BrokenElf,
    ElfHeaders,
)

_SYMBOL_LIMIT = 1 << 22
"""Symbols of one file: some ten times those of the largest libraries in wheels."""

_UNDEFINED_LIMIT = 1 << 18
"""Undefined symbols of one file: some ten times those of the largest libraries. Each has its name in memory, and names
can share their bytes in the file."""

NAME_LIMIT = 300
"""The maximal length of a name, in bytes; names of C++ templates can be unreadably long."""

NEEDED, SONAME, RPATH, RUNPATH = 1, 14, 15, 29
"""Tags of the dynamic segment whose values are strings (gABI)."""

_NULL, _STRTAB, _SYMTAB, _STRSZ = 0, 5, 6, 10
_VERSYM, _VERNEED, _VERNEEDNUM = 0x6FFFFFF0, 0x6FFFFFFE, 0x6FFFFFFF
_VERDEF, _VERDEFNUM, _FLAGS_1 = 0x6FFFFFFC, 0x6FFFFFFD, 0x6FFFFFFB
_RELR = 36
_TABLES = (4, 5, 6, 7, 17, 23, 0x6FFFFEF5, _VERSYM, _VERDEF, _VERNEED)
"""Tags whose value is the address of a table (gABI, and GNU's hash and version tables)."""

_WEAK, _UNDEFINED = 2, 0
_WEAK_NEED, _BASE = 2, 1
"""VER_FLG_WEAK: the loader is content without the version; VER_FLG_BASE: the file's own name, no version."""

_PIE = 0x08000000
"""DF_1_PIE in DT_FLAGS_1: an executable, though its type is that of a shared library."""


class Requirement(msgspec.Struct, frozen=True, kw_only=True):
    """A symbol version that must exist when the file is loaded, and its needed symbols, sorted.

    `is_weak`: the loader accepts a library that lacks the version.
    """

    library: str
    version: str
    symbols: tuple[str, ...]
    is_weak: bool = False


class ElfTables:
    """The tables that the dynamic segment points to."""

    def __init__(self, file: IO[bytes], bits: int, byte_order: Literal["little", "big"]) -> None:
        self._headers = ElfHeaders(file, bits, byte_order)
        self._order = "<" if byte_order == "little" else ">"
        self._is_wide = bits == 64
        self._dynamic = self._read_dynamic()
        self._strings = self._table(_STRTAB, self._first(_STRSZ) or 0)
        self._versions = dict(self._read_versions())
        self.definitions = None if self._first(_VERDEF) is None else frozenset(self._read_definitions())
        """The versions that the file gives its symbols, for other files to ask for; None: it has no such table."""
        self.has_symbol_versions = self._first(_VERSYM) is not None
        self._wanted, self.undefined, self._defined = self._read_symbols()

    def names(self, tag: int) -> tuple[str, ...]:
        """Return the strings of the entries with a tag."""
        return tuple(self._string(value) for own, value in self._dynamic if own == tag)

    def requirements(self) -> tuple[Requirement, ...]:
        """Return every required version, with or without bound symbols, in file order."""
        return tuple(
            Requirement(
                library=library, version=version, symbols=tuple(sorted(self._wanted.get(index, ()))), is_weak=is_weak
            )
            for index, (library, version, is_weak) in self._versions.items()
        )

    @property
    def is_program(self) -> bool:
        """Whether it is marked as an executable, of the position-independent sort too."""
        return bool((self._first(_FLAGS_1) or 0) & _PIE)

    @property
    def packs_relocations(self) -> bool:
        """Whether its relative relocations are packed (DT_RELR), which an old loader does not carry out, silently."""
        return self._first(_RELR) is not None

    @property
    def interpreter(self) -> str | None:
        """The dynamic loader that a program names; None for a library or a static program."""
        for segment in self._headers.segments:
            if segment.kind == INTERP:
                return shown(self._headers.read(segment.offset, min(segment.size, NAME_LIMIT)).rstrip(b"\0"))
        return None

    def defines(self, name: str) -> bool:
        """Whether the file defines a symbol for others."""
        place = self._strings.find(b"\0" + name.encode() + b"\0")
        return place >= 0 and place + 1 in self._defined

    def notes(self) -> Iterator[bytes]:
        """Yield the contents of the note segments. Raise BrokenElf if they are too large."""
        size = 0
        for segment in self._headers.segments:
            if segment.kind in {NOTE, GNU_PROPERTY}:
                size += segment.size
                if size > NOTES_LIMIT:
                    raise BrokenElf(f"notes of more than {NOTES_LIMIT} bytes are not looked through")
                yield self._headers.read(segment.offset, segment.size)

    def _read_dynamic(self) -> tuple[tuple[int, int], ...]:
        """Return tag and value of each entry, up to the terminator."""
        entries: list[tuple[int, int]] = []
        for segment in self._headers.segments:
            if segment.kind == DYNAMIC:
                form = struct.Struct(f"{self._order}{'qQ' if self._is_wide else 'iI'}")
                data = self._headers.read(segment.offset, segment.size - segment.size % form.size)
                for tag, value in form.iter_unpack(data):
                    if tag == _NULL:
                        break
                    entries.append((tag, value))
                    if len(entries) > COUNT_LIMIT:
                        raise BrokenElf("too many dynamic entries")
                break
        return tuple(entries)

    def _first(self, tag: int) -> int | None:
        return next((value for own, value in self._dynamic if own == tag), None)

    def _file_offset(self, address: int) -> tuple[int, int]:
        """Return the file offset of an address, and the length of the segment's rest."""
        for segment in self._headers.segments:
            start, size = segment.address, segment.size
            if segment.kind == LOAD and start <= address < start + size:
                return segment.offset + address - start, size - (address - start)
        raise BrokenElf(f"nothing is loaded at address {address:#x}, where a table should be")

    def _table(self, tag: int, size: int | None) -> bytes:
        """Return the table of an entry, to the end of its segment if the size is unknown."""
        address = self._first(tag)
        if address is None or size == 0:
            return b""
        offset, rest = self._file_offset(address)
        rest = min(rest, max(0, self._headers.size - offset))
        return self._headers.read(offset, rest if size is None else size)

    def _string(self, offset: int) -> str:
        end = self._strings.find(b"\0", offset, offset + NAME_LIMIT)
        if end < 0 and offset + NAME_LIMIT > len(self._strings):
            raise BrokenElf("a name is not in the table of names")
        return shown(self._strings[offset : end if end >= 0 else offset + NAME_LIMIT])

    def _read_versions(self) -> Iterator[tuple[int, tuple[str, str, bool]]]:
        """Yield each required version's index in the file, with its library, its name and whether it is weak."""
        count = min(self._first(_VERNEEDNUM) or 0, COUNT_LIMIT)
        table = self._table(_VERNEED, None) if count else b""
        record = struct.Struct(f"{self._order}HHIII")
        auxiliary = struct.Struct(f"{self._order}IHHII")
        seen, offset = 0, 0
        for _ in range(count):
            _, entries, library, first, following = record.unpack_from(table, offset)
            inner = offset + first
            for _ in range(entries):
                _, flags, index, name, next_inner = auxiliary.unpack_from(table, inner)
                yield index & 0x7FFF, (self._string(library), self._string(name), bool(flags & _WEAK_NEED))
                seen += 1
                if seen > COUNT_LIMIT:
                    raise BrokenElf("too many symbol versions")
                inner += next_inner
                if not next_inner:
                    break
            offset += following
            if not following:
                break

    def _read_definitions(self) -> Iterator[str]:
        """Yield the name of each version that the file defines, but for its own name."""
        count = min(self._first(_VERDEFNUM) or 0, COUNT_LIMIT)
        table = self._table(_VERDEF, None) if count else b""
        record = struct.Struct(f"{self._order}HHHHIII")
        offset = 0
        for _ in range(count):
            _, flags, _, _, _, first, following = record.unpack_from(table, offset)
            (name,) = struct.unpack_from(f"{self._order}I", table, offset + first)
            if not flags & _BASE:
                yield self._string(name)
            offset += following
            if not following:
                break

    def _read_symbols(self) -> tuple[dict[int, set[str]], frozenset[str], frozenset[int]]:
        """Return the undefined symbols by the index of their version, all non-weak ones, and the defined ones' names.

        The latter as offsets in the table of strings: a large library defines a hundred thousand.
        """
        count = self._symbol_count()
        if count > _SYMBOL_LIMIT:
            raise BrokenElf(f"{count} symbols are more than are looked through")
        form = struct.Struct(f"{self._order}{'IBBHQQ' if self._is_wide else 'IIIBBH'}")
        table = self._table(_SYMTAB, count * form.size)
        has_versions = self.has_symbol_versions
        indices = struct.unpack(f"{self._order}{count}H", self._table(_VERSYM, 2 * count)) if has_versions else None
        info, section = (1, 3) if self._is_wide else (3, 5)
        wanted: dict[int, set[str]] = {}
        undefined: set[str] = set()
        defined: set[int] = set()
        names = 0
        for number, symbol in enumerate(form.iter_unpack(table)):
            if symbol[section] != _UNDEFINED:
                defined.add(symbol[0])
                continue
            if not symbol[0]:
                continue
            names += 1
            if names > _UNDEFINED_LIMIT:
                raise BrokenElf(f"more than {_UNDEFINED_LIMIT} undefined symbols are not looked through")
            name = self._string(symbol[0])
            if symbol[info] >> 4 != _WEAK:
                undefined.add(name)
            if indices is not None:
                wanted.setdefault(indices[number] & 0x7FFF, set()).add(name)
        return wanted, frozenset(undefined), frozenset(defined)

    def _symbol_count(self) -> int:
        """Return the number of symbols, which the dynamic segment lacks: from the section, if there is one.

        Else the table ends where the next one begins, as all linkers lay it out.
        """
        size = 24 if self._is_wide else 16
        address = self._first(_SYMTAB)
        if address is None:
            return 0
        for section in self._headers.sections(DYNSYM):
            if section.address == address:
                return section.size // size
        behind = [value for tag, value in self._dynamic if tag in _TABLES and value > address]
        return (min(behind) - address) // size if behind else 0


def shown(raw: bytes) -> str:
    """Return a name as printable text; characters outside of compilers' names are escaped."""
    text = raw.decode("utf-8", "backslashreplace")
    return text if text.isprintable() else re.sub(r"[^ -~]", lambda found: f"\\u{{{ord(found[0]):x}}}", text)
