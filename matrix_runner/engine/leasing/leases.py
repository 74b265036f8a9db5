"""Leases of runs: locks that die with their run, by which leftovers of dead runs are found.

A living run holds a lock on `runs/<run>.lock` in the state directory; the kernel releases it however the run dies. An
engine's containers and snapshots are labelled with their run and their owner. A sweep may remove our own, if their
run's lock is free. A reaper, where the engine has one, sweeps as soon as the run is killed.
"""

import contextlib
import os
import secrets
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from matrix_runner.engine.leasing.reaper import Reaper
from matrix_runner.errors import OutputError

LABEL_RUN: Final = "matrix-runner.run"
LABEL_OWNER: Final = "matrix-runner.owner"
LABEL_CELL: Final = "matrix-runner.cell"
LABEL_SNAPSHOT: Final = "matrix-runner.snapshot"
"""On images only: the owning run. Named images lack the label, so no sweep removes them."""

LABEL_PERSISTENT: Final = "matrix-runner.kept"
"""On a persistent image or volume; the value is its kind. The text is that of existing images: it must not change."""
LABEL_CREATED: Final = "matrix-runner.created"
"""Unix time. Engines report it for images and volumes too, but in different ways."""

_DAY: Final = 86400


class Leases:
    """The locks of one state directory. `reaper`: started with this run's lease, and dismissed with it."""

    def __init__(self, state_dir: Path, run: str) -> None:
        self.reaper: Reaper | None = None
        self._directory = state_dir / "runs"
        self._run = run
        self._lock: FileLock | None = None
        self._guard = threading.Lock()

    @property
    def owner(self) -> str:
        """The owner for sweeping: this user, on this host, with this state directory.

        The directory has an identity of its own, because two of them (or two hosts that use one daemon) do not see each
        other's locks and would take living runs for dead. Raise OutputError.
        """
        with self._guard, _translated(self._directory):
            self._directory.mkdir(parents=True, exist_ok=True)
            file = self._directory / "identity"
            # Exclusive link: of two simultaneous first runs, one writes the identity and both read it.
            if not file.exists():
                draft = self._directory / f".identity-{secrets.token_hex(8)}"
                draft.write_text(secrets.token_hex(8), encoding="ascii")
                try:
                    os.link(draft, file)
                except FileExistsError:
                    pass
                finally:
                    draft.unlink()
            return f"{socket.gethostname()}/{os.getuid()}/{file.read_text(encoding='ascii')}"

    @property
    def is_held(self) -> bool:
        """Whether this run holds its lease."""
        return self._lock is not None

    def hold(self) -> None:
        """Take this run's lease. Idempotent. Raise OutputError."""
        with self._guard, _translated(self._directory):
            if self._lock is not None:
                return
            self._directory.mkdir(parents=True, exist_ok=True)
            # Not thread-local: any thread of the run may release a lock taken by another.
            lock = FileLock(self._path(self._run), timeout=0, thread_local=False)
            try:
                lock.acquire()
            except Timeout:
                raise OutputError(
                    f"another process is running as run {self._run!r}",
                    hint="Start it again: each run has a name of its own.",
                ) from None
            self._lock = lock
            if self.reaper is not None:
                self.reaper.start()

    def release(self) -> None:
        """Release this run's lease, once nothing is left to sweep. Idempotent."""
        with self._guard:
            if self._lock is not None:
                self._path(self._run).unlink(missing_ok=True)
                self._lock.release()
                self._lock = None
                if self.reaper is not None:
                    self.reaper.dismiss()

    def is_alive(self, run: str) -> bool:
        """Return whether some process holds a run's lock. A name that leads out of the directory is no run of ours."""
        path = self._path(run)
        if Path(run).name != run or not path.exists():
            return False
        lock = FileLock(path, timeout=0, thread_local=False)
        try:
            lock.acquire()
        except (Timeout, OSError):
            return True
        lock.release()
        return False

    def forget(self, run: str) -> None:
        """Remove a dead run's lock file."""
        if Path(run).name == run:
            self._path(run).unlink(missing_ok=True)

    def prune(self, now: float) -> None:
        """Remove the lock files of dead runs that are older than a day. `now`: Unix time. Raise OutputError.

        Not younger ones: between the creation and the locking of its file, a starting run looks dead.
        """
        with _translated(self._directory):
            for path in self._directory.glob("*.lock"):
                if now - path.stat().st_mtime > _DAY and not self.is_alive(path.stem):
                    path.unlink(missing_ok=True)

    def _path(self, run: str) -> Path:
        return self._directory / f"{run}.lock"


@contextlib.contextmanager
def _translated(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"the state directory {directory} cannot be used: {error}",
            hint="Make it writable, or set XDG_STATE_HOME to a directory that is.",
        ) from error
