"""The merged output of all jobs: wheels, sdist and report, written beside their place and put there as a whole."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Final

import msgspec

from matrix_runner.collect.merged_run import with_logs
from matrix_runner.errors import OutputError, WheelRejected
from matrix_runner.files import cause_of, chunks_of, flush_directory, write_flushed
from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import Report, WheelRecord
from matrix_runner.report.summary.report_json import ReportExtra
from matrix_runner.report.summary.report_writers import FILES, FinishedRun
from matrix_runner.wheelhouse.report_directory import LOGS, PROVENANCE, TESTS, ReportDirectory

_LARGEST_LOG: Final = 1024**3
"""Bytes of a log or of results that are taken over; `runner build` keeps logs far below."""


class Delivered(msgspec.Struct, frozen=True, kw_only=True):
    """A file for the output directory. `statement`: the file with its statement of provenance, None without one."""

    path: Path
    size: int
    sha256: str
    statement: Path | None = None


class Places(msgspec.Struct, frozen=True, kw_only=True):
    """The directories to write. `shown`: the report directory as the user would name it."""

    output: Path
    report: Path
    shown: Path

    @property
    def real_output(self) -> Path:
        """The output directory, without links."""
        return Path(os.path.realpath(self.output))

    def require_room(self) -> None:
        """Raise OutputError if one of them holds anything, with which a whole would be mixed."""
        for directory, flag in ((self.output, "--output-dir"), (self.report, "--report-dir")):
            try:
                is_free = not directory.exists() or (directory.is_dir() and not any(directory.iterdir()))
            except OSError as error:
                raise OutputError(f"cannot look at {directory}: {cause_of(error)}") from error
            if not is_free:
                raise OutputError(
                    f"{directory} is there already, and what is collected is not mixed with anything",
                    hint=f"Remove it, or name another with {flag}.",
                )


def deliver(
    files: Iterable[Delivered], logs: Mapping[Cell, Path], report: Report, extra: ReportExtra, places: Places
) -> None:
    """Write everything, or nothing. `logs`: the directory with a cell's log. Raise OutputError, WheelRejected.

    WheelRejected: a file is another than it was when it was examined.
    """
    places.require_room()
    each = tuple(files)
    with _staging(places) as staging:
        wheels, reports = staging / "wheels", staging / "report"
        try:
            wheels.mkdir()
            for file in each:
                if write_flushed(wheels / file.path.name, chunks_of(file.path)) != file.sha256:
                    raise WheelRejected(f"{file.path} changed while it was collected; nothing was written")
            with ReportDirectory(reports) as directory:
                copied = tuple(_copy_logs(logs, reports))
                _copy_statements(each, reports)
                records = (WheelRecord(name=file.path.name, size=file.size, sha256=file.sha256) for file in each)
                directory.write_sums(records, wheels)
                run = FinishedRun(
                    report=with_logs(report, places.shown / LOGS, copied),
                    extra=extra,
                    logs=reports / LOGS,
                    output=str(places.output),
                )
                for form in FILES:
                    directory.write_file(form.name, form.render(run))
            _put(wheels, reports, places)
        except OSError as error:
            raise OutputError(
                f"cannot write {error.filename or places.output}: {cause_of(error)}",
                hint="Choose another directory with --output-dir; nothing was written.",
            ) from error


@contextmanager
def _staging(places: Places) -> Iterator[Path]:
    try:
        output = places.real_output
        output.parent.mkdir(parents=True, exist_ok=True)
        if not places.report.is_relative_to(places.output):
            places.report.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(mkdtemp(prefix=".matrix-runner-", suffix=".partial", dir=output.parent))
    except OSError as error:
        raise OutputError(
            f"cannot write beside {places.output}: {cause_of(error)}", hint="Choose another place with --output-dir."
        ) from error
    try:
        yield staging
    finally:
        rmtree(staging, ignore_errors=True)


def _put(wheels: Path, reports: Path, places: Places) -> None:
    """Put both in their places: the wheels last, which are what is published. Raise OSError."""
    flush_directory(wheels)
    is_within = places.report.is_relative_to(places.output)
    if is_within:
        # A report directory in the output directory, as a user may want it.
        target = wheels / places.report.relative_to(places.output)
        target.parent.mkdir(parents=True, exist_ok=True)
        reports.rename(target)
    else:
        reports.rename(places.report)
    try:
        wheels.rename(places.real_output)
    except OSError:
        if not is_within:
            rmtree(places.report, ignore_errors=True)
        raise
    flush_directory(places.real_output.parent)


def _copy_logs(logs: Mapping[Cell, Path], reports: Path) -> Iterator[Cell]:
    """Copy the logs of cells, and the results of their tests; yield the cells that have a log. Raise OSError."""
    for cell, directory in logs.items():
        for kind, name in ((LOGS, f"{cell.stem}.log"), (TESTS, f"{cell.stem}.xml")):
            source = directory / kind / name
            # What is missing is in nobody's way: reports are for reading.
            with suppress(FileNotFoundError):
                if not _is_within(source, directory) or source.stat().st_size > _LARGEST_LOG:
                    continue
                (reports / kind).mkdir(exist_ok=True)
                write_flushed(reports / kind / name, chunks_of(source))
                if kind == LOGS:
                    yield cell


def _is_within(file: Path, directory: Path) -> bool:
    """Whether a file is in a directory itself, and not where a link in an artifact leads to."""
    return file.is_file() and file.resolve().is_relative_to(directory.resolve())


def _copy_statements(files: Iterable[Delivered], reports: Path) -> None:
    for file in files:
        if file.statement is not None:
            (reports / PROVENANCE).mkdir(exist_ok=True)
            write_flushed(reports / PROVENANCE / f"{file.path.name}.json", chunks_of(file.statement))
