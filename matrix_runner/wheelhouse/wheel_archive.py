"""Safe opening of a wheel's zip archive: rejects links, duplicates, unsafe paths, zip bombs and broken data."""

import posixpath
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from matrix_runner.errors import WheelRejected

_UNPACKED_LIMIT = 8 * 1024**3
"""Bytes of all members: the largest wheels, of 3 GB, unpack to some 5."""

_RATIO_FREE = 64 * 1024**2
_RATIO_LIMIT = 200
"""Beyond 64 MiB unpacked, no more than 200 bytes for each packed one (deflate reaches 1032; libraries reach 2 to 5)."""

_END = struct.Struct("<4s4H2LH")
_END_MAGIC = b"PK\x05\x06"
_END64 = struct.Struct("<4sQ2H2L4Q")
_END64_MAGIC = b"PK\x06\x06"
_LOCATOR = struct.Struct("<4sLQL")
_LOCATOR_MAGIC = b"PK\x06\x07"
"""The end of the directory and, of zip64, its larger form and where that is (APPNOTE.TXT 4.3.14 to 4.3.16)."""

_DIRECTORY_LIMIT = 32 * 1024**2
"""Bytes of the list of members, which is read as a whole: some hundred for each."""

_PATH_LIMIT = 1024
"""Characters of a path: of the 4096 bytes that Linux takes (PATH_MAX), some are of the place that it is unpacked in."""

_PART_LIMIT = 255
"""Bytes of a part of it: those that file systems take (NAME_MAX)."""

MEMBERS_LIMIT = 200_000
"""Of `zipfile`'s memory, some 600 bytes a member; the wheels with most members have some thirty thousand."""

_NOT_A_WHEEL = "A wheel is a zip archive; the build or repair command left something else, or did not finish writing."

_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)
"""Exceptions of `zipfile` on broken input: its own, and those that leak from the layers below."""


@contextmanager
def open_archive(file: IO[bytes], name: str) -> Iterator[zipfile.ZipFile]:
    """Open a zip archive whose members are safe to read; `name` is for messages.

    All exceptions of `zipfile` for broken data, now or while members are read, become WheelRejected.
    """
    try:
        size = check_directory(file, name)
        with zipfile.ZipFile(file) as archive:
            _check_members(archive.infolist(), size, name)
            yield archive
    except WheelRejected:
        raise
    except _BROKEN as error:
        raise WheelRejected(f"{name} is broken: {str(error) or type(error).__name__}", hint=_NOT_A_WHEEL) from error


def check_directory(file: IO[bytes], name: str) -> int:
    """Look for a zip archive's directory of members, and return the archive's size in bytes.

    Raise WheelRejected if there is none, or one too large for memory: `zipfile` would load any. `name`: for messages.
    """
    size = file.seek(0, 2)
    start = max(0, size - _END.size - 0xFFFF - _LOCATOR.size - _END64.size)
    file.seek(start)
    tail = file.read()
    end = tail.rfind(_END_MAGIC)
    if end < 0 or len(tail) - end < _END.size:
        raise WheelRejected(f"{name} is not a zip archive", hint=_NOT_A_WHEEL)
    members, directory_size = _END.unpack_from(tail, end)[4:6]
    locator = end - _LOCATOR.size
    if locator >= 0 and tail[locator:].startswith(_LOCATOR_MAGIC):
        members, directory_size = _zip64_directory(tail, locator, start, (members, directory_size), name)
    if members > MEMBERS_LIMIT or directory_size > _DIRECTORY_LIMIT:
        raise WheelRejected(
            f"{name} has {members} members in a directory of {directory_size} bytes; matrix-runner itself takes "
            f"{MEMBERS_LIMIT} in {_DIRECTORY_LIMIT} bytes at most, for the sake of memory"
        )
    return size


def _zip64_directory(tail: bytes, locator: int, start: int, short: tuple[int, int], name: str) -> tuple[int, int]:
    """Return count and size of the members' directory from zip64's end record.

    Where the archive's parts contradict each other, readers disagree on what is in it. `zipfile` expects the record
    right before its locator, others where that points to; and a value of the `short` record holds unless it is full.
    """
    place = locator - _END64.size
    offset = _LOCATOR.unpack_from(tail, locator)[2]
    if place < 0 or not tail[place:].startswith(_END64_MAGIC) or offset != start + place:
        raise WheelRejected(f"{name} is broken: its zip64 records contradict each other", hint=_NOT_A_WHEEL)
    members, directory_size = _END64.unpack_from(tail, place)[7:9]
    for long, told, full in ((members, short[0], 0xFFFF), (directory_size, short[1], 0xFFFFFFFF)):
        if told not in (long, full):
            raise WheelRejected(f"{name} is broken: its zip64 records contradict each other", hint=_NOT_A_WHEEL)
    return members, directory_size


def _check_members(members: list[zipfile.ZipInfo], size: int, name: str) -> None:
    seen: set[str] = set()
    for member in members:
        problem = _problem(member)
        if problem is None and member.filename.rstrip("/") in seen:
            problem = "is there twice"
        if problem is not None:
            raise WheelRejected(f"{name}: member {member.orig_filename[:_PATH_LIMIT]!r} {problem}")
        seen.add(member.filename.rstrip("/"))
    unpacked = sum(member.file_size for member in members)
    if unpacked > _UNPACKED_LIMIT or (unpacked > _RATIO_FREE and unpacked > size * _RATIO_LIMIT):
        raise WheelRejected(f"{name} unpacks from {size} to {unpacked} bytes: a zip bomb, or next to one")


def _problem(member: zipfile.ZipInfo) -> str | None:
    """Return the defect of a member as a clause, or None."""
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind == stat.S_IFLNK:
        return "is a symbolic link"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is neither a file nor a directory"
    if member.flag_bits & 0x1 or member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "is encrypted, or compressed in a way that not every installer can read"
    # Not `is_dir`: it asks for the last character, and a name may have none.
    if member.filename.endswith("/") and member.file_size:
        return "is a directory with content"
    return _path_problem(member.orig_filename, member.filename)


def _path_problem(stored: str, path: str) -> str | None:
    """Return the defect of a member's path as a clause, or None; `zipfile` cuts paths at a NUL."""
    path = path.removesuffix("/")
    if len(path) > _PATH_LIMIT or any(len(part.encode(errors="replace")) > _PART_LIMIT for part in path.split("/")):
        return "has a name that is longer than file systems take"
    if stored.removesuffix("/") != path or not path.isprintable() or "\\" in path:
        return "has a character in its name that not every installer reads alike"
    if path.startswith("/") or ".." in path.split("/") or path[1:2] == ":":
        return "leads out of the directory that it is unpacked in"
    if not path or posixpath.normpath(path) != path:
        return "has a name that is not in its simplest form"
    return None
