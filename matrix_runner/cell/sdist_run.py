"""The run's sdist, from an open container to the output directory: built once, before all wheels (option `sdist`)."""

import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Final

from matrix_runner.cell.build_requirements import warning_of_excluded
from matrix_runner.cell.built_file import only_file
from matrix_runner.cell.container_work import ContainerWork, lost_on_error
from matrix_runner.cell.opening.attempts import Opening, make_attempts
from matrix_runner.cell.run_context import DeliveredSdist, Materials, NoSdist, RunContext
from matrix_runner.cell.step_retries import StepRetries
from matrix_runner.cell.steps import CellFailed, StepRunner
from matrix_runner.cell.wheel_size import size_warning
from matrix_runner.config.options.output_options import MAX_WHEEL_SIZE
from matrix_runner.config.options.run_options import RETRIES
from matrix_runner.matrix import Job
from matrix_runner.model.events import CellFinished, CellStarted
from matrix_runner.model.outcomes import Failure, Outcome, Reason, SdistRecord, Status, StepKind
from matrix_runner.project.made_sdist import MadeSdist, read_sdist
from matrix_runner.recipe.frontends.frontend_command import Product
from matrix_runner.schedule import Load, Slot
from matrix_runner.wheelhouse import SDIST, receive
from matrix_runner.wording import size_text

_STAGING: Final = "sdist"


class SdistRun:
    """The run's sdist: its build in the container of one cell, the maker, in whose log it is, and its delivery."""

    def __init__(self, maker: Job, context: RunContext) -> None:
        """Create it; starts nothing yet."""
        self.maker = maker
        self._context = context
        self._steps = StepRunner(
            maker.cell,
            context.pool,
            retries=StepRetries(maker.settings[RETRIES], is_cancelled=lambda: context.is_cancelled),
            redactor=context.redactor,
        )

    def build(self, materials: Materials) -> DeliveredSdist | NoSdist:
        """Build, check and publish the sdist, or end every job. Never raises.

        `materials`: without an sdist; the prepared image of the maker's `before-all` is then there for the cells.
        """
        pool = self._context.pool
        pool.emit(CellStarted(at=pool.clock(), cell=self.maker.cell))
        opening = Opening(self.maker, self._context, materials, self._steps)
        began = time.monotonic()

        def build_and_deliver() -> DeliveredSdist:
            made = self._made(opening, materials)
            with self._steps.step(StepKind.PUBLISH, f"publish {made.path.name}"):
                return self._deliver(made, self._record(made, time.monotonic() - began))

        return self._to_its_end(build_and_deliver)

    def redeliver(self, path: Path, record: SdistRecord) -> DeliveredSdist | NoSdist:
        """Publish an sdist of an earlier run, or end every job. Never raises."""
        return self._to_its_end(lambda: self._deliver(read_sdist(path, self._context.scratch), record))

    def _to_its_end(self, work: Callable[[], DeliveredSdist]) -> DeliveredSdist | NoSdist:
        pool, steps = self._context.pool, self._steps
        began = time.monotonic()
        try:
            return make_attempts(work, self.maker.cell, self._context, steps)
        except CellFailed as failed:
            failure = failed.failure
        except Exception as bug:  # noqa: BLE001  as in a cell
            steps.print(traceback.format_exc())
            failure = steps.failure(Reason.INTERNAL, f"{type(bug).__name__}: {bug}")
        outcomes = self._outcomes(steps.advised(failure), time.monotonic() - began)
        for outcome in outcomes:
            pool.emit(CellFinished(at=pool.clock(), outcome=outcome))
        return NoSdist(outcomes=outcomes)

    def _made(self, opening: Opening, materials: Materials) -> MadeSdist:
        context, steps = self._context, self._steps
        with opening.opened(opening.usable_image(), opening.part_in_before_all()) as opened:
            work = ContainerWork(opened, context, materials, steps, Product.SDIST)
            work.bring_source()
            # Nothing else runs: its tools may use all processors.
            work.begin(Slot(Load(slots=context.request.workers)))
            work.hand_over()
            with warning_of_excluded(work.recipe, work.container, steps):
                work.run_frontend(work.recipe.sdist())
            only_file(work.container, work.layout.built, SDIST)
            with steps.step(StepKind.VERIFY, "take out and check the sdist"):
                staging = context.wheelhouse.staging_directory(_STAGING)
                with lost_on_error(), work.container.get(work.layout.built) as stream:
                    path = receive(stream, staging, expected=SDIST)
                return read_sdist(path, context.scratch)

    def _record(self, made: MadeSdist, seconds: float) -> SdistRecord:
        made_in = self.maker.cell
        return SdistRecord(name=made.path.name, size=made.size, sha256=made.sha256, made_in=made_in, seconds=seconds)

    def _deliver(self, made: MadeSdist, record: SdistRecord) -> DeliveredSdist:
        self._steps.enter(StepKind.PUBLISH)
        record = self._context.wheelhouse.publish_sdist(made.path, record)
        too_large = size_warning(record, self.maker.settings[MAX_WHEEL_SIZE])
        for warning in (*made.warnings, *((too_large,) if too_large else ())):
            self._context.notify(warning, is_warning=True)
        origin = "of an earlier run" if record.is_cached else f"made in {self.maker.cell}"
        self._context.notify(f"wheels are built from {record.name} ({size_text(record.size)}), {origin}")
        return DeliveredSdist(made=made, record=record)

    def _outcomes(self, failure: Failure, seconds: float) -> tuple[Outcome, ...]:
        """Return the outcome of the maker with its failure, and of all others, which are not built without an sdist."""
        is_cancelled, log = self._context.is_cancelled, self._context.request.log_path
        status = Status.CANCELLED if is_cancelled else Status.FAILED
        cause = Failure(
            # Before its first step: summaries name such cells together.
            step=StepKind.PREPARE,
            reason=failure.reason,
            message=f"without the sdist no wheel is built; it failed in {self.maker.cell}: {failure.message}",
            hint=f"see {self.maker.cell}",
        )
        return tuple(
            Outcome(
                cell=job.cell,
                status=status,
                seconds=seconds if job is self.maker else 0.0,
                steps=self._steps.times if job is self.maker else (),
                failure=None if is_cancelled else failure if job is self.maker else cause,
                log=log(job) if job is self.maker else None,
                kept=self._steps.kept if job is self.maker else None,
            )
            for job in self._context.request.jobs
        )
