"""Chunked reading, digests and atomic writing of files."""

import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Protocol

CHUNK: Final = 1 << 20
"""Bytes per read."""


class Readable(Protocol):
    """The reading half of a binary file."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes; none at the end."""
        ...


def read_chunks(file: Readable) -> Iterator[bytes]:
    """Yield the rest of an open file in chunks."""
    while chunk := file.read(CHUNK):
        yield chunk


def read_exactly(file: Readable, size: int, name: str) -> Iterator[bytes]:
    """Yield the next `size` bytes of an open file in chunks. Raise OSError, with the file's `name`, if it has fewer."""
    left = size
    while left:
        chunk = file.read(min(left, CHUNK))
        if not chunk:
            raise OSError(f"{name} became shorter while it was read")
        left -= len(chunk)
        yield chunk


def chunks_of(path: Path, size: int = CHUNK) -> Iterator[bytes]:
    """Yield a file's content in chunks of at most `size` bytes. Raise OSError."""
    # Not through `read_chunks`, nor is the next digest: every wheel passes here, and a generator adds time for each
    # chunk. Unbuffered here and below: chunks are large, and a buffer asks for position and kind of the file first.
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(size):
            yield chunk


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal. Raise OSError."""
    with path.open("rb", buffering=0) as file:
        return sha256_of_rest(file)


def sha256_of_rest(file: Readable) -> str:
    """Return the SHA-256, in hexadecimal, of an open file from its position to its end."""
    digest = hashlib.sha256()
    while chunk := file.read(CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def write_flushed(path: Path, chunks: Iterable[bytes]) -> str:
    """Write a new file and flush it to the disk, with the permissions that the umask leaves; return its SHA-256.

    Raise OSError, also if there is a file of that name.
    """
    digest = hashlib.sha256()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666)
    with os.fdopen(descriptor, "wb", buffering=0):
        for chunk in chunks:
            digest.update(chunk)
            write_all(descriptor, chunk)
        os.fsync(descriptor)
    return digest.hexdigest()


def write_all(descriptor: int, data: bytes) -> None:
    """Write all data to an open file, which may take it in parts. Raise OSError."""
    written = os.write(descriptor, data)
    while written < len(data):
        data = data[written:]
        written = os.write(descriptor, data)


def flush_file(path: Path) -> str:
    """Flush a file's content to the disk; return its SHA-256. Raise OSError, also for a symbolic link."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        digest = sha256_of_rest(file)
        os.fsync(descriptor)
    return digest


def flush_directory(path: Path) -> None:
    """Flush the names in a directory to the disk. Raise OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def replacing(path: Path, temporary: Path | None = None, *, is_flushed: bool = False) -> Iterator[Path]:
    """Yield a temporary path to write to; it replaces `path` at the end, or is removed after an error.

    `temporary`: a path on the same file system; by default a hidden one beside `path`, which ends in `.partial`.
    `is_flushed`: whether to flush the new name to the disk; the content is flushed by `write_flushed`. Raise OSError.
    """
    partial = temporary or path.with_name(f".{path.name}-{secrets.token_hex(4)}.partial")
    try:
        yield partial
        partial.replace(path)
        if is_flushed:
            flush_directory(path.parent)
    except BaseException:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise


def write_whole(path: Path, data: bytes, *, temporary: Path | None = None) -> None:
    """Write a small file atomically, and create its directory if necessary; nothing is flushed. Raise OSError.

    `temporary`: as for `replacing`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path, temporary) as partial:
        partial.write_bytes(data)


def cause_of(error: OSError) -> str:
    """Return the reason of an operating system's error, without the path, which the message around it names."""
    return error.strerror or str(error)
