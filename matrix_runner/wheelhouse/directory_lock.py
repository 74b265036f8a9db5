"""An exclusive lock on the output directory, with its owner's process id; it dies with the process."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from matrix_runner.errors import OutputError

_NAME = ".matrix-runner.lock"


def take_lock(directory: Path) -> int:
    """Lock the directory and return the descriptor that holds the lock. Raise OutputError if another run holds it."""
    path = directory / _NAME
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(descriptor)
            raise OutputError(
                f"another run is writing to {directory} (process {owner})",
                hint="Wait for it, or choose another directory with --output-dir.",
            ) from None
        except BaseException:
            os.close(descriptor)
            raise
        if not _is_still(path, descriptor):
            # Its last owner removed the file between our open and lock.
            os.close(descriptor)
            continue
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        except BaseException:
            release_lock(directory, descriptor)
            raise
        return descriptor


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def release_lock(directory: Path, descriptor: int) -> None:
    """Remove the lock file while it is still locked, so that none remains among the wheels, then unlock."""
    with suppress(OSError):
        (directory / _NAME).unlink()
    os.close(descriptor)
