"""Cells that come back from a worker: the wheel is held against its cell once more, and published here."""

from pathlib import Path

from msgspec.structs import replace

from matrix_runner.cell.finishing.held_wheel import hold, promise_of
from matrix_runner.cell.finishing.statement_file import put_statement
from matrix_runner.cell.opening.attempts import reason_of
from matrix_runner.cell.run_context import Materials, RunContext
from matrix_runner.cell.shared_wheels import SharedWheel
from matrix_runner.cell.wheel_size import growth
from matrix_runner.cluster.orders import CellDelivery
from matrix_runner.errors import OutputError, WheelConflict, WheelRejected
from matrix_runner.files import cause_of, write_whole
from matrix_runner.matrix import Job
from matrix_runner.model.events import CellFinished
from matrix_runner.model.outcomes import Failure, Outcome, Status, StepKind, WheelRecord
from matrix_runner.policy import read_wheel
from matrix_runner.schedule import Again
from matrix_runner.wheelhouse.inspection import WheelContents
from matrix_runner.wheelhouse.wheel_name import parse_name


def take(delivered: CellDelivery, job: Job, context: RunContext, materials: Materials, began: float) -> Outcome | Again:
    """Take over a cell that a worker has run: publish its wheel, keep its files, tell its end.

    `Again` for one whose wheel is another cell's to build: it tests that one. `began`: in seconds of the run.
    """
    outcome = replace(delivered.outcome, log=context.request.log_path(job))
    # A worker's clock begins with the order.
    outcome = outcome.later(began - (outcome.began or 0.0))
    wheel = outcome.wheel
    if delivered.results is not None:
        outcome = _with_results(outcome, delivered.results, context)
    if wheel is not None and delivered.wheel is not None:
        shared = context.shared_wheels
        leader = shared.give_way(job.cell, wheel.name)
        published = shared.find(job.cell)
        if leader is None and published is not None and published.path.name == wheel.name:
            leader = published.builder
        if leader is not None:
            text = f"{leader} makes a wheel of the same name, {wheel.name}: this cell tests that one"
            context.notify(text, cell=job.cell)
            return Again.AGAIN
        try:
            anatomy = _received(wheel, delivered.wheel, job, context, materials)
            outcome = replace(outcome, wheel=_published(delivered, wheel, anatomy, context, materials))
        except (WheelRejected, WheelConflict, OutputError) as error:
            message, hint = context.redactor.text(error.message), context.redactor.optional_text(error.hint)
            failure = Failure(step=StepKind.PUBLISH, reason=reason_of(error), message=message, hint=hint)
            outcome = replace(outcome, status=Status.FAILED, wheel=None, failure=failure)
    context.end(outcome)
    context.pool.emit(CellFinished(at=context.pool.clock(), outcome=outcome))
    return outcome


def _received(
    told: WheelRecord, data: bytes, job: Job, context: RunContext, materials: Materials
) -> tuple[Path, WheelContents]:
    """Return a delivered wheel, read and verified. Raise WheelRejected, OutputError."""
    path = context.wheelhouse.staging_directory(str(job.cell)) / told.name
    try:
        path.write_bytes(data)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {cause_of(error)}") from error
    anatomy = read_wheel(path)
    if anatomy.contents.sha256 != told.sha256:
        raise WheelRejected(f"{told.name} came with other content than the worker has told")
    image = materials.images.image(job)
    interpreter = None if image is None else image.facts.interpreter(job.directories)
    # One that is installed on demand is known where that was done.
    if interpreter is not None:
        promise = promise_of(job, interpreter, parse_name(told.name).project, materials.sdist)
        # The worker has warned of what is delivered all the same.
        hold(anatomy, job, promise, lambda _: None)
    return path, anatomy.contents


def _published(
    delivered: CellDelivery,
    told: WheelRecord,
    received: tuple[Path, WheelContents],
    context: RunContext,
    materials: Materials,
) -> WheelRecord:
    """Publish a delivered wheel, with its statement. Raise WheelRejected, WheelConflict, OutputError."""
    cell, record = delivered.outcome.cell, context.wheelhouse.publish(*received)
    record = replace(told, name=record.name, size=record.size, sha256=record.sha256, provenance=None)
    grown = growth(record, materials.earlier.get(cell))
    if grown is not None:
        context.notify(grown, cell=cell)
    statement = delivered.statement
    if statement is not None:
        record = put_statement(lambda: statement, record, cell, context)
    context.shared_wheels.add(SharedWheel(builder=cell, path=context.wheelhouse.directory / record.name))
    return record


def _with_results(outcome: Outcome, results: bytes, context: RunContext) -> Outcome:
    try:
        write_whole(context.request.inputs.tests_dir / f"{outcome.cell.stem}.xml", results)
    except OSError as error:
        text = f"the results of its tests cannot be kept: {cause_of(error)}"
        context.notify(text, cell=outcome.cell, is_warning=True)
        return replace(outcome, test_results=None)
    return outcome
