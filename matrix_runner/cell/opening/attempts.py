"""Opening of a cell's container, and the further attempts after a lost one; common to cells and the sdist."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final, TypeVar

from matrix_runner.before_all.registry import BeforeAllPart
from matrix_runner.cell.opening.interpreter_install import with_interpreter
from matrix_runner.cell.opening.open_cell import OpenCell
from matrix_runner.cell.run_context import Materials, RunContext
from matrix_runner.cell.steps import BeginAnew, CellFailed, GiveWay, RetryCell, StepRunner
from matrix_runner.config.options.run_options import DEBUG_KEEP_CONTAINER
from matrix_runner.container.container_spec import container_spec
from matrix_runner.container.debug_container import keep_container
from matrix_runner.container.kept_cell import KeptCell, KeptCommand
from matrix_runner.engine.api import Container
from matrix_runner.errors import MachineError, OutputError, WheelConflict, WheelRejected, WrongImage
from matrix_runner.matrix import Job
from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import Reason, StepKind
from matrix_runner.probe.image_probe import ProbedImage
from matrix_runner.recipe.commands import passed_variables

R = TypeVar("R")

ATTEMPTS = 2
"""The maximum of attempts: a container removed from outside justifies one retry; twice is no accident."""
LOSSES = 3
"""The maximum of times that a cell begins anew because the engine was away."""

_REASONS: Final = (
    (WheelRejected, Reason.REJECTED),
    (WheelConflict, Reason.CONFLICT),
    (OutputError, Reason.OUTPUT),
)


def make_attempts(attempt: Callable[[], R], cell: Cell, context: RunContext, steps: StepRunner) -> R:
    """Make an attempt at a cell's work, and further ones after RetryCell, or if the engine goes away and comes back.

    Raise CellFailed for every expected error; GiveWay passes through.
    """
    attempts, losses, watch = 1, 0, context.engine_watch
    while True:
        try:
            return attempt()
        except BeginAnew:  # noqa: PERF203  a few iterations
            continue
        except RetryCell as retry:
            if attempts == ATTEMPTS or context.is_cancelled:
                raise steps.failed(Reason.ENGINE, retry.message, hint=retry.hint) from retry
            attempts += 1
            context.notify(f"{retry.message}; beginning anew", cell=cell, is_warning=True)
            watch.wait()
        except (WheelRejected, WheelConflict, OutputError) as unfit:
            reason = next(reason for kind, reason in _REASONS if isinstance(unfit, kind))
            raise steps.failed(reason, unfit.message, hint=unfit.hint) from unfit
        except MachineError as broken:
            losses += 1
            is_lost = losses <= LOSSES and not context.is_cancelled and watch.has_gone(broken)
            if is_lost:
                context.notify(f"{broken.message}; waiting for the engine", cell=cell, is_warning=True)
            if not is_lost or not watch.wait():
                reason = Reason.WRONG_IMAGE if isinstance(broken, WrongImage) else Reason.ENGINE
                raise steps.failed(reason, broken.message, hint=broken.hint) from broken


class Opening:
    """The opening of a job's container, as often as there are attempts at its work."""

    def __init__(self, job: Job, context: RunContext, materials: Materials, steps: StepRunner) -> None:
        """Create it; opens nothing yet."""
        self._job = job
        self._context = context
        self._materials = materials
        self._steps = steps

    def usable_image(self) -> ProbedImage:
        """Return the job's image. Raise MachineError if it is unavailable, CellFailed if it lacks something."""
        image = self._materials.images.of(self._job)
        if isinstance(image, MachineError):
            raise image
        problem = image.problem(self._job)
        if problem is not None:
            reason = Reason.WRONG_IMAGE if problem.is_wrong_image else Reason.MISSING_TOOL
            raise self._steps.failed(reason, problem.message, hint=problem.hint)
        return image

    def part_in_before_all(self) -> BeforeAllPart:
        """Return the cell's part in its `before-all`. Raise CellFailed if the latter has failed in another cell."""
        part = self._materials.prepared.wait(self._job, lambda: self._context.is_cancelled)
        if part.failed is not None:
            self._steps.enter(StepKind.BEFORE_ALL)
            failure = part.failed.failure
            message = f"before-all failed for this image, in {part.failed.by}: {failure.message}"
            raise self._steps.failed(failure.reason, message, hint=f"see {part.failed.by}")
        return part

    @contextmanager
    def opened(self, image: ProbedImage, part: BeforeAllPart) -> Iterator[OpenCell]:
        """Open the job's container, with its interpreter in it; keep it after a failure if the user wants that.

        Raise CellFailed, RetryCell, MachineError.
        """
        job, context, steps = self._job, self._context, self._steps
        with ExitStack() as stack:
            with steps.step(StepKind.PREPARE, f"open {image.display_name}"):
                container = self._open(image, part, stack)
            try:
                complete = with_interpreter(job, image, steps, container)
                yield OpenCell(job=job, container=container, image=complete, part=part)
            except (RetryCell, GiveWay):
                raise
            except Exception as error:
                # Whoever visits a cell has been in its container.
                is_visited = context.request.visit is not None
                if job.settings[DEBUG_KEEP_CONTAINER] and not context.is_cancelled and not is_visited:
                    self._keep(container, error)
                raise

    def _keep(self, container: Container, error: Exception) -> None:
        """Keep the container of a failed attempt, with all that a shell in it needs."""
        job, request, steps = self._job, self._context.request, self._steps
        redactor = self._context.redactor
        failure = error.failure if isinstance(error, CellFailed) else steps.failure(Reason.INTERNAL, "")
        passed = passed_variables(job.settings, request.inputs.environ)
        commands = {file: KeptCommand.of(step, passed, redactor) for file, step in steps.evaluated.items()}
        note = KeptCell(
            cell=str(job.cell),
            project=request.inputs.identity,
            run=request.run,
            at=time.time(),
            root=container.root,
            step=failure.step,
            last=None if steps.last is None else KeptCommand.of(steps.last, passed, redactor),
            evaluated=commands,
        )
        kept = keep_container(container, note)
        steps.kept = kept.place
        steps.advise(kept.message)

    def check_running(self) -> None:
        """Raise RetryCell after a stop of the run: the container that waited for its slot may still exist."""
        if self._context.is_cancelled:
            raise RetryCell("the run was stopped before the cell's turn came")

    def _open(self, image: ProbedImage, part: BeforeAllPart, stack: ExitStack) -> Container:
        """Open the container. If a prepared image of an earlier run is unusable, reject it and raise RetryCell."""
        context, prepared = self._context, part.image
        spec = container_spec(self._job, image.image, context.volumes, None if prepared is None else prepared.image)
        try:
            container = stack.enter_context(context.containers.open(spec))
        except MachineError as error:
            if prepared is None or prepared.image is None or not prepared.is_existing or context.is_cancelled:
                raise
            if context.engine_watch.has_gone(error):
                raise
            self._materials.prepared.reject(self._job, prepared)
            message = f"the image that before-all prepared in an earlier run cannot be used: {error.message}"
            raise RetryCell(message, error.hint) from error
        if self._materials.carrying is not None:
            self._materials.carrying.volumes.fill(container, spec, image)
        return container
