"""Tar streams of a single file."""

import os
from collections.abc import Iterator
from pathlib import Path
from tarfile import BLOCKSIZE, PAX_FORMAT, TarInfo
from typing import Final

from matrix_runner.files import read_exactly

END: Final = bytes(2 * BLOCKSIZE)
"""The two blocks of zeros that end an archive."""


def archive_of(path: Path, name: str) -> Iterator[bytes]:
    """Stream a tar with one file in it, under another name. Raise OSError, also if the file shrinks meanwhile."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        yield _header(name, size)
        yield from read_exactly(file, size, str(path))
    yield padding(size) + END


def archive_of_bytes(name: str, data: bytes, *, time: int = 0) -> Iterator[bytes]:
    """Stream a tar with one file in it, of that name and content. `time`: the file's, in seconds since 1970."""
    yield _header(name, len(data), time)
    yield data
    yield padding(len(data)) + END


def padding(size: int) -> bytes:
    """Return the zeros that fill up the last block of a file of `size` bytes."""
    return bytes(-size % BLOCKSIZE)


def _header(name: str, size: int, time: int = 0) -> bytes:
    info = TarInfo(name)
    info.size, info.mtime = size, time
    return info.tobuf(PAX_FORMAT)
