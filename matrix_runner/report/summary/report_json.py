"""report.json: the machine-readable report of a run, in a stable, versioned format."""

import msgspec

from matrix_runner.engine.api import EngineInfo
from matrix_runner.errors import ExitCode, UsageError
from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import Report, WheelRecord
from matrix_runner.report.phrases import LeftOut
from matrix_runner.report.summary.outcome_records import (
    milliseconds,
    outcome_of,
    outcome_record,
    sdist_file_record,
    sdist_of,
    text,
    wait_of,
    wait_record,
    warning_of,
    warning_record,
)
from matrix_runner.report.summary.record_shapes import OutcomeRecord, SdistFileRecord, WaitRecord, WarningRecord

VERSION = 1


class ReportExtra(msgspec.Struct, frozen=True, kw_only=True):
    """Fields of report.json besides the report. `started`: ISO 8601 with offset; `tool_version`: ours.

    `project`: its name, "" if it has none.

    `exclude_newer`: the upload time after which packages did not count. `emulated`: the architectures of the run's
    cells that the engine's machine ran by an emulator.
    """

    tool_version: str
    started: str
    project: str = ""
    exclude_newer: str | None = None
    engine: EngineInfo | None = None
    emulated: tuple[str, ...] = ()
    left_out: LeftOut = ()


class EngineRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The engine that ran the cells; `machine` is its `uname -m`; `emulated`: architectures of cells it emulated."""

    name: str
    version: str
    machine: str
    endpoint: str
    emulated: tuple[str, ...] = ()


class LeftOutRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A cell that the plan left out, and the reason."""

    cell: str
    reason: str


class ReportDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The file's content, version 1. Times are seconds; `cells` are in plan order; `exit_code` is the process's."""

    version: int
    run: str
    tool_version: str
    started: str
    project: str = ""
    seconds: float
    exit_code: int
    interrupted_by: int | None = None
    workers: int = 0
    waits: tuple[WaitRecord, ...] = ()
    warnings: tuple[WarningRecord, ...] = ()
    exclude_newer: str | None = None
    engine: EngineRecord | None = None
    sdist: SdistFileRecord | None = None
    cells: tuple[OutcomeRecord, ...] = ()
    left_out: tuple[LeftOutRecord, ...] = ()


def report_json(report: Report, extra: ReportExtra) -> bytes:
    """Return report.json: UTF-8, indented, keys in a fixed order, times to the millisecond, one final newline."""
    engine = extra.engine
    file = ReportDocument(
        version=VERSION,
        run=text(report.run),
        tool_version=text(extra.tool_version),
        started=text(extra.started),
        project=text(extra.project),
        seconds=milliseconds(report.seconds),
        exit_code=int(report.exit_code),
        interrupted_by=None if report.interrupted_by is None else int(report.interrupted_by),
        workers=report.workers,
        waits=tuple(map(wait_record, report.waits)),
        warnings=tuple(map(warning_record, report.warnings)),
        exclude_newer=extra.exclude_newer,
        engine=None
        if engine is None
        else EngineRecord(
            name=text(engine.name),
            version=text(engine.version),
            machine=text(engine.machine),
            endpoint=text(engine.endpoint),
            emulated=extra.emulated,
        ),
        sdist=None if report.sdist is None else sdist_file_record(report.sdist),
        cells=tuple(outcome_record(outcome) for outcome in report.outcomes),
        left_out=tuple(LeftOutRecord(cell=str(cell), reason=text(reason)) for cell, reason in extra.left_out),
    )
    return msgspec.json.format(msgspec.json.encode(file), indent=2) + b"\n"


def wheels_of(data: bytes) -> dict[Cell, WheelRecord]:
    """Return the wheels in an earlier run's report.json; none if it is missing, damaged or of another release."""
    last = earlier_report(data)
    if last is None:
        return {}
    return {outcome.cell: outcome.wheel for outcome in last.outcomes if outcome.wheel is not None}


def earlier_report(data: bytes) -> Report | None:
    """Return the report in an earlier run's report.json; None if it is missing, damaged or of another release."""
    try:
        return read_report(data)
    except UsageError:
        return None


def read_report(data: bytes) -> Report:
    """Parse report.json. Raise UsageError for anything else, and for a later version."""
    return read_whole(data)[0]


def read_whole(data: bytes) -> tuple[Report, ReportExtra]:
    """Parse report.json, and what it has besides the report. Raise UsageError as `read_report` does."""
    try:
        file = msgspec.json.decode(data, type=ReportDocument)
        if file.version != VERSION:
            raise UsageError(
                f"report.json is of version {file.version}; this program reads version {VERSION}",
                hint="Use the release of matrix-runner that wrote it, or a later one.",
            )
        return _report(file), _extra(file)
    except ValueError as error:  # msgspec's errors are ValueErrors too
        raise UsageError(f"this is no report.json of matrix-runner: {error}") from error


def _report(file: ReportDocument) -> Report:
    return Report(
        run=file.run,
        outcomes=tuple(outcome_of(record) for record in file.cells),
        seconds=file.seconds,
        interrupted_by=None if file.interrupted_by is None else ExitCode(file.interrupted_by),
        workers=file.workers,
        waits=tuple(map(wait_of, file.waits)),
        warnings=tuple(map(warning_of, file.warnings)),
        sdist=None if file.sdist is None else sdist_of(file.sdist),
    )


def _extra(file: ReportDocument) -> ReportExtra:
    engine = file.engine
    return ReportExtra(
        tool_version=file.tool_version,
        started=file.started,
        project=file.project,
        exclude_newer=file.exclude_newer,
        engine=None
        if engine is None
        else EngineInfo(name=engine.name, version=engine.version, machine=engine.machine, endpoint=engine.endpoint),
        emulated=() if engine is None else engine.emulated,
        left_out=tuple((Cell.parse(each.cell), each.reason) for each in file.left_out),
    )
