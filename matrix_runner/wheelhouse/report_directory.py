"""The report directory, beside the wheels: SHA256SUMS, report.json, events.jsonl, logs; locked by one run at a time."""

import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, final

from matrix_runner.errors import OutputError
from matrix_runner.files import cause_of, replacing, sha256_of, write_flushed
from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import SdistRecord, WheelRecord
from matrix_runner.wheelhouse.directory_lock import release_lock, take_lock

SUMS: Final = "SHA256SUMS"
SUMMARY: Final = "report.md"
"""The summary, also for CI systems that take a file."""
LOGS: Final = "logs"
TESTS: Final = "tests"
"""The directory of the results of the cells' own tests: a JUnit file of each."""
PROVENANCE: Final = "provenance"
"""The directory of the wheels' statements of provenance: a file of each, named as the wheel and `.json`."""
_ANY_SUM: Final = re.compile(r"\\?[0-9a-f]{64} [ *].+")
"""A line for any file, as `sha256sum` writes it: others than ours may have written some, or all."""
_SUM_LINE: Final = re.compile(r"(?P<sha256>[0-9a-f]{64}) [ *](?P<name>[^/\0]+\.(?:whl|tar\.gz))")
_SUMS_LIMIT: Final = 16 * 1024**2
"""Bytes of SHA256SUMS that are read: some two hundred for each of tens of thousands of wheels."""
_IGNORE: Final = "# Made by matrix-runner.\n*\n"


def report_directory_for(output_dir: Path, project: Path) -> Path:
    """Return the default report directory: `<output directory>-report`, its neighbour.

    Uploaders take all that is in the output directory for distributions, and upload actions leave hidden names out. If
    the output directory contains the project, or is the file system's root, it is in there: nothing is written outside.
    """
    if output_dir in {output_dir.parent, project, *project.parents}:
        return output_dir / "matrix-runner-report"
    return output_dir.with_name(f"{output_dir.name}-report")


def read_sums(path: Path) -> dict[str, str]:
    """Return the digests in a SHA256SUMS by name; none if it is missing, or too large to be ours. Raise OSError."""
    if not path.is_file() or path.stat().st_size > _SUMS_LIMIT:
        return {}
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return {match["name"]: match["sha256"] for line in lines if (match := _SUM_LINE.fullmatch(line))}


def is_sums_file(path: Path) -> bool:
    """Return whether a file has nothing but lines of digests, as `sha256sum` writes them. Raise OSError."""
    if path.stat().st_size > _SUMS_LIMIT:
        return False
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return all(_ANY_SUM.fullmatch(line) for line in lines)


@final
class ReportDirectory:
    """The report directory of one run, locked from entering to leaving the context. Main thread only.

    A second run on the same directory is refused at once, with the process id of the first: a CI job should not hang on
    a forgotten terminal. The lock is `flock`'s, so it dies with its process; `filelock` would do, but truncates the
    file when it fails to lock it, and the process id with it. Git ignores the directory, so that a later run does not
    take it for a part of the project.
    """

    def __init__(self, directory: Path) -> None:
        """Touch nothing yet."""
        self._directory = directory
        self._lock: int | None = None

    def __enter__(self) -> "ReportDirectory":
        """Create the directory, check that it is writable, and lock it. Raise OutputError."""
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            self._lock = take_lock(self._directory)
            try:
                for partial in self._directory.glob(".*.partial"):
                    partial.unlink(missing_ok=True)
                ignore = self._directory / ".gitignore"
                if not ignore.exists():
                    ignore.write_text(_IGNORE)
            except BaseException:
                self._release()
                raise
        except OSError as error:
            raise OutputError(
                f"the report directory {self._directory} cannot be used: {cause_of(error)}",
                hint="Choose another with --report-dir.",
            ) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._release()

    def read_file(self, name: str) -> bytes:
        """Return a file that an earlier run has written; empty if there is none, or it cannot be read."""
        try:
            return (self._directory / name).read_bytes()
        except OSError:
            return b""

    def write_file(self, name: str, data: bytes) -> None:
        """Write a small file, such as report.json, atomically. Raise OutputError."""
        if name != Path(name).name or name in {"", ".", ".."}:
            raise ValueError(f"not the plain name of a file: {name!r}")
        target = self._directory / name
        try:
            with replacing(target, is_flushed=True) as partial:
                write_flushed(partial, (data,))
        except OSError as error:
            raise OutputError(
                f"cannot write {target}: {cause_of(error)}", hint="Choose another directory with --report-dir."
            ) from error

    def remove_results(self, cells: Iterable[Cell]) -> None:
        """Remove the results of the cells' own tests that an earlier run left: a cell may give none this time."""
        for cell in cells:
            # What cannot be removed is in the report of no run, and in the way of nothing.
            with suppress(OSError):
                (self._directory / TESTS / f"{cell.stem}.xml").unlink(missing_ok=True)

    def write_sums(self, published: Iterable[WheelRecord | SdistRecord], wheels: Path) -> None:
        """Write SHA256SUMS, for `sha256sum -c` in the directory of wheels: this run's, and earlier ones still right.

        Files of unknown origin are not added: it vouches for verified ones only. Raise OutputError.
        """
        sums = {record.name: record.sha256 for record in published}
        sums = self._sums_still_right(wheels, sums) | sums
        self.write_file(SUMS, "".join(f"{sums[name]}  {name}\n" for name in sorted(sums)).encode())

    def _sums_still_right(self, wheels: Path, known: dict[str, str]) -> dict[str, str]:
        path = self._directory / SUMS
        try:
            return {
                name: digest
                for name, digest in read_sums(path).items()
                if name not in known and (wheels / name).is_file() and sha256_of(wheels / name) == digest
            }
        except OSError as error:
            raise OutputError(
                f"cannot read {path}: {cause_of(error)}",
                hint="Make it readable, or remove it: this run writes its own.",
            ) from error

    def _release(self) -> None:
        if self._lock is not None:
            release_lock(self._directory, self._lock)
            self._lock = None
