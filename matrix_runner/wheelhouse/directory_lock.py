"""Exclusive locks on the directories of a run, which die with their process; one has its owner's process id."""

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path

from matrix_runner.errors import OutputError

_NAME = ".matrix-runner.lock"
_MOMENT = 0.02
"""Seconds until a taken lock is tried for a second time."""


def take_lock(directory: Path) -> int:
    """Lock the directory and return the descriptor that holds the lock. Raise OutputError if another run holds it."""
    path = directory / _NAME
    asked_again = False
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not asked_again:
                # It may be a reader that asks whether a run is going on.
                asked_again = True
                os.close(descriptor)
                time.sleep(_MOMENT)
                continue
            owner = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(descriptor)
            raise _taken(f"{directory} (process {owner})") from None
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


def is_locked(directory: Path) -> bool:
    """Whether a run holds the lock of a directory now; False also if that cannot be seen."""
    try:
        descriptor = os.open(directory / _NAME, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        # Held for a moment only, which a run that begins in it waits out.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def lock_itself(directory: Path) -> int:
    """Lock a directory without a file in it; return its descriptor, which holds the lock.

    Raise OutputError if another run holds it. On a file system that cannot lock directories, such as NFS, it is not
    locked.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise _taken(str(directory)) from None
    except OSError:
        pass
    return descriptor


def release_lock(directory: Path, descriptor: int) -> None:
    """Remove the lock file while it is still locked, so that none remains, then unlock."""
    with suppress(OSError):
        (directory / _NAME).unlink()
    os.close(descriptor)


def _taken(what: str) -> OutputError:
    return OutputError(
        f"another run is writing to {what}",
        hint="Wait for it, or choose other directories with --output-dir and --report-dir.",
    )
