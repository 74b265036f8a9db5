"""Times of last use of persistent images and volumes, recorded on this machine, since no engine tells."""

import contextlib
import os
import time
from pathlib import Path

from matrix_runner.digests import text_digest


class LastUses:
    """Empty files, one for each thing, whose time of change is when it was last used.

    A note only: where it cannot be written or read, a thing counts as used when it was made.
    """

    def __init__(self, directory: Path) -> None:
        """`directory` is made if need be; it belongs to one engine."""
        self._directory = directory

    def note(self, name: str) -> None:
        """Note that it is used now."""
        with contextlib.suppress(OSError):
            self._directory.mkdir(parents=True, exist_ok=True)
            self._path(name).touch()

    def of(self, name: str, *, created: float) -> float:
        """Return when it was last used, in Unix time; when it was `created` if nothing is known."""
        with contextlib.suppress(OSError):
            return max(created, self._path(name).stat().st_mtime)
        return created

    def forget(self, name: str) -> None:
        """Drop the note of what is gone."""
        with contextlib.suppress(OSError):
            self._path(name).unlink(missing_ok=True)

    def prune(self, oldest: float) -> None:
        """Drop the notes from before `oldest` (Unix time): what they are about is long gone, or was never ours."""
        with contextlib.suppress(OSError):
            for entry in os.scandir(self._directory):
                if entry.stat().st_mtime < min(oldest, time.time()):
                    Path(entry).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self._directory / text_digest(name)[:32]
