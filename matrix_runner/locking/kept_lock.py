"""The lock of a package on the disk: read, and held against a plan."""

from pathlib import Path

from matrix_runner.errors import ConfigError, UsageError
from matrix_runner.locking.lock_file import read_lock
from matrix_runner.locking.lock_values import LOCK, Lock


def find_lock(directory: Path) -> Lock | None:
    """Return the lock of a package, None if there is none. Raise ConfigError for one that cannot be read."""
    path = directory / LOCK
    try:
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise ConfigError((f"{path}: it is not UTF-8 at byte {error.start}",), hint="`runner lock` writes it") from None
    except OSError as error:
        raise ConfigError((f"{path}: it cannot be read: {error.strerror}",)) from error
    return read_lock(text, str(path))


def need_lock(directory: Path) -> Lock:
    """Return the lock of a package. Raise UsageError if there is none, ConfigError if it cannot be read."""
    found = find_lock(directory)
    if found is None:
        raise UsageError(
            f"--locked: {directory} has no {LOCK}", hint="`runner lock` makes it; it belongs into the repository"
        )
    return found
