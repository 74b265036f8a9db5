"""The headers of an ELF file (gABI, chapters 4 and 5): its segments, and the sections that hold dynamic symbols.

Read by `struct` and at once: pyelftools builds its descriptions of all structures for each file, which took half of the
time of an ordinary wheel's verification.
"""

import struct
from collections.abc import Iterator
from typing import IO, Final, Literal

import msgspec

LOAD, DYNAMIC, INTERP, NOTE, GNU_PROPERTY = 1, 2, 3, 4, 0x6474E553
"""Kinds of segments (gABI, and GNU's own)."""
DYNSYM: Final = 11
"""The kind of the section of dynamic symbols."""

TABLE_LIMIT: Final = 512 * 1024**2
"""Bytes that one table may have; the largest known string tables have some 50 MB."""
NOTES_LIMIT: Final = 1024**2
"""Bytes of all notes of a file: those of libraries have some hundred, those of core dumps, which no wheel is for, more.
Any number of segments can lead to the same bytes."""
COUNT_LIMIT: Final = 1 << 16
"""Records of one kind: their number is 16 bits wide in most places."""
_EXTENDED: Final = 0xFFFF
"""A number of segments that stands in the first section's header instead (PN_XNUM)."""


class BrokenElf(ValueError):
    """An ELF file contradicts its format; the message says how."""


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """A segment: its kind, and the place of its content in the file and in memory, in bytes."""

    kind: int
    offset: int
    address: int
    size: int


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A section: its kind, its address in memory and its size in bytes."""

    kind: int
    address: int
    size: int


class ElfHeaders:
    """The headers of a seekable file of known width and byte order. Raise BrokenElf, struct.error."""

    def __init__(self, file: IO[bytes], bits: int, byte_order: Literal["little", "big"]) -> None:
        self._file = file
        self._order = "<" if byte_order == "little" else ">"
        self._is_wide = bits == 64
        self.size = file.seek(0, 2)
        """The file's size in bytes."""
        header = struct.Struct(f"{self._order}16xHHI{'QQQ' if self._is_wide else 'III'}IHHHHHH")
        _, _, _, _, programs, self._sections_at, _, _, program_size, count, self._section_size, sections, _ = (
            header.unpack(self.read(0, header.size))
        )
        self._section_form = struct.Struct(f"{self._order}{'IIQQQQIIQQ' if self._is_wide else '10I'}")
        first = self._first_section() if self._sections_at and (not sections or count == _EXTENDED) else None
        self._section_count = int(first[5]) if first is not None and not sections else int(sections)
        count = int(first[7]) if first is not None and count == _EXTENDED else int(count)
        if max(count, self._section_count) > COUNT_LIMIT:
            raise BrokenElf("too many segments or sections")
        self.segments = tuple(self._read_segments(programs, program_size, count))
        """The segments, in the order of the file."""

    def read(self, offset: int, size: int) -> bytes:
        """Return a part of the file. Raise BrokenElf if it does not lie in it, or is larger than any table may be."""
        if size > TABLE_LIMIT:
            raise BrokenElf(f"a table of {size} bytes is more than is looked through")
        if not 0 <= offset <= self.size or not 0 <= size <= self.size - offset:
            raise BrokenElf(f"a table of {size} bytes at {offset} does not lie in the file")
        self._file.seek(offset)
        return self._file.read(size)

    def sections(self, kind: int) -> Iterator[Section]:
        """Yield the sections of a kind."""
        if not self._sections_at or not self._section_count:
            return
        self._require(self._section_size, self._section_form.size)
        data = self.read(self._sections_at, self._section_count * self._section_size)
        for start in range(0, len(data), self._section_size):
            fields = self._section_form.unpack_from(data, start)
            if fields[1] == kind:
                yield Section(kind=kind, address=fields[3], size=fields[5])

    def _read_segments(self, offset: int, size: int, count: int) -> Iterator[Segment]:
        if not count:
            return
        form = struct.Struct(f"{self._order}{'I4xQQ8xQ16x' if self._is_wide else 'III4xI12x'}")
        self._require(size, form.size)
        data = self.read(offset, count * size)
        for start in range(0, len(data), size):
            kind, place, address, length = form.unpack_from(data, start)
            yield Segment(kind=kind, offset=place, address=address, size=length)

    def _first_section(self) -> tuple[int, ...]:
        return self._section_form.unpack(self.read(self._sections_at, self._section_form.size))

    def _require(self, size: int, least: int) -> None:
        if size < least:
            raise BrokenElf(f"headers of {size} bytes are too short")
