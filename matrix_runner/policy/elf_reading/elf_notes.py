"""The ELF note with the required x86-64 level (x86-64 psABI, GNU_PROPERTY_X86_ISA_1_NEEDED)."""

import struct
from collections.abc import Iterable, Iterator
from typing import Literal

_PROPERTIES = 5
_INSTRUCTIONS_NEEDED = 0xC0008002
_LEVELS = ((8, "x86-64-v4"), (4, "x86-64-v3"), (2, "x86-64-v2"))


def instruction_level(notes: Iterable[bytes], bits: int, byte_order: Literal["little", "big"]) -> str | None:
    """Return the highest level noted; None for the first level or no note. `notes`: contents of note segments."""
    order = "<" if byte_order == "little" else ">"
    width = bits // 8
    needed = 0
    for note in notes:
        for description in _property_notes(note, order, width):
            needed |= _instructions(description, order, width)
    return next((name for bit, name in _LEVELS if needed & bit), None)


def _property_notes(data: bytes, order: str, width: int) -> Iterator[bytes]:
    """Yield the descriptions of GNU's property notes, up to a truncated one."""
    header = struct.Struct(f"{order}III")
    offset = 0
    while offset + header.size <= len(data):
        name_size, size, kind = header.unpack_from(data, offset)
        start = offset + header.size + _padded(name_size, 4)
        if kind == _PROPERTIES and data[offset + header.size :][:name_size] == b"GNU\0":
            yield data[start : start + size]
            offset = start + _padded(size, width)
        else:
            offset = start + _padded(size, 4)


def _instructions(description: bytes, order: str, width: int) -> int:
    header = struct.Struct(f"{order}II")
    offset, needed = 0, 0
    while offset + header.size <= len(description):
        kind, size = header.unpack_from(description, offset)
        value = description[offset + header.size :][:size]
        if kind == _INSTRUCTIONS_NEEDED and len(value) == 4:
            needed |= struct.unpack(f"{order}I", value)[0]
        offset += header.size + _padded(size, width)
    return needed


def _padded(size: int, to: int) -> int:
    return size + -size % to
