"""One cell from start to outcome: opens its container, retries after a lost container, never raises."""

import time
import traceback
from contextlib import ExitStack

from matrix_runner.before_all.registry import BeforeAllPart
from matrix_runner.cell.attempt import Attempt, Delivery
from matrix_runner.cell.interpreter_install import with_interpreter
from matrix_runner.cell.open_cell import OpenCell
from matrix_runner.cell.run_context import Materials, RunContext
from matrix_runner.cell.steps import CellFailed, GiveWay, RetryCell, StepRunner
from matrix_runner.config.options.run_options import DEBUG_KEEP_CONTAINER
from matrix_runner.container.container_spec import container_spec
from matrix_runner.container.debug_container import keep_container
from matrix_runner.engine.api import Container
from matrix_runner.errors import MachineError, OutputError, WheelConflict, WheelRejected
from matrix_runner.matrix import Job
from matrix_runner.model.events import CellFinished, CellStarted
from matrix_runner.model.outcomes import Failure, Outcome, Reason, Status, StepKind
from matrix_runner.probe.image_probe import ProbedImage
from matrix_runner.schedule import Again, Slot

RESTART_SECONDS = 30
"""Seconds allowed for a daemon's restart."""
ATTEMPTS = 2
"""The maximum of attempts: a container removed from outside justifies one retry; twice is no accident."""


def run_cell(job: Job, context: RunContext, materials: Materials, slot: Slot) -> Outcome | Again:
    """Run one cell from start to outcome, or until it gives way to another. Never raises: a failed cell is data.

    The slot is held while commands run; the container opens before and closes after.
    """
    return CellRun(job, context, materials, slot).run()


