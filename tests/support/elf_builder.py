"""Small shared objects for tests: as a linker lays them out, for any architecture, without a compiler."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from matrix_runner.model.platforms import Arch

WEAK, GLOBAL = 0x20, 0x10

Versions = tuple[tuple[str, tuple[tuple[str, tuple[str, ...]], ...]], ...]
"""Libraries, each with the versions that are needed of it, each with the symbols."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SharedObject:
    """What a shared object asks for. `plain`: undefined symbols without a version; `level`: bits of the ISA note.

    `defined`: symbols that it has for others, all of the first of its own versions, `definitions`. `kind`, `flags`:
    e_type and e_flags; `interpreter`: the loader that a program names; `relr`: with packed relative relocations.
    """

    arch: Arch = Arch.X86_64
    needed: Sequence[str] = ("libc.so.6",)
    versions: Versions = ()
    plain: Sequence[str] = ()
    weak: Sequence[str] = ()
    soname: str | None = None
    rpath: str | None = None
    runpath: str | None = None
    level: int = 0
    defined: Sequence[str] = ()
    definitions: Sequence[str] = ()
    interpreter: str | None = None
    kind: int = 3
    flags: int | None = None
    relr: bool = False

    def build(self) -> bytes:
        """Return the file. It has no section headers, as after `strip --strip-section-headers`: a loader needs none."""
        return _Writer(self).write()


class _Writer:
    """Puts the tables one after the other; addresses are places in the file."""

    def __init__(self, wanted: SharedObject) -> None:
        self._wanted = wanted
        self._wide = wanted.arch.bits == 64
        self._order = "<" if wanted.arch.byte_order == "little" else ">"
        self._strings = bytearray(b"\0")

    def write(self) -> bytes:
        """Lay it out: headers, symbols, their versions, needed versions, strings, note, dynamic segment."""
        wanted = self._wanted
        needs, indices, names = self._version_needs()
        symbols = [(name, GLOBAL, index) for name, index in zip(names, indices, strict=True)]
        symbols += [(name, GLOBAL, 1) for name in wanted.plain] + [(name, WEAK, 1) for name in wanted.weak]
        symbols += [(name, GLOBAL, 1) for name in wanted.defined]
        first = len(symbols) - len(wanted.defined)
        table = self._symbol("", 0) + b"".join(
            self._symbol(name, kind, section=1 if number >= first else 0)
            for number, (name, kind, _) in enumerate(symbols)
        )
        of_symbols = self._pack(f"{len(symbols) + 1}H", 0, *(index for _, _, index in symbols))
        defines = self._definitions()
        interpreter = wanted.interpreter.encode() + b"\0" if wanted.interpreter else b""
        entries = [(1, self._string(name)) for name in wanted.needed]
        entries += [(tag, self._string(text)) for tag, text in ((14, wanted.soname), (15, wanted.rpath)) if text]
        entries += [(29, self._string(wanted.runpath))] if wanted.runpath else []
        note = self._note()
        start = 64 + 4 * 56 if self._wide else 52 + 4 * 32
        places = []
        place = start
        parts = (table, of_symbols, needs, bytes(self._strings), note, defines, interpreter)
        for part in parts:
            places.append(place)
            place += len(part) + -len(part) % 16
        entries += [(6, places[0]), (5, places[3]), (10, len(self._strings))]
        # As linkers do: without any version there is no table of the symbols' versions.
        entries += [(0x6FFFFFF0, places[1])] if needs or defines else []
        entries += [(0x6FFFFFFC, places[5]), (0x6FFFFFFD, 1 + len(wanted.definitions))] if defines else []
        entries += [(0x6FFFFFFE, places[2]), (0x6FFFFFFF, len(wanted.versions))] if needs else []
        entries += [(36, places[0]), (35, 8), (37, 8)] if wanted.relr else []
        dynamic = b"".join(self._pack("qQ" if self._wide else "iI", tag, value) for tag, value in [*entries, (0, 0)])
        body = b"".join(part + bytes(-len(part) % 16) for part in parts) + dynamic
        end = start + len(body)
        segments = [(1, 0, end), (2, place, len(dynamic)), (0x6474E553 if note else 0, places[4], len(note))]
        segments.append((3 if interpreter else 0, places[6], len(interpreter)))
        return self._header() + b"".join(self._segment(*segment) for segment in segments) + body

    def _pack(self, form: str, *values: int) -> bytes:
        return struct.pack(self._order + form, *values)

    def _string(self, text: str) -> int:
        self._strings += text.encode() + b"\0"
        return len(self._strings) - len(text.encode()) - 1

    def _symbol(self, name: str, kind: int, section: int = 0) -> bytes:
        place = self._string(name) if name else 0
        return (
            self._pack("IBBHQQ", place, kind, 0, section, 0, 0)
            if self._wide
            else self._pack("IIIBBH", place, 0, 0, kind, 0, section)
        )

    def _definitions(self) -> bytes:
        """Return the table of defined versions: the file's own name first, as linkers write it."""
        if not self._wanted.definitions:
            return b""
        names = [self._wanted.soname or "own", *self._wanted.definitions]
        table = b""
        for number, name in enumerate(names):
            following = 28 if number + 1 < len(names) else 0
            table += self._pack("HHHHIII", 1, 1 if number == 0 else 0, number + 1, 1, 0, 20, following)
            table += self._pack("II", self._string(name), 0)
        return table

    def _version_needs(self) -> tuple[bytes, list[int], list[str]]:
        """Return the table of needed versions, and for each versioned symbol the index of its version, and its name."""
        indices: list[int] = []
        names: list[str] = []
        table, index = b"", 1
        for number, (library, versions) in enumerate(self._wanted.versions):
            inner = b""
            for count, (version, symbols) in enumerate(versions):
                index += 1
                following = 16 if count + 1 < len(versions) else 0
                inner += self._pack("IHHII", 0, 0, index, self._string(version), following)
                indices += [index] * len(symbols)
                names += symbols
            following = 16 + len(inner) if number + 1 < len(self._wanted.versions) else 0
            table += self._pack("HHIII", 1, len(versions), self._string(library), 16, following) + inner
        return table, indices, names

    def _note(self) -> bytes:
        if not self._wanted.level:
            return b""
        return self._pack("III", 4, 16, 5) + b"GNU\0" + self._pack("IIII", 0xC0008002, 4, self._wanted.level, 0)

    def _header(self) -> bytes:
        arch = self._wanted.arch
        ident = b"\x7fELF" + bytes([2 if self._wide else 1, 1 if self._order == "<" else 2, 1]) + bytes(9)
        size, entry = (64, 56) if self._wide else (52, 32)
        form = "HHIQQQIHHHHHH" if self._wide else "HHIIIIIHHHHHH"
        flags = self._wanted.flags
        if flags is None:
            flags = 0x05000400 if arch is Arch.ARMV7L else 0  # EABI 5, hard-float
        return ident + self._pack(
            form, self._wanted.kind, arch.elf_machine, 1, 0, size, 0, flags, size, entry, 4, 0, 0, 0
        )

    def _segment(self, kind: int, place: int, size: int) -> bytes:
        if self._wide:
            return self._pack("IIQQQQQQ", kind, 4, place, place, place, size, size, 8)
        return self._pack("IIIIIIII", kind, place, place, place, size, size, 4, 8)
