"""Opening of a cell's container, and the further attempts after a lost one; common to cells and the sdist."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Final, TypeVar

from matrix_runner.before_all.registry import BeforeAllPart
from matrix_runner.cell.opening.interpreter_install import with_interpreter
from matrix_runner.cell.opening.kept_container import keep_after
from matrix_runner.cell.opening.open_cell import OpenCell
from matrix_runner.cell.run_context import Materials, RunContext
from matrix_runner.cell.steps import BeginAnew, CellFailed, GiveWay, RetryCell, StepRunner
from matrix_runner.container.container_spec import container_spec, spec_without_network
from matrix_runner.engine.api import Container
from matrix_runner.errors import MachineError, OutputError, WheelConflict, WheelRejected, WrongImage
from matrix_runner.locking.lock_drift import UPDATE, wrong_image
from matrix_runner.matrix import Job
from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import Failure, Reason, StepKind
from matrix_runner.probe.image_probe import ProbedImage

R = TypeVar("R")

ATTEMPTS = 2
"""The maximum of attempts: a container removed from outside justifies one retry; twice is no accident."""


class NodeLost(Exception):
    """The cell's node does not answer any more, and another one takes the cell over. `message`: of the error."""

    def __init__(self, message: str) -> None:
        """`message`: one line."""
        super().__init__(message)
        self.message = message


_REASONS: Final = (
    (WheelRejected, Reason.REJECTED),
    (WheelConflict, Reason.CONFLICT),
    (OutputError, Reason.OUTPUT),
)


def make_attempts(attempt: Callable[[], R], cell: Cell, context: RunContext, steps: StepRunner) -> R:
    """Make an attempt at a cell's work, and further ones after RetryCell, or if the engine goes away and comes back.

    Raise CellFailed for every expected error, NodeLost if the cell is to be run elsewhere; GiveWay passes through.
    """
    attempts, losses, watch = 1, 0, context.engine_watch
    while True:
        try:
            return attempt()
        except BeginAnew:  # noqa: PERF203  a few iterations
            continue
        except RetryCell as retry:
            _leave_lost_node(retry.message, cell, context, watch.is_away)
            if attempts == ATTEMPTS or context.is_cancelled:
                raise steps.failed(Reason.ENGINE, retry.message, hint=retry.hint) from retry
            attempts += 1
            context.notify(f"{retry.message}; beginning anew", cell=cell, is_warning=True)
            watch.wait()
        except (WheelRejected, WheelConflict, OutputError) as unfit:
            raise CellFailed(failure_of(unfit, steps)) from unfit
        except MachineError as broken:
            losses += 1
            _leave_lost_node(broken.message, cell, context, partial(watch.has_gone, broken))
            if not watch.has_come_back(broken, losses, partial(context.notify, cell=cell, is_warning=True)):
                reason = Reason.WRONG_IMAGE if isinstance(broken, WrongImage) else Reason.ENGINE
                raise steps.failed(reason, broken.message, hint=broken.hint) from broken


def _leave_lost_node(message: str, cell: Cell, context: RunContext, is_lost: Callable[[], bool]) -> None:
    """Raise NodeLost if the cell's node is lost, and another one takes the cell over."""
    elsewhere = context.elsewhere
    if elsewhere is not None and not context.is_cancelled and is_lost() and elsewhere.takes(cell):
        raise NodeLost(message)


def failure_of(unfit: WheelRejected | WheelConflict | OutputError, steps: StepRunner) -> Failure:
    """Return the failure of a cell whose wheel is not fit to be published, or cannot be."""
    return steps.failure(reason_of(unfit), unfit.message, hint=unfit.hint)


def reason_of(unfit: WheelRejected | WheelConflict | OutputError) -> Reason:
    """Return the reason of a failure by a wheel that is not fit to be published, or cannot be."""
    return next(reason for kind, reason in _REASONS if isinstance(unfit, kind))


class Opening:
    """The opening of a job's container, as often as there are attempts at its work."""

    def __init__(self, job: Job, context: RunContext, materials: Materials, steps: StepRunner) -> None:
        """Create it; opens nothing yet."""
        self._job = job
        self._context = context
        self._materials = materials
        self._steps = steps

    def check_needed(self) -> None:
        """Raise CellFailed if a wheel that the cell needs of another package is not there."""
        problem = self._context.needed.problem(self._job.cell)
        if problem is not None:
            self._steps.enter(StepKind.PREPARE)
            raise self._steps.failed(Reason.NEEDED, problem[0], hint=problem[1])

    def usable_image(self) -> ProbedImage:
        """Return the job's image. Raise MachineError if it is unavailable, CellFailed if it lacks something.

        CellFailed also if it is not the one of the lock that the cell is held to. The same for each image that the
        wheel is to be tested in: a cell that cannot be tested there fails before it is built.
        """
        image = self._materials.images.of(self._job)
        if isinstance(image, MachineError):
            raise image
        problem = image.problem(self._job)
        if problem is not None:
            reason = Reason.WRONG_IMAGE if problem.is_wrong_image else Reason.MISSING_TOOL
            raise self._steps.failed(reason, problem.message, hint=problem.hint)
        another = wrong_image(self._job, image.image, self._context.request.inputs.lock)
        if another is not None:
            raise self._steps.failed(Reason.WRONG_IMAGE, another, hint=UPDATE)
        for rung in self._job.rungs:
            found = self._materials.images.of_rung(self._job, rung)
            if isinstance(found, MachineError) and not isinstance(found, WrongImage):
                raise found
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

            def open_closed(start: str | None) -> Container:
                nonlocal container
                spec = spec_without_network(job, image.image, context.volumes, start)
                container = stack.enter_context(context.containers.open(spec))
                return container

            try:
                complete = with_interpreter(job, image, steps, container)
                yield OpenCell(
                    job=job,
                    container=container,
                    image=complete,
                    part=part,
                    has_installed=complete is not image,
                    open_closed=open_closed,
                )
            except (RetryCell, GiveWay):
                raise
            except Exception as error:
                keep_after(error, container, job, context, steps)
                raise

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
