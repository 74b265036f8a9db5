"""A directory of a run for what it does not keep; what a killed run leaves behind is removed by a later one."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from matrix_runner.errors import MachineError

_LOCK = "lock"


@contextmanager
def scratch_directory(parent: Path, run: str) -> Iterator[Path]:
    """Give a run a directory of its own below `parent`, and remove it at the end. Raise MachineError.

    Holding its lock is what being alive means; a lock dies with its process, however that died.
    """
    directory = parent / run
    try:
        directory.mkdir(parents=True)
        lock = FileLock(directory / _LOCK)
        lock.acquire(blocking=False)
    except OSError as error:
        raise MachineError(
            f"cannot make a working directory: {error}",
            hint="set XDG_CACHE_HOME to a directory that can be written to",
        ) from error
    try:
        _sweep(parent)
        yield directory
    finally:
        lock.release()
        shutil.rmtree(directory, ignore_errors=True)


def _sweep(parent: Path) -> None:
    for path in parent.glob(f"*/{_LOCK}"):
        try:
            with FileLock(path, blocking=False):
                shutil.rmtree(path.parent, ignore_errors=True)
        except (OSError, Timeout):  # noqa: PERF203  one that lives must not keep the others
            # It lives, or it is somebody else's.
            continue
