"""Serialised form of outcomes, common to report.json and recordings of events.

Identifiers, statuses, steps and reasons are written as in messages.
"""

import msgspec

from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import (
    CompilerCacheUse,
    Failure,
    Outcome,
    PackedFile,
    Place,
    Reason,
    ResultCounts,
    RunWarning,
    SdistRecord,
    Status,
    StepKind,
    StepTime,
    Wait,
    WheelNeeds,
    WheelRecord,
)
from matrix_runner.model.rung_outcomes import RungOutcome
from matrix_runner.report.summary.record_shapes import (
    CompilerCacheRecord,
    FailureRecord,
    OutcomeRecord,
    PackedFileRecord,
    PlaceRecord,
    ResultCountsRecord,
    RungRecord,
    SdistFileRecord,
    StepRecord,
    WaitRecord,
    WarningRecord,
    WheelFileRecord,
    WheelNeedsRecord,
)


def milliseconds(seconds: float) -> float:
    """Return a time rounded for files."""
    return round(seconds, 3)


def optional_milliseconds(seconds: float | None) -> float | None:
    """Return a time rounded for files, or None."""
    return None if seconds is None else milliseconds(seconds)


def text(value: str) -> str:
    """Return text that UTF-8 can encode: a path with undecodable bytes has lone surrogates."""
    return value.encode(errors="replace").decode()


def optional_text(value: str | None) -> str | None:
    """Return `text` of a value, or None."""
    return None if value is None else text(value)


def outcome_record(outcome: Outcome) -> OutcomeRecord:
    """Return the outcome's record for files."""
    failure, wheel = outcome.failure, outcome.wheel
    cache, results = outcome.compiler_cache, outcome.test_results
    return OutcomeRecord(
        cell=str(outcome.cell),
        status=str(outcome.status),
        seconds=milliseconds(outcome.seconds),
        steps=tuple(map(_step_record, outcome.steps)),
        wheel=None if wheel is None else _wheel_file_record(wheel),
        failure=None if failure is None else _failure_record(failure),
        reused_from=str(outcome.reused_from) if outcome.reused_from else None,
        node=optional_text(outcome.node),
        image=optional_text(outcome.image),
        image_id=optional_text(outcome.image_id),
        python_version=optional_text(outcome.python_version),
        began=optional_milliseconds(outcome.began),
        spared=optional_milliseconds(outcome.spared),
        log=optional_text(outcome.log),
        compiler_cache=None
        if cache is None
        else CompilerCacheRecord(tool=cache.tool, hits=cache.hits, misses=cache.misses),
        test_results=None if results is None else msgspec.convert(results, ResultCountsRecord, from_attributes=True),
        kept=optional_text(outcome.kept),
        rungs=tuple(map(_rung_record, outcome.rungs)),
    )


def outcome_of(record: OutcomeRecord) -> Outcome:
    """Return the outcome of a record; raise ValueError for an unknown word."""
    failure, wheel = record.failure, record.wheel
    cache, results = record.compiler_cache, record.test_results
    return Outcome(
        cell=Cell.parse(record.cell),
        status=Status(record.status),
        seconds=record.seconds,
        steps=tuple(
            StepTime(kind=StepKind(step.step), seconds=step.seconds, began=step.began) for step in record.steps
        ),
        wheel=None if wheel is None else _wheel_record(wheel),
        failure=None if failure is None else _failure(failure),
        reused_from=Cell.parse(record.reused_from) if record.reused_from is not None else None,
        image=record.image,
        node=record.node,
        image_id=record.image_id,
        python_version=record.python_version,
        began=record.began,
        spared=record.spared,
        log=record.log,
        compiler_cache=None
        if cache is None
        else CompilerCacheUse(tool=cache.tool, hits=cache.hits, misses=cache.misses),
        test_results=None if results is None else msgspec.convert(results, ResultCounts, from_attributes=True),
        kept=record.kept,
        rungs=tuple(map(_rung_of, record.rungs)),
    )


