"""The merged output of all jobs: wheels, sdist and report, written beside their place and put there as a whole."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Final

import msgspec

from matrix_runner.collect.merged_run import with_logs
from matrix_runner.errors import OutputError, UsageError, WheelRejected
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

    @property
    def real_report(self) -> Path:
        """The report directory, without links."""
        return Path(os.path.realpath(self.report))

    @property
    def is_within(self) -> bool:
        """Whether the report directory is in the output directory."""
        return self.real_report.is_relative_to(self.real_output)

    def require_room(self, inputs: Iterable[Path] = ()) -> None:
        """Raise OutputError if one of them holds anything, with which a whole would be mixed.

        `inputs`: the directories from which is collected. UsageError: the wheels would be among what is in the report.
        """
        if self.real_output.is_relative_to(self.real_report):
            raise UsageError(
                f"the wheels would be in the report directory, {self.shown}",
                hint="Put it beside them, or into their directory, with --report-dir.",
            )
        read = {Path(os.path.realpath(each)): each for each in inputs}
        for directory, flag in ((self.output, "--output-dir"), (self.report, "--report-dir")):
            try:
                is_free = not directory.exists() or (directory.is_dir() and not any(directory.iterdir()))
            except OSError as error:
                raise OutputError(f"cannot look at {directory}: {cause_of(error)}") from error
            if not is_free:
                real = Path(os.path.realpath(directory))
                # Whoever was told to remove that would lose all that the jobs have made.
                is_read = any(real.is_relative_to(each) or each.is_relative_to(real) for each in read)
                raise OutputError(
                    f"{directory} is there already, and what is collected is not mixed with anything",
                    hint=f"Name another with {flag}: this one is, or holds, what is collected."
                    if is_read
                    else f"Remove it, or name another with {flag}.",
                )


def deliver(
    files: Iterable[Delivered], logs: Mapping[Cell, Path], report: Report, extra: ReportExtra, places: Places
) -> None:
    """Write everything, or nothing. `logs`: the directory with a cell's log.

    Raise OutputError, UsageError, as `require_room`; WheelRejected: a file is another than it was when it was examined.
    """
    places.require_room()
    each = tuple(files)
    # Each is written beside its place: they need not be on one disk.
    with ExitStack() as stack:
        wheels = stack.enter_context(_staging(places.real_output, "--output-dir")) / "wheels"
        place = places.real_output if places.is_within else places.real_report
        reports = stack.enter_context(_staging(place, "--report-dir")) / "report"
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
                f"cannot write {error.filename2 or error.filename or places.output}: {cause_of(error)}",
                hint="Choose another directory with --output-dir; nothing was written.",
            ) from error


@contextmanager
def _staging(place: Path, flag: str) -> Iterator[Path]:
    """Open a directory beside a place, of which nothing is left at the end. Raise OutputError."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(mkdtemp(prefix=".matrix-runner-", suffix=".partial", dir=place.parent))
    except OSError as error:
        raise OutputError(
            f"cannot write beside {place}: {cause_of(error)}", hint=f"Choose another place with {flag}."
        ) from error
    try:
        yield staging
    finally:
        rmtree(staging, ignore_errors=True)


def _put(wheels: Path, reports: Path, places: Places) -> None:
    """Put both in their places: the wheels last, which are what is published. Raise OSError."""
    flush_directory(wheels)
    if places.is_within:
        # A report directory in the output directory, as a user may want it.
        target = wheels / places.real_report.relative_to(places.real_output)
        target.parent.mkdir(parents=True, exist_ok=True)
        reports.rename(target)
    else:
        reports.rename(places.real_report)
    try:
        wheels.rename(places.real_output)
    except OSError:
        if not places.is_within:
            rmtree(places.real_report, ignore_errors=True)
        raise
    flush_directory(places.real_output.parent)


def _copy_logs(logs: Mapping[Cell, Path], reports: Path) -> Iterator[Cell]:
    """Copy the logs of cells, and the results of their tests; yield the cells that have a log. Raise OSError."""
    for cell, directory in logs.items():
        for kind, name in ((LOGS, f"{cell.stem}.log"), (TESTS, f"{cell.stem}.xml")):
            source = directory / kind / name
            # What is missing, or cannot be read, is in nobody's way: reports are for reading.
            with suppress(FileNotFoundError, PermissionError):
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
