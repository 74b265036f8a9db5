"""A run's temporary directory, locked while the run lives; leftovers of killed runs are removed by later runs."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from matrix_runner.errors import MachineError

_LOCK = "lock"


@contextmanager
def scratch_directory(parent: Path, run: str) -> Iterator[Path]:
    """Create a run's own directory below `parent`, and remove it at the end. Raise MachineError.

    The lock marks the run as alive; it is released when the process dies, for whatever reason.
    """
    directory = parent / run
    try:
        directory.mkdir(parents=True)
        # It may be released by another thread than this one.
        lock = FileLock(directory / _LOCK, thread_local=False)
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
        except (OSError, Timeout):  # noqa: PERF203  a live run's directory must not stop the sweep
            # A live run, or another user's directory.
            continue
