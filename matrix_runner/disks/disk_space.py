"""The space of a directory's file system, as the kernel tells it."""

import os
from pathlib import Path

import msgspec


class Space(msgspec.Struct, frozen=True, kw_only=True):
    """A directory's file system. `directory`: an existing one, the nearest around one that is yet to be made.

    `device`: tells file systems apart. `inodes`: free ones, None where there is no limit. `error`: why nothing can be
    said or written there, "" without one.
    """

    directory: str
    device: int = 0
    free: int = 0
    size: int = 0
    inodes: int | None = None
    error: str = ""


def space_of(path: Path, *, is_written: bool) -> Space:
    """Return the space of a directory, or of the nearest one around it. `is_written`: this user must write there."""
    try:
        nearest = next(each for each in (path, *path.parents) if each.exists())
        status, found = os.statvfs(nearest), nearest.stat()
    except OSError as error:
        return Space(directory=str(path), error=str(error.strerror or error))
    problem = ""
    if is_written:
        if status.f_flag & os.ST_RDONLY:
            problem = "its file system is read-only"
        elif not nearest.is_dir():
            problem = f"{nearest} is no directory"
        elif not os.access(nearest, os.W_OK | os.X_OK):
            problem = f"this user may not write to {nearest}"
    return Space(
        directory=str(nearest),
        device=found.st_dev,
        free=status.f_bavail * status.f_frsize,
        size=status.f_blocks * status.f_frsize,
        # A file system that makes inodes as it needs them says 0 of 0.
        inodes=status.f_favail if status.f_files else None,
        error=problem,
    )
