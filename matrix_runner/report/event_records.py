"""Events as JSON lines, in a versioned format (docs/reference/events.md): encoding and replay.

Fields and events may be added within one version of the format, never changed or removed; readers ignore unknown ones.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from matrix_runner.errors import UsageError
from matrix_runner.json_values import Seconds, decode_with
from matrix_runner.model.cells import Cell
from matrix_runner.model.events import (
    CellFinished,
    CellStarted,
    Event,
    Notice,
    OfCell,
    OfRun,
    Output,
    RunFinished,
    RunStarted,
    StepFinished,
    StepStarted,
    Tick,
    Transfer,
    WaitEnded,
    WaitProgressed,
    WaitStarted,
)
from matrix_runner.model.outcomes import StepKind
from matrix_runner.report.summary.outcome_records import (
    milliseconds,
    optional_text,
    outcome_of,
    outcome_record,
    text,
)
from matrix_runner.report.summary.record_shapes import OutcomeRecord

VERSION = 1
"""Version of the format; a reader refuses a recording of another version."""


_LONGEST_LINE: Final = 16 * 1024**2
"""Bytes of a line, in a file that may be anybody's: of output some 256 KiB are told at once, in base64."""


class _Record(msgspec.Struct, frozen=True, kw_only=True, tag_field="event"):
    at: Seconds


class _RunStarted(_Record, frozen=True, kw_only=True, tag="run-started"):
    run: str
    cells: tuple[str, ...]
    workers: int
    emulated: tuple[str, ...] = ()
    expected: tuple[Seconds, ...] = ()
    version: int = VERSION


class _Notice(_Record, frozen=True, kw_only=True, tag="notice"):
    text: str
    cell: str | None
    is_warning: bool


class _WaitStarted(_Record, frozen=True, kw_only=True, tag="wait-started"):
    text: str


class _WaitProgressed(_Record, frozen=True, kw_only=True, tag="wait-progressed"):
    text: str
    done: int
    total: int
    parts_done: int
    parts: int


class _WaitEnded(_Record, frozen=True, kw_only=True, tag="wait-ended"):
    text: str


class _CellStarted(_Record, frozen=True, kw_only=True, tag="cell-started"):
    cell: str
    node: str = ""


class _StepStarted(_Record, frozen=True, kw_only=True, tag="step-started"):
    cell: str
    kind: str
    command: str | None


class _Output(_Record, frozen=True, kw_only=True, tag="output"):
    cell: str
    data: bytes
    """In JSON: base64, since output may be any bytes."""


class _StepFinished(_Record, frozen=True, kw_only=True, tag="step-finished"):
    cell: str
    kind: str
    seconds: Seconds


class _CellFinished(_Record, frozen=True, kw_only=True, tag="cell-finished"):
    outcome: OutcomeRecord


class _RunFinished(_Record, frozen=True, kw_only=True, tag="run-finished"):
    exit_code: int


class _Tick(_Record, frozen=True, kw_only=True, tag="tick"):
    pass


_OfRun = _RunStarted | _RunFinished | _Notice | _WaitStarted | _WaitProgressed | _WaitEnded | _Tick
_OfCell = _CellStarted | _StepStarted | _Output | _StepFinished | _CellFinished
_AnyRecord = _OfRun | _OfCell


_DECODER: msgspec.json.Decoder[_AnyRecord] = msgspec.json.Decoder(_AnyRecord)
_ENCODER = msgspec.json.Encoder()


def event_line(event: Event) -> bytes:
    """Return the event as a line of JSON, with its line end."""
    return _ENCODER.encode(_record(event)) + b"\n"


def replay(path: Path) -> Iterator[Event]:
    """Yield the events of a recording, in order. Raise UsageError for an unreadable or invalid file.

    A truncated file, as after a kill, is replayed up to its last complete line.
    """
    try:
        with path.open("rb") as file:
            for number, line in enumerate(iter(partial(file.readline, _LONGEST_LINE), b""), start=1):
                if len(line) == _LONGEST_LINE:
                    raise UsageError(f"{path}:{number}: this is no event of matrix-runner: it has no end")
                if not line.endswith(b"\n"):
                    return
                try:
                    yield _event(decode_with(_DECODER, line))
                except ValueError as error:
                    raise UsageError(f"{path}:{number}: this is no event of matrix-runner: {error}") from error
    except OSError as error:
        raise UsageError(f"cannot read the recording {path}: {error.strerror}") from error


def _record(event: Event) -> _AnyRecord:
    match event:
        case RunStarted() | Notice() | WaitStarted() | WaitProgressed() | WaitEnded() | RunFinished() | Tick():
            return _record_of_run(event)
        case CellStarted() | StepStarted() | Output() | StepFinished() | CellFinished():
            return _record_of_cell(event)


