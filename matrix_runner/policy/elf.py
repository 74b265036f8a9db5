"""An ELF reader for untrusted files: needed libraries, symbol versions, undefined symbols, instruction level.

It reads the same as the loader, the dynamic segment; section headers may be missing or wrong. pyelftools reads the
headers, this module the tables behind them: one symbol at a time would take seconds for a large wheel.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Literal

from elftools.common.exceptions import ELFError
from elftools.construct import ConstructError
from elftools.elf.elffile import ELFFile

from matrix_runner.model.platforms import Arch
from matrix_runner.policy.elf_notes import instruction_level

TABLE_LIMIT = 512 * 1024**2
"""Bytes that one table may have; the largest known string tables have some 50 MB."""

_COUNT_LIMIT = 1 << 16
"""Library and version records: their count is a 16-bit number in the format's own version table."""

_SYMBOL_LIMIT = 1 << 22
"""Symbols of one file: some ten times those of the largest libraries in wheels."""

_NAME_LIMIT = 300
"""The maximal length of a name, in bytes; names of C++ templates can be unreadably long."""

_NULL, _NEEDED, _STRTAB, _SYMTAB, _STRSZ, _SONAME, _RPATH, _RUNPATH = 0, 1, 5, 6, 10, 14, 15, 29
_VERSYM, _VERNEED, _VERNEEDNUM = 0x6FFFFFF0, 0x6FFFFFFE, 0x6FFFFFFF
_TABLES = (4, 5, 6, 7, 17, 23, 0x6FFFFEF5, _VERSYM, 0x6FFFFFFC, _VERNEED)
"""Tags whose value is the address of a table (gABI, and GNU's hash and version tables)."""

_WEAK, _UNDEFINED = 2, 0

_BROKEN = (
    ELFError,
    ConstructError,
    struct.error,
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    TypeError,
    ValueError,
)
"""Exceptions of pyelftools for broken files: its own, and those that leak from its parts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Requirement:
    """A symbol version that must exist when the file is loaded, and its needed symbols, sorted."""

    library: str
    version: str
    symbols: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Binary:
    """An ELF file of a wheel, and its demands.

    `machine`: e_machine (gABI); `machine_name`: its symbol there (`EM_SPARC`). `needed`: libraries, as named in the
    file. `undefined`: symbols that must come from elsewhere (without weak ones). `instructions`: the x86-64 level noted
    by the compiler (`x86-64-v3`), if above the first. `trouble`: why the file could not be read; other fields are then
    empty.
    """

    path: str
    bits: int
    machine: int
    byte_order: Literal["little", "big"]
    machine_name: str = ""
    soname: str | None = None
    needed: tuple[str, ...] = ()
    rpath: tuple[str, ...] = ()
    runpath: tuple[str, ...] = ()
    requirements: tuple[Requirement, ...] = ()
    undefined: frozenset[str] = frozenset()
    instructions: str | None = None
    trouble: str | None = None

    @property
    def arch(self) -> Arch | None:
        """The file's architecture; None for one without wheels."""
        own = (self.bits, self.machine, self.byte_order)
        return next((arch for arch in Arch if (arch.bits, arch.elf_machine, arch.byte_order) == own), None)


def read_elf(file: IO[bytes], path: str, *, bits: int, machine: int, byte_order: Literal["little", "big"]) -> Binary:
    """Read a seekable file with a known header. Never raises for its content: see `Binary.trouble`."""
    try:
        return _read(file, path, bits, machine, byte_order)
    except _BROKEN as error:
        reason = str(error) or type(error).__name__
        return Binary(
            path=path, bits=bits, machine=machine, byte_order=byte_order, trouble=_shown(reason[:_NAME_LIMIT].encode())
        )


def _read(file: IO[bytes], path: str, bits: int, machine: int, byte_order: Literal["little", "big"]) -> Binary:
    elf = ELFFile(file)
    image = _Image(elf, bits, byte_order)
    return Binary(
        path=path,
        bits=bits,
        machine=machine,
        byte_order=byte_order,
        machine_name=str(elf["e_machine"]),
        soname=next(iter(image.names(_SONAME)), None),
        needed=image.names(_NEEDED),
        rpath=tuple(part for paths in image.names(_RPATH) for part in paths.split(":")),
        runpath=tuple(part for paths in image.names(_RUNPATH) for part in paths.split(":")),
        requirements=image.requirements(),
        undefined=image.undefined,
        instructions=instruction_level(image.notes(), bits, byte_order) if machine == Arch.X86_64.elf_machine else None,
    )


