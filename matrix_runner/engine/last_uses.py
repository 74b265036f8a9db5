"""Times of last use of persistent images and volumes, recorded on this machine, since no engine tells."""

import contextlib
import os
import time
from pathlib import Path

from matrix_runner.digests import text_digest


class LastUses:
    """Empty files, one per item, whose modification time is the item's last use.

    Best effort: if they cannot be written or read, an item's last use is its creation.
    """

    def __init__(self, directory: Path) -> None:
        """`directory`: of one engine; created if necessary."""
        self._directory = directory

    def note(self, name: str) -> None:
        """Record that an item is used now."""
        with contextlib.suppress(OSError):
            self._directory.mkdir(parents=True, exist_ok=True)
            self._path(name).touch()

    def of(self, name: str, *, created: float) -> float:
        """Return an item's last use in Unix time; without a record, `created`."""
        with contextlib.suppress(OSError):
            return max(created, self._path(name).stat().st_mtime)
        return created

    def forget(self, name: str) -> None:
        """Drop the record of a removed item."""
        with contextlib.suppress(OSError):
            self._path(name).unlink(missing_ok=True)

    def prune(self, oldest: float) -> None:
        """Drop the records from before `oldest` (Unix time): their items are long removed, or were never ours."""
        with contextlib.suppress(OSError):
            for entry in os.scandir(self._directory):
                if entry.stat().st_mtime < min(oldest, time.time()):
                    Path(entry).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self._directory / text_digest(name)[:32]
