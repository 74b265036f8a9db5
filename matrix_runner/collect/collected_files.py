"""The files of CI jobs, wherever they were downloaded to: wheels, sdists and report directories below directories."""

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from matrix_runner.errors import UsageError
from matrix_runner.files import cause_of
from matrix_runner.report.event_stream import NAME as EVENTS
from matrix_runner.report.summary.report_writers import REPORT
from matrix_runner.wheelhouse.report_directory import LOGS, PROVENANCE, SUMS, TESTS

_WHEEL: Final = ".whl"
_SDIST: Final = ".tar.gz"

_MARKS: Final = frozenset({REPORT, SUMS, EVENTS})
"""What a report directory has in it; one of them is enough."""

_OF_REPORTS: Final = frozenset({LOGS, TESTS, PROVENANCE})
"""The directories in a report directory in which nothing is looked for."""


class CollectedFiles(msgspec.Struct, frozen=True, kw_only=True):
    """What there is, sorted by path. `reports`: directories. `passed_over`: named as wheels or sdists, and no files."""

    wheels: tuple[Path, ...]
    sdists: tuple[Path, ...]
    reports: tuple[Path, ...]
    passed_over: tuple[Path, ...] = ()


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
                if name.endswith((_WHEEL, _SDIST)):
                    found.setdefault(real / name, place / name)
    files = sorted(path for path in found.values() if _is_plain(path))
    return CollectedFiles(
        wheels=tuple(path for path in files if path.name.endswith(_WHEEL)),
        sdists=tuple(path for path in files if path.name.endswith(_SDIST)),
        reports=tuple(sorted(reports.values())),
        passed_over=tuple(sorted(set(found.values()) - set(files))),
    )


def _is_plain(path: Path) -> bool:
    """Whether a path is a file itself, no link to one. Raise UsageError if that cannot be seen."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {cause_of(error)}") from error


def _walk(directory: Path) -> Iterator[tuple[Path, frozenset[str]]]:
    """Yield each directory with the names in it; those in a report directory, of logs and the like, are left out."""

    def refuse(error: OSError) -> None:
        raise UsageError(f"{error.filename} cannot be read: {cause_of(error)}") from error

    if not directory.is_dir():
        raise UsageError(f"{directory} is no directory", hint="Name the directories that artifacts were unpacked in.")
    for top, below, names in os.walk(directory, onerror=refuse):
        held = frozenset((*names, *below))
        if not _MARKS.isdisjoint(held):
            # No more than these: a user may have the wheels, or all artifacts, below a directory with sums.
            below[:] = [name for name in below if name not in _OF_REPORTS]
        yield Path(top), held