class CellRun:
    """One cell of a run, with all its attempts."""

    def __init__(self, job: Job, context: RunContext, materials: Materials, slot: Slot) -> None:
        """Create the run of a cell; starts nothing yet."""
        self._job = job
        self._context = context
        self._materials = materials
        self._slot = slot
        self._steps = StepRunner(job.cell, emit=context.pool.emit, clock=context.pool.clock, redactor=context.redactor)

    def run(self) -> Outcome | Again:
        """Run the cell to its outcome, or until it gives way to another cell. Never raises."""
        pool, steps = self._context.pool, self._steps
        pool.emit(CellStarted(at=pool.clock(), cell=self._job.cell))
        began = time.monotonic()
        status, failure, delivery = Status.PASSED, None, Delivery()
        try:
            delivery = self._try_twice()
        except GiveWay as gives:
            text = f"{gives.leader} makes a wheel of the same name, {gives.wheel}: this cell waits, and tests that one"
            self._context.notify(text, cell=self._job.cell)
            return Again.AGAIN
        except CellFailed as failed:
            status, failure = Status.FAILED, failed.failure
        except Exception as bug:  # noqa: BLE001  a bug in one cell must not cost the others' wheels
            steps.print(traceback.format_exc())
            status, failure = Status.FAILED, steps.failure(Reason.INTERNAL, f"{type(bug).__name__}: {bug}")
        if status is Status.FAILED and self._context.is_cancelled:
            status, failure = Status.CANCELLED, None
        failure = None if failure is None else steps.advised(failure)
        outcome = self._outcome(status, failure, delivery, time.monotonic() - began - steps.waited)
        self._materials.prepared.release(self._job)
        self._context.shared_wheels.finish(self._job.cell)
        pool.emit(CellFinished(at=pool.clock(), outcome=outcome))
        return outcome

    def _outcome(self, status: Status, failure: Failure | None, delivery: Delivery, seconds: float) -> Outcome:
        job, steps, image = self._job, self._steps, self._materials.images.image(self._job)
        interpreter = None if image is None else image.facts.interpreter(job.directories)
        return Outcome(
            cell=job.cell,
            status=status,
            seconds=seconds,
            steps=steps.times,
            failure=failure,
            wheel=delivery.wheel,
            reused_from=None if delivery.reused is None else delivery.reused.builder,
            image=None if image is None else image.reference,
            image_id=None if image is None else image.image.id,
            python_version=steps.python_version or (None if interpreter is None else interpreter.version),
            log=self._context.request.log_path(job),
            compiler_cache=steps.compiler_cache,
        )

    def _try_twice(self) -> Delivery:
        steps = self._steps
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._attempt()
            except RetryCell as retry:  # noqa: PERF203  two iterations
                if attempt == ATTEMPTS or self._context.is_cancelled:
                    raise steps.failed(Reason.ENGINE, retry.message, hint=retry.hint) from retry
                text = f"{retry.message}; running the cell once more"
                self._context.notify(text, cell=self._job.cell, is_warning=True)
                self._wait_for_engine()
            except WheelRejected as rejected:
                raise steps.failed(Reason.REJECTED, rejected.message, hint=rejected.hint) from rejected
            except WheelConflict as conflict:
                raise steps.failed(Reason.CONFLICT, conflict.message, hint=conflict.hint) from conflict
            except OutputError as broken:
                raise steps.failed(Reason.OUTPUT, broken.message, hint=broken.hint) from broken
            except MachineError as broken:
                raise steps.failed(Reason.ENGINE, broken.message, hint=broken.hint) from broken
        raise AssertionError  # pragma: no cover

    def _attempt(self) -> Delivery:
        job, context = self._job, self._context
        image = self._usable_image()
        part = self._part_in_before_all()
        reused = context.shared_wheels.find(job.cell)
        if reused is not None and not (job.has_tests or job.checks_gil) and not part.is_runner:
            return Delivery(reused=reused)
        with ExitStack() as stack:
            with self._steps.step(StepKind.PREPARE, f"open {image.display_name}"):
                container = self._open(image, part, stack)
            try:
                complete = with_interpreter(job, image, self._steps, container)
                opened = OpenCell(job=job, container=container, image=complete, part=part)
                attempt = Attempt(opened, context, self._materials, self._steps)
                attempt.bring_source()
                with self._steps.holding(self._slot):
                    self._check_running()
                    # Another cell may meanwhile have published a wheel that serves this one.
                    return attempt.serve(reused or context.shared_wheels.find(job.cell), self._slot)
            except RetryCell:
                raise
            except Exception:
                if job.settings[DEBUG_KEEP_CONTAINER] and not context.is_cancelled:
                    self._steps.advise(keep_container(container, job.cell, context.request.engine.name))
                raise

    def _usable_image(self) -> ProbedImage:
        """Return the job's image. Raise MachineError if it is unavailable, CellFailed if it lacks something."""
        image = self._materials.images.of(self._job)
        if isinstance(image, MachineError):
            raise image
        problem = image.problem(self._job)
        if problem is not None:
            reason = Reason.WRONG_IMAGE if problem.is_wrong_image else Reason.MISSING_TOOL
            raise self._steps.failed(reason, problem.message, hint=problem.hint)
        return image

    def _part_in_before_all(self) -> BeforeAllPart:
        """Return the cell's part in its `before-all`. Raise CellFailed if the latter has failed in another cell."""
        part = self._materials.prepared.wait(self._job, lambda: self._context.is_cancelled)
        if part.failed is not None:
            self._steps.enter(StepKind.BEFORE_ALL)
            failure = part.failed.failure
            message = f"before-all failed for this image, in {part.failed.by}: {failure.message}"
            raise self._steps.failed(failure.reason, message, hint=f"see {part.failed.by}")
        return part

    def _open(self, image: ProbedImage, part: BeforeAllPart, stack: ExitStack) -> Container:
        """Open the container. If a prepared image of an earlier run is unusable, reject it and raise RetryCell."""
        context, prepared = self._context, part.image
        spec = container_spec(self._job, image.image, context.volumes, None if prepared is None else prepared.image)
        try:
            return stack.enter_context(context.containers.open(spec))
        except MachineError as error:
            if prepared is None or not prepared.is_existing or context.is_cancelled:
                raise
            self._materials.prepared.reject(self._job, prepared)
            message = f"the image that before-all prepared in an earlier run cannot be used: {error.message}"
            raise RetryCell(message, error.hint) from error

    def _check_running(self) -> None:
        """Raise RetryCell after a stop of the run: the container that waited for its slot may still exist."""
        if self._context.is_cancelled:
            raise RetryCell("the run was stopped before the cell's turn came")

    def _wait_for_engine(self) -> None:
        """Wait until a restarting daemon answers again, for a limited time; its restart ends every container."""
        deadline = time.monotonic() + RESTART_SECONDS
        while time.monotonic() < deadline and not self._context.is_cancelled:
            try:
                self._context.request.engine.check(seconds=5)
            except MachineError:  # noqa: PERF203  an engine that is up answers at once
                time.sleep(1)
            else:
                return
