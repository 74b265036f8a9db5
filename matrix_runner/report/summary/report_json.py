"""report.json: the machine-readable report of a run, in a stable, versioned format."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from matrix_runner import __version__
from matrix_runner.engine.api import EngineInfo
from matrix_runner.errors import ExitCode, UsageError
from matrix_runner.json_values import decode, later_version
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

if TYPE_CHECKING:
    from matrix_runner.project.source_archive import SourceArchive, Survey
    from matrix_runner.request import BuildRequest

VERSION = 1


class SourceRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The files that a run built from. `sha256`: one digest of all of them, and of what git tells builds.

    `commit`: the one that they are of, None if they are of none, or nothing was packed; `is_clean`: whether just that.
    """

    sha256: str
    commit: str | None = None
    is_clean: bool | None = None


class PackageRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A package of a workspace, by the name that its cells have. `sdist`: the one that the run made of it."""

    name: str
    source: SourceRecord | None = None
    sdist: SdistFileRecord | None = None


class ReportExtra(msgspec.Struct, frozen=True, kw_only=True):
    """Fields of report.json besides the report. `started`: ISO 8601 with offset; `tool_version`: ours.

    `project`: its name, "" if it has none.

    `exclude_newer`: the upload time after which packages did not count. `emulated`: the architectures of the run's
    cells that the engine's machine ran by an emulator. `nodes`: the engines by name, if there are several; `engine` is
    the first of them. `source`: None if it is unknown, or that of each package is in `packages`, those of a workspace.
    """

    tool_version: str
    started: str
    project: str = ""
    exclude_newer: str | None = None
    engine: EngineInfo | None = None
    nodes: tuple[tuple[str, EngineInfo], ...] = ()
    emulated: tuple[str, ...] = ()
    left_out: LeftOut = ()
    source: SourceRecord | None = None
    packages: tuple[PackageRecord, ...] = ()

    @classmethod
    def of(
        cls,
        request: "BuildRequest",
        started: str,
        exclude_newer: str,
        sources: "Sequence[SourceArchive | Survey | None]",
    ) -> "ReportExtra":
        """Return the fields of a run. `sources`: of its packages, in the request's order; None if none were read."""
        records = [None if source is None else _source_record(source) for source in sources]
        members = zip(request.members, records, strict=False)  # a single package has none
        return cls(
            tool_version=__version__,
            started=started,
            project=request.settings.project_name or "",
            exclude_newer=exclude_newer or None,
            engine=request.engine_info,
            nodes=request.engines,
            emulated=tuple(dict.fromkeys(cell.platform.arch.tag for cell in request.emulated)),
            left_out=tuple((left.cell, left.reason) for left in request.inputs.plan.left_out),
            source=None if request.members else records[0],
            packages=tuple(PackageRecord(name=each.settings.package, source=source) for each, source in members),
        )


def _with_sdist(package: PackageRecord, report: Report) -> PackageRecord:
    own = (sdist_file_record(each) for each in report.sdists if each.made_in.package == package.name)
    return replace(package, sdist=next(own, None))


def _source_record(source: "SourceArchive | Survey") -> SourceRecord:
    from matrix_runner.before_all.source_update import source_digest
    from matrix_runner.project.source_archive import SourceArchive

    revision = source.revision if isinstance(source, SourceArchive) else None
    return SourceRecord(
        sha256=source_digest(source.digests),
        commit=None if revision is None else revision.commit,
        is_clean=None if revision is None else revision.is_clean,
    )


class EngineRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The engine that ran the cells; `machine` is its `uname -m`; `emulated`: architectures of cells it emulated."""

    name: str
    version: str
    machine: str
    endpoint: str
    emulated: tuple[str, ...] = ()


class NodeRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One of several engines on which the cells were spread; `machine` is its `uname -m`."""

    node: str
    name: str
    version: str
    machine: str
    endpoint: str


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
    nodes: tuple[NodeRecord, ...] = ()
    source: SourceRecord | None = None
    sdist: SdistFileRecord | None = None
    packages: tuple[PackageRecord, ...] | msgspec.UnsetType = msgspec.UNSET
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
        engine=None if engine is None else EngineRecord(**_description(engine), emulated=extra.emulated),
        nodes=tuple(NodeRecord(node=text(name), **_description(info)) for name, info in extra.nodes),
        source=extra.source,
        sdist=next((sdist_file_record(each) for each in report.sdists if not each.made_in.package), None),
        packages=tuple(_with_sdist(package, report) for package in extra.packages) or msgspec.UNSET,
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
    later = later_version(data, VERSION)
    if later is not None:
        raise _other_version(later)
    try:
        file = decode(data, ReportDocument)
        if file.version != VERSION:
            raise _other_version(file.version)
        return _report(file), _extra(file)
    except ValueError as error:  # NotJson, and those of words that are unknown
        raise UsageError(f"this is no report.json of matrix-runner: {error}") from error


def _other_version(version: int) -> UsageError:
    return UsageError(
        f"report.json is of version {version}; this program reads version {VERSION}",
        hint="Use the release of matrix-runner that wrote it, or a later one.",
    )


def _report(file: ReportDocument) -> Report:
    return Report(
        run=file.run,
        outcomes=tuple(outcome_of(record) for record in file.cells),
        seconds=file.seconds,
        interrupted_by=None if file.interrupted_by is None else ExitCode(file.interrupted_by),
        workers=file.workers,
        waits=tuple(map(wait_of, file.waits)),
        warnings=tuple(map(warning_of, file.warnings)),
        sdists=tuple(
            sdist_of(each) for each in (file.sdist, *(one.sdist for one in _packages(file))) if each is not None
        ),
    )


def _packages(file: ReportDocument) -> tuple[PackageRecord, ...]:
    return () if isinstance(file.packages, msgspec.UnsetType) else file.packages


def _description(engine: EngineInfo) -> dict[str, str]:
    """Return what a record has of an engine's description of itself, by field."""
    return {
        "name": text(engine.name),
        "version": text(engine.version),
        "machine": text(engine.machine),
        "endpoint": text(engine.endpoint),
    }


def _engine_of(record: EngineRecord | NodeRecord) -> EngineInfo:
    return EngineInfo(name=record.name, version=record.version, machine=record.machine, endpoint=record.endpoint)


def _extra(file: ReportDocument) -> ReportExtra:
    engine = file.engine
    return ReportExtra(
        tool_version=file.tool_version,
        started=file.started,
        project=file.project,
        exclude_newer=file.exclude_newer,
        engine=None if engine is None else _engine_of(engine),
        nodes=tuple((one.node, _engine_of(one)) for one in file.nodes),
        emulated=() if engine is None else engine.emulated,
        left_out=tuple((Cell.parse(each.cell), each.reason) for each in file.left_out),
        source=file.source,
        packages=_packages(file),
    )
