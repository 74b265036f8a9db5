"""A run read back from its report directory, its report.json, or its events: for reports made later, or elsewhere."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from matrix_runner.errors import ExitCode, UsageError
from matrix_runner.model.cells import Cell
from matrix_runner.model.events import (
    CellFinished,
    CellStarted,
    Event,
    Notice,
    RunFinished,
    RunStarted,
    WaitEnded,
    WaitStarted,
)
from matrix_runner.model.outcomes import Outcome, Report, RunWarning, Status, Wait
from matrix_runner.report.event_records import replay
from matrix_runner.report.event_stream import NAME
from matrix_runner.report.summary.report_json import ReportExtra, read_whole
from matrix_runner.report.summary.report_writers import REPORT, FinishedRun
from matrix_runner.wheelhouse.report_directory import LOGS

_LARGEST: Final = 64 * 1024**2
"""Bytes of a report.json, which may be anybody's; those of a thousand cells have some three megabytes."""


def read_run(path: Path) -> FinishedRun:
    """Return the run of a report directory, a report.json, or an events.jsonl; logs are looked for beside it.

    Of a directory whose run goes on, or was killed, the events tell: its report.json is of the run before. Raise
    UsageError for anything else.
    """
    directory = path if path.is_dir() else path.parent
    source = path
    if path.is_dir():
        source, events = directory / REPORT, directory / NAME
        if not source.exists() and not events.exists():
            raise UsageError(f"{directory} has no report of a run", hint="`runner build` writes one.")
        # Twice, if it must be: as a whole they would be all that the run has printed.
        has_ended = events.exists() and any(isinstance(event, RunFinished) for event in replay(events))
        if not source.exists() or (events.exists() and not has_ended):
            return _of_events(replay(events), directory)
    elif path.suffix == ".jsonl":
        return _of_events(replay(path), directory)
    try:
        report, extra = read_whole(_content(source))
    except UsageError as error:
        raise _located(error, source) from error
    except OSError as error:
        raise UsageError(
            f"cannot read {source}: {error.strerror}",
            hint="Name a report directory, a report.json, or an events.jsonl.",
        ) from error
    return FinishedRun(report=report, extra=extra, logs=directory / LOGS)


def _content(source: Path) -> bytes:
    """Return what a report.json has in it. Raise OSError, UsageError."""
    with source.open("rb") as file:
        data = file.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise UsageError(f"{source} is no report.json of matrix-runner: it has more than {_LARGEST} bytes")
    return data


def _of_events(events: Iterable[Event], directory: Path) -> FinishedRun:
    try:
        report = report_of_events(events)
    except UsageError as error:
        raise _located(error, directory) from error
    # Events tell nothing besides.
    return FinishedRun(report=report, extra=ReportExtra(tool_version="", started=""), logs=directory / LOGS)


def _located(error: UsageError, place: Path) -> UsageError:
    """Return an error that names its file: several are read in one go, such as those of all jobs."""
    return UsageError(error.message if str(place) in error.message else f"{place}: {error.message}", hint=error.hint)


def report_of_events(events: Iterable[Event]) -> Report:
    """Return the report of a run by its events; a cell that did not end is cancelled."""
    run, workers, at, exit_code = "", 0, 0.0, int(ExitCode.INTERRUPTED)
    outcomes: dict[Cell, Outcome] = {}
    waiting: dict[str, float] = {}
    waits: list[Wait] = []
    warnings: list[RunWarning] = []
    for event in events:
        at = max(at, event.at)
        match event:
            case RunStarted():
                run, workers = event.run, event.workers
                outcomes = {cell: Outcome(cell=cell, status=Status.CANCELLED) for cell in event.cells}
            case CellStarted():
                outcomes[event.cell] = Outcome(cell=event.cell, status=Status.CANCELLED, began=event.at)
            case CellFinished():
                outcomes[event.outcome.cell] = event.outcome
            case WaitStarted():
                waiting[event.text] = event.at
            case WaitEnded() if event.text in waiting:
                began = waiting.pop(event.text)
                waits.append(Wait(text=event.text, began=began, seconds=event.at - began))
            case Notice() if event.is_warning:
                warnings.append(RunWarning(text=event.text, cell=event.cell))
            case RunFinished():
                exit_code = event.exit_code
            case _:
                pass
    if not run:
        raise UsageError("it has no run in it", hint="A recording of events begins with run-started.")
    interrupted = ExitCode(exit_code) if exit_code in {ExitCode.INTERRUPTED, ExitCode.TERMINATED} else None
    return Report(
        run=run,
        outcomes=tuple(outcomes.values()),
        seconds=at,
        workers=workers,
        waits=tuple(waits),
        warnings=tuple(warnings),
        interrupted_by=interrupted,
    )