def _record_of_run(event: OfRun) -> _OfRun:
    match event:
        case RunStarted():
            return _RunStarted(
                at=event.at,
                run=text(event.run),
                cells=tuple(map(str, event.cells)),
                workers=event.workers,
                emulated=tuple(map(str, event.emulated)),
                expected=tuple(map(milliseconds, event.expected)),
            )
        case Notice():
            cell = str(event.cell) if event.cell else None
            return _Notice(at=event.at, text=text(event.text), cell=cell, is_warning=event.is_warning)
        case WaitStarted() | WaitProgressed() | WaitEnded():
            return _record_of_wait(event)
        case RunFinished():
            return _RunFinished(at=event.at, exit_code=event.exit_code)
        case Tick():
            return _Tick(at=event.at)


def _record_of_wait(event: WaitStarted | WaitProgressed | WaitEnded) -> _WaitStarted | _WaitProgressed | _WaitEnded:
    match event:
        case WaitStarted():
            return _WaitStarted(at=event.at, text=text(event.text))
        case WaitProgressed():
            at = event.transfer
            return _WaitProgressed(
                at=event.at,
                text=text(event.text),
                done=at.done,
                total=at.total,
                parts_done=at.parts_done,
                parts=at.parts,
            )
        case WaitEnded():
            return _WaitEnded(at=event.at, text=text(event.text))


def _record_of_cell(event: OfCell) -> _OfCell:
    match event:
        case CellStarted():
            return _CellStarted(at=event.at, cell=str(event.cell), node=text(event.node))
        case StepStarted():
            command = optional_text(event.command)
            return _StepStarted(at=event.at, cell=str(event.cell), kind=str(event.kind), command=command)
        case Output():
            return _Output(at=event.at, cell=str(event.cell), data=event.data)
        case StepFinished():
            return _StepFinished(at=event.at, cell=str(event.cell), kind=str(event.kind), seconds=event.seconds)
        case CellFinished():
            return _CellFinished(at=event.at, outcome=outcome_record(event.outcome))


def _event(record: _AnyRecord) -> Event:
    match record:
        case _RunStarted() | _RunFinished() | _Notice() | _WaitStarted() | _WaitProgressed() | _WaitEnded() | _Tick():
            return _event_of_run(record)
        case _CellStarted() | _StepStarted() | _Output() | _StepFinished() | _CellFinished():
            return _event_of_cell(record)


def _event_of_run(record: _OfRun) -> Event:
    match record:
        case _RunStarted():
            if record.version != VERSION:
                raise ValueError(f"it is of version {record.version}; this program reads version {VERSION}")
            return RunStarted(
                at=record.at,
                run=record.run,
                cells=tuple(map(Cell.parse, record.cells)),
                workers=record.workers,
                emulated=tuple(map(Cell.parse, record.emulated)),
                expected=record.expected,
            )
        case _WaitStarted() | _WaitProgressed() | _WaitEnded():
            return _event_of_wait(record)
        case _RunFinished():
            return RunFinished(at=record.at, exit_code=record.exit_code)
        case _Notice():
            about = Cell.parse(record.cell) if record.cell is not None else None
            return Notice(at=record.at, text=record.text, cell=about, is_warning=record.is_warning)
        case _Tick():
            return Tick(at=record.at)


def _event_of_wait(record: _WaitStarted | _WaitProgressed | _WaitEnded) -> WaitStarted | WaitProgressed | WaitEnded:
    match record:
        case _WaitStarted():
            return WaitStarted(at=record.at, text=record.text)
        case _WaitProgressed():
            transfer = Transfer(done=record.done, total=record.total, parts_done=record.parts_done, parts=record.parts)
            return WaitProgressed(at=record.at, text=record.text, transfer=transfer)
        case _WaitEnded():
            return WaitEnded(at=record.at, text=record.text)


def _event_of_cell(record: _OfCell) -> Event:
    match record:
        case _CellStarted():
            return CellStarted(at=record.at, cell=Cell.parse(record.cell), node=record.node)
        case _StepStarted():
            cell, kind = Cell.parse(record.cell), StepKind(record.kind)
            return StepStarted(at=record.at, cell=cell, kind=kind, command=record.command)
        case _Output():
            return Output(at=record.at, cell=Cell.parse(record.cell), data=record.data)
        case _StepFinished():
            cell, kind = Cell.parse(record.cell), StepKind(record.kind)
            return StepFinished(at=record.at, cell=cell, kind=kind, seconds=record.seconds)
        case _CellFinished():
            return CellFinished(at=record.at, outcome=outcome_of(record.outcome))
