"""The directories of local cells: one for a project's cell, of the same name in every run, so that bytes are the same.

Compilers write the paths of sources into debug information, and build backends into SBOMs; a directory of a random name
made another wheel in each run (measured with Python's own `-g`, and with maturin).
"""

import re
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Final

from filelock import FileLock

from matrix_runner.digests import text_digest
from matrix_runner.engine.leasing.leases import Leases
from matrix_runner.engine.local.local_container import remove_tree

_CLAIM_SECONDS: Final = 60
_RUN: Final = ".run"
"""Suffix of the file beside a directory with the id of the run that has it, and its owner."""


class LocalPlaces:
    """The places of all runs in one directory. Thread-safe; a place belongs to one container of one run at a time."""

    def __init__(self, directory: Path, leases: Leases, run: str) -> None:
        """Touch nothing yet. `directory`: of the places. `leases`: of this run, whose id is `run`."""
        self._directory = directory
        self._leases = leases
        self._run = run

    def take(self, project: str, name: str) -> Path:
        """Return an empty directory for a container. Raise OSError, and Timeout of the lock, which is an OSError.

        `project`: the project's identity. `name`: the container's. While another container has the place, as in two
        runs at once, the next one of a numbered name: the first of them is the one that is the same in every run.
        """
        stem = f"{text_digest(project)[:12]}-{re.sub(r'[^A-Za-z0-9]+', '-', name)[:40]}"
        self._directory.mkdir(parents=True, exist_ok=True)
        with FileLock(self._directory / "lock", timeout=_CLAIM_SECONDS):
            for number in count(1):
                place = self._directory / (stem if number == 1 else f"{stem}-{number}")
                if not self._is_taken(place):
                    break
            remove_tree(place)
            _record(place).write_text(f"{self._run}\n{self._leases.owner}\n", encoding="utf-8")
        # Resolved: build tools resolve their own paths, and compare.
        place.mkdir()
        return place.resolve()

    def give_back(self, place: Path) -> None:
        """Let other containers have the place, whose directory has been removed."""
        _record(place).unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove the places of this owner's dead runs."""
        for record in sorted(self._directory.glob(f"*{_RUN}")):
            place = record.with_name(record.name.removesuffix(_RUN))
            with suppress(OSError), FileLock(self._directory / "lock", timeout=_CLAIM_SECONDS):
                run, owner = _read(place)
                if run and owner == self._leases.owner and not self._leases.is_alive(run):
                    remove_tree(place)
                    self.give_back(place)

    def _is_taken(self, place: Path) -> bool:
        run, _ = _read(place)
        return bool(run) and (run == self._run or self._leases.is_alive(run))


def _record(place: Path) -> Path:
    return place.with_name(f"{place.name}{_RUN}")


def _read(place: Path) -> tuple[str, str]:
    try:
        run, owner = _record(place).read_text(encoding="utf-8").splitlines()[:2]
    except (OSError, ValueError):
        return "", ""
    return run, owner