class _Image:
    """The tables that the dynamic segment points to."""

    def __init__(self, elf: ELFFile, bits: int, byte_order: Literal["little", "big"]) -> None:
        self._elf = elf
        self._order = "<" if byte_order == "little" else ">"
        self._is_wide = bits == 64
        elf.stream.seek(0, 2)
        self._size = int(elf.stream.tell())
        if elf.num_segments() > _COUNT_LIMIT or elf.num_sections() > _COUNT_LIMIT:
            raise ELFError("too many segments or sections")
        self._segments = [
            (str(segment["p_type"]), int(segment["p_offset"]), int(segment["p_vaddr"]), int(segment["p_filesz"]))
            for segment in elf.iter_segments()
        ]
        self._dynamic = self._read_dynamic()
        self._strings = self._table(_STRTAB, self._first(_STRSZ) or 0)
        self._versions = dict(self._read_versions())
        wanted, self.undefined = self._read_symbols()
        self._wanted = wanted

    def names(self, tag: int) -> tuple[str, ...]:
        """Return the strings of the entries with a tag."""
        return tuple(self._string(value) for own, value in self._dynamic if own == tag)

    def requirements(self) -> tuple[Requirement, ...]:
        """Return every required version, with or without bound symbols, in file order."""
        return tuple(
            Requirement(library=library, version=version, symbols=tuple(sorted(self._wanted.get(index, ()))))
            for index, (library, version) in self._versions.items()
        )

    def notes(self) -> Iterator[bytes]:
        """Yield the contents of the note segments."""
        for kind, offset, _, size in self._segments:
            if kind in {"PT_NOTE", "PT_GNU_PROPERTY"}:
                yield self._bytes(offset, size)

    def _bytes(self, offset: int, size: int) -> bytes:
        if not 0 <= offset <= self._size or not 0 <= size <= min(TABLE_LIMIT, self._size - offset):
            raise ELFError(f"a table of {size} bytes at {offset} does not lie in the file")
        self._elf.stream.seek(offset)
        data = self._elf.stream.read(size)
        assert isinstance(data, bytes)  # noqa: S101  pyelftools has no types
        return data

    def _read_dynamic(self) -> tuple[tuple[int, int], ...]:
        """Return tag and value of each entry, up to the terminator."""
        entries: list[tuple[int, int]] = []
        for kind, offset, _, size in self._segments:
            if kind == "PT_DYNAMIC":
                form = struct.Struct(f"{self._order}{'qQ' if self._is_wide else 'iI'}")
                data = self._bytes(offset, size - size % form.size)
                for tag, value in form.iter_unpack(data):
                    if tag == _NULL:
                        break
                    entries.append((tag, value))
                    if len(entries) > _COUNT_LIMIT:
                        raise ELFError("too many dynamic entries")
                break
        return tuple(entries)

    def _first(self, tag: int) -> int | None:
        return next((value for own, value in self._dynamic if own == tag), None)

    def _file_offset(self, address: int) -> tuple[int, int]:
        """Return the file offset of an address, and the length of the segment's rest."""
        for kind, offset, start, size in self._segments:
            if kind == "PT_LOAD" and start <= address < start + size:
                return offset + address - start, size - (address - start)
        raise ELFError(f"nothing is loaded at address {address:#x}, where a table should be")

    def _table(self, tag: int, size: int | None) -> bytes:
        """Return the table of an entry, to the end of its segment if the size is unknown."""
        address = self._first(tag)
        if address is None or size == 0:
            return b""
        offset, rest = self._file_offset(address)
        rest = min(rest, max(0, self._size - offset))
        return self._bytes(offset, rest if size is None else size)

    def _string(self, offset: int) -> str:
        end = self._strings.find(b"\0", offset, offset + _NAME_LIMIT)
        if end < 0 and offset + _NAME_LIMIT > len(self._strings):
            raise ELFError("a name is not in the table of names")
        return _shown(self._strings[offset : end if end >= 0 else offset + _NAME_LIMIT])

    def _read_versions(self) -> Iterator[tuple[int, tuple[str, str]]]:
        """Yield each required version's index in the file, with its library and name."""
        count = min(self._first(_VERNEEDNUM) or 0, _COUNT_LIMIT)
        table = self._table(_VERNEED, None) if count else b""
        record = struct.Struct(f"{self._order}HHIII")
        auxiliary = struct.Struct(f"{self._order}IHHII")
        seen, offset = 0, 0
        for _ in range(count):
            _, entries, library, first, following = record.unpack_from(table, offset)
            inner = offset + first
            for _ in range(entries):
                _, _, index, name, next_inner = auxiliary.unpack_from(table, inner)
                yield index & 0x7FFF, (self._string(library), self._string(name))
                seen += 1
                if seen > _COUNT_LIMIT:
                    raise ELFError("too many symbol versions")
                inner += next_inner
                if not next_inner:
                    break
            offset += following
            if not following:
                break

    def _read_symbols(self) -> tuple[dict[int, set[str]], frozenset[str]]:
        """Return the undefined symbols by the index of their version, and all non-weak ones."""
        count = self._symbol_count()
        if count > _SYMBOL_LIMIT:
            raise ELFError(f"{count} symbols are more than are looked through")
        form = struct.Struct(f"{self._order}{'IBBHQQ' if self._is_wide else 'IIIBBH'}")
        table = self._table(_SYMTAB, count * form.size)
        has_versions = self._first(_VERSYM) is not None
        indices = struct.unpack(f"{self._order}{count}H", self._table(_VERSYM, 2 * count)) if has_versions else None
        info, section = (1, 3) if self._is_wide else (3, 5)
        wanted: dict[int, set[str]] = {}
        undefined: set[str] = set()
        for number, symbol in enumerate(form.iter_unpack(table)):
            if symbol[section] != _UNDEFINED or not symbol[0]:
                continue
            name = self._string(symbol[0])
            if symbol[info] >> 4 != _WEAK:
                undefined.add(name)
            if indices is not None:
                wanted.setdefault(indices[number] & 0x7FFF, set()).add(name)
        return wanted, frozenset(undefined)

    def _symbol_count(self) -> int:
        """Return the number of symbols, which the dynamic segment lacks: from the section, if there is one.

        Else the table ends where the next one begins, as all linkers lay it out.
        """
        size = 24 if self._is_wide else 16
        address = self._first(_SYMTAB)
        if address is None:
            return 0
        for section in self._elf.iter_sections("SHT_DYNSYM"):
            if int(section["sh_addr"]) == address:
                return int(section["sh_size"]) // size
        behind = [value for tag, value in self._dynamic if tag in _TABLES and value > address]
        return (min(behind) - address) // size if behind else 0


def _shown(raw: bytes) -> str:
    """Return a name as printable text; characters outside of compilers' names are escaped."""
    text = raw.decode("utf-8", "backslashreplace")
    return text if text.isprintable() else re.sub(r"[^ -~]", lambda found: f"\\u{{{ord(found[0]):x}}}", text)
