"""Durable, atomic file writes (flush, then rename), and SHA-256 of files."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

_CHUNK = 1024 * 1024


def chunks_of(path: Path) -> Iterator[bytes]:
    """Read a file in chunks. Raise OSError."""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256 in hexadecimal. Raise OSError."""
    digest = hashlib.sha256()
    for chunk in chunks_of(path):
        digest.update(chunk)
    return digest.hexdigest()


def write_flushed(path: Path, chunks: Iterable[bytes]) -> str:
    """Write a new file and flush it to the disk, with the permissions that the umask leaves; return its SHA-256.

    Raise OSError, also if the file exists.
    """
    digest = hashlib.sha256()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666)
    with os.fdopen(descriptor, "wb") as file:
        for chunk in chunks:
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def rename_flushed(source: Path, target: Path) -> None:
    """Rename a file within its directory, and flush the directory to the disk. Raise OSError."""
    source.replace(target)
    descriptor = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
