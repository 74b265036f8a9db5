"""Files in a directory with other writers: reads that follow no links, atomic writes, removal as a whole."""

import contextlib
import hashlib
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from matrix_runner.files import read_chunks


def regular_chunks(path: Path, limit: int) -> Iterator[bytes]:
    """Read a regular file in chunks, at most `limit` bytes. Raise OSError, also for a link or a device."""
    # Not `files.chunks_of`: somebody else may have put a link, a pipe or something endless there.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > limit:
            raise OSError(f"{path} is no regular file of at most {limit} bytes")
        yield from read_chunks(file)


def read_small(path: Path, limit: int) -> bytes:
    """Return a regular file's content. Raise OSError."""
    return b"".join(regular_chunks(path, limit))


def copy_checked(path: Path, target: Path | None, *, size: int, sha256: str) -> bool:
    """Read a file, copying it to `target` if given; return whether size and digest match. Raise OSError."""
    digest, count = hashlib.sha256(), 0
    with contextlib.ExitStack() as stack:
        copy = None if target is None else stack.enter_context(target.open("wb"))
        for chunk in regular_chunks(path, size):
            digest.update(chunk)
            count += len(chunk)
            if copy is not None:
                copy.write(chunk)
    return (count, digest.hexdigest()) == (size, sha256)


def discard(path: Path, room: Path) -> None:
    """Remove a file or directory, moving it to `room` first so that nobody sees half of it. Never raises."""
    away = room / f"trash-{secrets.token_hex(8)}"
    with contextlib.suppress(OSError):
        path.rename(away)
        path = away
    with contextlib.suppress(OSError):
        if stat.S_ISDIR(path.lstat().st_mode):
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()
