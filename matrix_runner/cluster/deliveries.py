"""Cells that come back from a worker: the wheel is held against its cell once more, and published here."""

from pathlib import Path

import msgspec
from msgspec.structs import replace

from matrix_runner.cell.finishing.held_wheel import hold, promise_of
from matrix_runner.cell.finishing.statement_file import put_statement
from matrix_runner.cell.finishing.undelivered_wheel import keep_beside
from matrix_runner.cell.opening.attempts import reason_of
from matrix_runner.cell.run_context import Materials, RunContext
from matrix_runner.cell.shared_wheels import SharedWheel
from matrix_runner.cell.wheel_size import growth
from matrix_runner.cluster.orders import CellDelivery
from matrix_runner.errors import OutputError, WheelConflict, WheelRejected
from matrix_runner.files import cause_of, write_whole
from matrix_runner.matrix import Job
from matrix_runner.model.events import CellFinished
from matrix_runner.model.outcomes import Failure, Outcome, Status, StepKind, UndeliveredWheel, WheelRecord
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
        taking = _Taking(
            told=wheel,
            data=delivered.wheel,
            statement=delivered.statement,
            job=job,
            context=context,
            materials=materials,
        )
        outcome = taking.outcome(outcome)
    context.end(outcome)
    context.pool.emit(CellFinished(at=context.pool.clock(), outcome=outcome))
    return outcome


class _Taking(msgspec.Struct, frozen=True, kw_only=True):
    """A wheel that is taken over. `told`: the worker's record of it, `data`: its bytes."""

    told: WheelRecord
    data: bytes
    statement: bytes | None
    job: Job
    context: RunContext
    materials: Materials

    def outcome(self, outcome: Outcome) -> Outcome:
        """Return the cell's outcome with its wheel published, or why that could not be."""
        undelivered = None
        try:
            path, contents = self._received()
            try:
                return replace(outcome, wheel=self._published(path, contents))
            except (WheelConflict, OutputError):
                undelivered = self._kept(path, contents)
                raise
        except (WheelRejected, WheelConflict, OutputError) as error:
            redactor = self.context.redactor
            failure = Failure(
                step=StepKind.PUBLISH,
                reason=reason_of(error),
                message=redactor.text(error.message),
                hint=redactor.optional_text(error.hint),
            )
        return replace(outcome, status=Status.FAILED, wheel=None, failure=failure, undelivered=undelivered)

    def _received(self) -> tuple[Path, WheelContents]:
        """Return the wheel, read and verified. Raise WheelRejected, OutputError."""
        path = self.context.wheelhouse.staging_directory(str(self.job.cell)) / self.told.name
        try:
            path.write_bytes(self.data)
        except OSError as error:
            raise OutputError(f"cannot write {path}: {cause_of(error)}") from error
        anatomy = read_wheel(path)
        if anatomy.contents.sha256 != self.told.sha256:
            raise WheelRejected(f"{self.told.name} came with other content than the worker has told")
        image = self.materials.images.image(self.job)
        interpreter = None if image is None else image.facts.interpreter(self.job.directories)
        # One that is installed on demand is known where that was done.
        if interpreter is not None:
            promise = promise_of(self.job, interpreter, parse_name(self.told.name).project, self.materials.sdist)
            # The worker has warned of what is delivered all the same.
            hold(anatomy, self.job, promise, lambda _: None)
        return path, anatomy.contents

    def _published(self, path: Path, contents: WheelContents) -> WheelRecord:
        """Publish the wheel, with its statement. Raise WheelRejected, WheelConflict, OutputError."""
        cell, record = self.job.cell, self.context.wheelhouse.publish(path, contents)
        record = replace(self.told, name=record.name, size=record.size, sha256=record.sha256, provenance=None)
        grown = growth(record, self.materials.earlier.get(cell))
        if grown is not None:
            self.context.notify(grown, cell=cell)
        statement = self.statement
        if statement is not None:
            record = put_statement(lambda: statement, record, cell, self.context)
        self.context.shared_wheels.add(SharedWheel(builder=cell, path=self.context.wheelhouse.directory / record.name))
        return record

    def _kept(self, path: Path, contents: WheelContents) -> UndeliveredWheel:
        """Return the wheel as it stays where it was verified, for the cache."""
        record = replace(self.told, size=contents.size, sha256=contents.sha256, provenance=None)
        return keep_beside(path, record, self.statement)


def _with_results(outcome: Outcome, results: bytes, context: RunContext) -> Outcome:
    try:
        write_whole(context.request.inputs.tests_dir / f"{outcome.cell.stem}.xml", results)
    except OSError as error:
        text = f"the results of its tests cannot be kept: {cause_of(error)}"
        context.notify(text, cell=outcome.cell, is_warning=True)
        return replace(outcome, test_results=None)
    return outcome
