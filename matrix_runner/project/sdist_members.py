"""Uniform reading of an sdist's members, tar or zip, one at a time, within size limits."""

import gzip
import io
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from typing import Final

import msgspec

from matrix_runner.config.mistakes import quote
from matrix_runner.errors import WheelRejected
from matrix_runner.wheelhouse.wheel_archive import check_directory

CHUNK: Final = 1 << 16
"""Bytes read at a time. Less than `files.CHUNK`: far below `_LONGEST_READ` and the limit of the whole."""

_LONGEST_READ: Final = 1 << 20
"""Bytes. Only a header can ask for more, and it would be read into memory as a whole."""

_LONGEST_TARGET: Final = 4096
_HEADERS: Final = 4096
"""A generous allowance, in bytes, for a member's headers and padding in a tar."""

_GZIP: Final = b"\x1f\x8b"
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")


class Kind(Enum):
    """The kind of a member."""

    FILE = "file"
    DIRECTORY = "directory"
    LINK = "link"
    COPY = "copy"
    OTHER = "other"


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of an unpacked archive: total `size` in bytes, and number of members."""

    size: int
    members: int


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A member of an archive. `target`: of a link (in the file system) or a copy (in the archive).

    `read` returns the next bytes of a file; valid only until the next member is requested.
    """

    name: str
    kind: Kind
    target: str = ""
    is_executable: bool = False
    read: Callable[[int], bytes] = bytes


class Refused(Exception):
    """An archive is refused; `hint`: the user's next step."""

    def __init__(self, text: str, hint: str = "no honest sdist has that: ask whoever made it") -> None:
        super().__init__(text)
        self.hint = hint


def members(archive: Path, limits: Limits) -> Iterator[Member]:
    """Yield an archive's members. Raise Refused, OSError, or exceptions of the standard library's readers."""
    with archive.open("rb") as stream:
        start = stream.read(4)
    if start.startswith(_GZIP):
        yield from _of_tar(archive, limits)
    elif start in _ZIP:
        yield from _of_zip(archive, limits)
    else:
        what = "is neither a gzip-compressed tar nor a zip" if start else "has nothing in it"
        raise Refused(what, "make it with `python -m build --sdist`, or download it again")


def _of_tar(archive: Path, limits: Limits) -> Iterator[Member]:
    with gzip.open(archive, "rb") as stream:
        tape = _Tape(stream, limits)
        with tarfile.open(fileobj=tape, mode="r:", encoding="utf-8", errors="surrogateescape") as tar:
            for info in tar:
                content = tar.extractfile(info) if info.isreg() else None
                yield Member(
                    name=info.name,
                    kind=_tar_kind(info),
                    target=info.linkname,
                    is_executable=bool(info.mode & 0o100),
                    read=content.read if content else bytes,
                )
            # tarfile takes an unreadable header for the end of the archive.
            if any(tape.latest):
                raise tarfile.ReadError("a header is damaged")
            # The checksum is at the very end.
            while tape.read(CHUNK):
                pass


def _tar_kind(info: tarfile.TarInfo) -> Kind:
    if info.isreg():
        return Kind.FILE
    if info.isdir():
        return Kind.DIRECTORY
    if info.issym():
        return Kind.LINK
    return Kind.COPY if info.islnk() else Kind.OTHER


def _of_zip(archive: Path, limits: Limits) -> Iterator[Member]:
    with archive.open("rb") as stream:
        if not zipfile.is_zipfile(stream):
            raise zipfile.BadZipFile("its end is missing")
        try:
            check_directory(stream, "the archive")
        except WheelRejected as error:
            raise Refused(error.message) from error
    with zipfile.ZipFile(archive) as file:
        if len(file.infolist()) > limits.members:
            raise Refused(f"has more than {limits.members:,} members")
        for info in file.infolist():
            if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
                raise Refused(f"member {quote(info.filename)} is compressed by another method than deflate")
            kind = _zip_kind(info)
            with file.open(info) as content:
                yield Member(
                    name=info.filename,
                    kind=kind,
                    target=os.fsdecode(content.read(_LONGEST_TARGET)) if kind is Kind.LINK else "",
                    is_executable=bool(info.external_attr >> 16 & 0o100),
                    read=content.read,
                )


def _zip_kind(info: zipfile.ZipInfo) -> Kind:
    mode = info.external_attr >> 16
    if stat.S_ISLNK(mode):
        return Kind.LINK
    # Not `is_dir`: it asks for the last character, and a name may have none.
    if info.filename.endswith("/"):
        return Kind.DIRECTORY
    # Archives made on Windows have no modes.
    return Kind.FILE if stat.S_ISREG(mode) or not stat.S_IFMT(mode) else Kind.OTHER


class _Tape(io.RawIOBase):
    """A decompressed gzip stream: forward only, with limits on each read and on the total."""

    def __init__(self, stream: gzip.GzipFile, limits: Limits) -> None:
        super().__init__()
        self._stream = stream
        self._limits = limits
        self._end = limits.size + limits.members * _HEADERS
        self._at = 0
        self.latest = b""

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence != io.SEEK_SET or offset < self._at:
            raise tarfile.ReadError("a header leads backwards")
        while self._at < offset and self.read(min(CHUNK, offset - self._at)):
            pass
        return self._at

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _LONGEST_READ:
            raise Refused("has a header of more than 1 MiB")
        if self._at > self._end:
            raise Refused(f"unpacks to more than {self._limits.size:,} bytes")
        self.latest = self._stream.read(size)
        self._at += len(self.latest)
        return self.latest
