"""One cell from start to outcome, with all its attempts: never raises."""

import time
import traceback

from msgspec.structs import replace

from matrix_runner.cell.attempt import Attempt, Delivery
from matrix_runner.cell.finishing.undelivered_wheel import NotDelivered
from matrix_runner.cell.opening.attempts import NodeLost, Opening, make_attempts
from matrix_runner.cell.opening.open_cell import OpenCell
from matrix_runner.cell.run_context import Materials, RunContext
from matrix_runner.cell.step_retries import StepRetries
from matrix_runner.cell.steps import CellFailed, GiveWay, StepRunner
from matrix_runner.config.options.run_options import RETRIES
from matrix_runner.matrix import Job
from matrix_runner.model.events import CellFinished, CellStarted
from matrix_runner.model.outcomes import Failure, Outcome, Reason, Status
from matrix_runner.request import Locking
from matrix_runner.schedule import Again, Slot


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
        self._steps = StepRunner(
            job.cell,
            context.pool,
            retries=StepRetries(job.settings[RETRIES], is_cancelled=lambda: context.is_cancelled),
            redactor=context.redactor,
            visit=context.request.visit,
        )
        self._opening = Opening(job, context, materials, self._steps)

    def run(self) -> Outcome | Again:
        """Run the cell to its outcome, or until it gives way to another cell. Never raises."""
        pool, steps = self._context.pool, self._steps
        at, began = pool.clock(), time.monotonic()
        pool.emit(CellStarted(at=at, cell=self._job.cell, node=self._context.node))
        status, failure, delivery, undelivered = Status.PASSED, None, Delivery(), None
        try:
            delivery = make_attempts(self._attempt, self._job.cell, self._context, self._steps)
        except GiveWay as gives:
            text = f"{gives.leader} makes a wheel of the same name, {gives.wheel}: this cell waits, and tests that one"
            self._context.notify(text, cell=self._job.cell)
            return Again.AGAIN
        except NodeLost as lost:
            text = f"{lost.message}; {self._context.node} does not answer: another node takes the cell over"
            self._context.notify(text, cell=self._job.cell, is_warning=True)
            self._materials.prepared.release(self._job)
            return Again.AGAIN
        except CellFailed as failed:
            status, failure = Status.FAILED, failed.failure
            undelivered = failed.wheel if isinstance(failed, NotDelivered) else None
        except Exception as bug:  # noqa: BLE001  a bug in one cell must not cost the others' wheels
            steps.print(traceback.format_exc())
            status, failure = Status.FAILED, steps.failure(Reason.INTERNAL, f"{type(bug).__name__}: {bug}")
        if status is Status.FAILED and self._context.is_cancelled:
            status, failure = Status.CANCELLED, None
        failure = None if failure is None else steps.advised(failure)
        seconds = time.monotonic() - began - steps.waited
        outcome = self._outcome(status, failure, delivery)
        outcome = replace(outcome, began=at, seconds=seconds, undelivered=undelivered)
        self._materials.prepared.release(self._job)
        self._context.end(outcome)
        pool.emit(CellFinished(at=pool.clock(), outcome=outcome))
        return outcome

    def _outcome(self, status: Status, failure: Failure | None, delivery: Delivery) -> Outcome:
        job, steps, image = self._job, self._steps, self._materials.images.image(self._job)
        interpreter = None if image is None else image.facts.interpreter(job.directories)
        return Outcome(
            cell=job.cell,
            status=status,
            node=self._context.node or None,
            steps=steps.times,
            failure=failure,
            wheel=delivery.wheel,
            reused_from=None if delivery.reused is None else delivery.reused.builder,
            image=None if image is None else image.reference,
            image_id=None if image is None else image.image.id,
            python_version=steps.python_version or (None if interpreter is None else interpreter.version),
            log=self._context.request.log_path(job),
            compiler_cache=steps.compiler_cache,
            test_results=steps.test_results,
            rungs=steps.rungs,
            kept=steps.kept if status is Status.FAILED else None,
        )

    def _attempt(self) -> Delivery:
        job, context, opening = self._job, self._context, self._opening
        opening.check_needed()
        image = opening.usable_image()
        part = opening.part_in_before_all()
        reused = context.shared_wheels.find(job.cell)
        if reused is not None and not (job.has_tests or job.checks_gil) and not part.is_runner:
            return Delivery(reused=reused)
        with opening.opened(image, part) as opened:
            locking = context.request.locking
            if locking is not None:
                self._resolve(opened, locking)
                return Delivery()
            attempt = Attempt(opened, context, self._materials, self._steps)
            attempt.bring_source()
            with self._steps.holding(self._slot):
                opening.check_running()
                # Another cell may meanwhile have published a wheel that serves this one.
                return attempt.serve(reused or context.shared_wheels.find(job.cell), self._slot)

    def _resolve(self, opened: OpenCell, locking: Locking) -> None:
        """Resolve what a lock names of the cell, in its open container."""
        # No build needs this import.
        from matrix_runner.cell.resolving.cell_resolution import CellResolution

        resolution = CellResolution(opened, self._context, self._materials, self._steps)
        resolution.bring_source()
        with self._steps.holding(self._slot):
            self._opening.check_running()
            locking.take(resolution.resolve(locking.question(self._job), self._slot))
