"""The files of CI jobs, wherever they were downloaded to: wheels, sdists and report directories below directories."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from matrix_runner.errors import UsageError
from matrix_runner.files import cause_of
from matrix_runner.report.event_stream import NAME as EVENTS
from matrix_runner.report.summary.report_writers import REPORT
from matrix_runner.wheelhouse.report_directory import SUMS

_MARKS: Final = frozenset({REPORT, SUMS, EVENTS})
"""What a report directory has in it; one of them is enough."""


class CollectedFiles(msgspec.Struct, frozen=True, kw_only=True):
    """What there is, sorted by path. `reports`: directories."""

    wheels: tuple[Path, ...]
    sdists: tuple[Path, ...]
    reports: tuple[Path, ...]


def find_files(directories: Iterable[Path]) -> CollectedFiles:
    """Find all files, in whatever order and depth artifacts were unpacked. Links are not followed.

    Raise UsageError for a directory that cannot be read.
    """
    # As they were named, and each once: one directory may be below another.
    found: dict[Path, Path] = {}
    reports: dict[Path, Path] = {}
    for directory in directories:
        for place, names in _walk(directory):
            real = place.resolve()
            if not _MARKS.isdisjoint(names):
                reports.setdefault(real, place)
            # In a report directory, too: an artifact may have both in one.
            for name in names:
                found.setdefault(real / name, place / name)
    files = sorted(path for path in found.values() if path.is_file() and not path.is_symlink())
    return CollectedFiles(
        wheels=tuple(path for path in files if path.name.endswith(".whl")),
        sdists=tuple(path for path in files if path.name.endswith(".tar.gz")),
        reports=tuple(sorted(reports.values())),
    )


def _walk(directory: Path) -> Iterator[tuple[Path, frozenset[str]]]:
    """Yield each directory with the names in it; those below a report directory, of logs and the like, are left out."""

    def refuse(error: OSError) -> None:
        raise UsageError(f"{error.filename} cannot be read: {cause_of(error)}") from error

    if not directory.is_dir():
        raise UsageError(f"{directory} is no directory", hint="Name the directories that artifacts were unpacked in.")
    for top, below, names in os.walk(directory, onerror=refuse):
        held = frozenset((*names, *below))
        if not _MARKS.isdisjoint(held):
            below.clear()
        yield Path(top), held