def _rung_record(rung: RungOutcome) -> RungRecord:
    return RungRecord(
        name=text(rung.name),
        status=str(rung.status),
        system=text(rung.system),
        libc=text(rung.libc),
        python=text(rung.python),
        image_id=optional_text(rung.image_id),
        seconds=milliseconds(rung.seconds),
        reason=optional_text(rung.reason),
    )


def _rung_of(record: RungRecord) -> RungOutcome:
    return msgspec.convert(record, RungOutcome, from_attributes=True)


def sdist_file_record(sdist: SdistRecord) -> SdistFileRecord:
    """Return the sdist's record for files."""
    return SdistFileRecord(
        name=text(sdist.name),
        size=sdist.size,
        sha256=sdist.sha256,
        made_in=str(sdist.made_in),
        is_cached=sdist.is_cached,
        seconds=milliseconds(sdist.seconds),
    )


def sdist_of(record: SdistFileRecord) -> SdistRecord:
    """Return the sdist of a record; raise ValueError for an unknown cell."""
    return SdistRecord(
        name=record.name,
        size=record.size,
        sha256=record.sha256,
        made_in=Cell.parse(record.made_in),
        is_cached=record.is_cached,
        seconds=record.seconds,
    )


def _failure_record(failure: Failure) -> FailureRecord:
    place = failure.place
    return FailureRecord(
        step=str(failure.step),
        reason=str(failure.reason),
        message=text(failure.message),
        hint=optional_text(failure.hint),
        place=None if place is None else PlaceRecord(path=text(place.path), line=place.line, column=place.column),
        excerpt=tuple(map(text, failure.excerpt)),
    )


def _failure(record: FailureRecord) -> Failure:
    place = record.place
    return Failure(
        step=StepKind(record.step),
        reason=_reason(record.reason),
        message=record.message,
        hint=record.hint,
        place=None if place is None else Place(path=place.path, line=place.line, column=place.column),
        excerpt=record.excerpt,
    )


def wait_record(wait: Wait) -> WaitRecord:
    """Return a wait's record for files."""
    return WaitRecord(text=text(wait.text), began=milliseconds(wait.began), seconds=milliseconds(wait.seconds))


def wait_of(record: WaitRecord) -> Wait:
    """Return the wait of a record."""
    return Wait(text=record.text, began=record.began, seconds=record.seconds)


def warning_record(warning: RunWarning) -> WarningRecord:
    """Return a warning's record for files."""
    return WarningRecord(text=text(warning.text), cell=None if warning.cell is None else str(warning.cell))


def warning_of(record: WarningRecord) -> RunWarning:
    """Return the warning of a record; raise ValueError for what is no cell."""
    return RunWarning(text=record.text, cell=None if record.cell is None else Cell.parse(record.cell))


def _step_record(step: StepTime) -> StepRecord:
    began = optional_milliseconds(step.began)
    return StepRecord(step=str(step.kind), seconds=milliseconds(step.seconds), began=began)


def _wheel_file_record(wheel: WheelRecord) -> WheelFileRecord:
    needs = wheel.needs
    return WheelFileRecord(
        name=text(wheel.name),
        size=wheel.size,
        sha256=wheel.sha256,
        grafted=tuple(map(text, wheel.grafted)),
        largest=tuple(PackedFileRecord(path=text(each.path), size=each.size) for each in wheel.largest),
        needs=None
        if needs is None
        else WheelNeedsRecord(libc=text(needs.libc), symbols=tuple(map(text, needs.symbols))),
        provenance=None if wheel.provenance is None else text(wheel.provenance),
    )


def _wheel_record(record: WheelFileRecord) -> WheelRecord:
    needs = record.needs
    return WheelRecord(
        name=record.name,
        size=record.size,
        sha256=record.sha256,
        grafted=record.grafted,
        largest=tuple(PackedFile(path=each.path, size=each.size) for each in record.largest),
        needs=None if needs is None else WheelNeeds(libc=needs.libc, symbols=needs.symbols),
        provenance=record.provenance,
    )


def _reason(word: str) -> Reason:
    for reason in Reason:
        if reason.word == word:
            return reason
    raise ValueError(f"unknown reason {word!r}")
