"""Performs one cell: opens its container, makes an attempt or two, and says how it ended. Never raises."""

import time
import traceback
from contextlib import ExitStack

from matrix_runner.before_all.registry import PreparedImage
from matrix_runner.cell.attempt import Attempt, Delivery
from matrix_runner.cell.debug_container import keep_container
from matrix_runner.cell.interpreter_install import with_interpreter
from matrix_runner.cell.run_context import RunContext, Slot
from matrix_runner.cell.steps import CellFailed, RetryCell, StepRunner
from matrix_runner.cell.warm_containers import container_spec
from matrix_runner.config.options.run_options import DEBUG_KEEP_CONTAINER
from matrix_runner.engine.api import Container, ContainerSpec
from matrix_runner.errors import MachineError, OutputError, WheelRejected
from matrix_runner.matrix import Job
from matrix_runner.model.events import CellFinished, CellStarted, Notice
from matrix_runner.model.outcomes import Outcome, Reason, Status, StepKind
from matrix_runner.recipe.testing import has_tests

RESTART_SECONDS = 30
"""How long a daemon may take to come back."""

ATTEMPTS = 2
"""A container that somebody else removed is a reason to try once more; twice is no accident."""


def run_cell(job: Job, shop: RunContext, seat: Slot) -> Outcome:
    """Run one cell from its start to its outcome. Never raises: a failed cell is data.

    The seat is taken while commands run; a container opens before and closes after.
    """
    diary = StepRunner(job.cell, emit=shop.emit, clock=shop.clock)
    shop.emit(CellStarted(at=shop.clock(), cell=job.cell))
    began = time.monotonic()
    status, failure, delivery = Status.PASSED, None, Delivery()
    try:
        delivery = _try_twice(job, shop, diary, seat)
    except CellFailed as failed:
        status, failure = Status.FAILED, failed.failure
    except Exception as bug:  # noqa: BLE001  a bug in one cell must not take the others' wheels with it
        diary.print(traceback.format_exc())
        status, failure = Status.FAILED, diary.failure(Reason.INTERNAL, f"{type(bug).__name__}: {bug}")
    if status is Status.FAILED and shop.is_cancelled():
        status, failure = Status.CANCELLED, None
    failure = None if failure is None else diary.advised(failure)
    found = shop.places(job)
    place = None if isinstance(found, MachineError) else found
    interpreter = None if place is None else place.facts.interpreter(job.directories)
    outcome = Outcome(
        cell=job.cell,
        status=status,
        seconds=time.monotonic() - began - diary.waited,
        steps=diary.steps,
        failure=failure,
        wheel=delivery.wheel,
        reused_from=None if delivery.reused is None else delivery.reused.builder,
        image=None if place is None else place.reference,
        image_id=None if place is None else place.image.id,
        python_version=diary.python_version or (None if interpreter is None else interpreter.version),
        log=shop.log_path(job),
        compiler_cache=diary.compiler_cache,
    )
    shop.preparations.release(job)
    shop.shelf.finish(job.cell)
    shop.emit(CellFinished(at=shop.clock(), outcome=outcome))
    return outcome


def _try_twice(job: Job, shop: RunContext, diary: StepRunner, seat: Slot) -> Delivery:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _perform(job, shop, diary, seat)
        except RetryCell as gone:  # noqa: PERF203  two turns
            if attempt == ATTEMPTS or shop.is_cancelled():
                raise diary.failed(Reason.ENGINE, gone.message, hint=gone.hint) from gone
            text = f"{gone.message}; running the cell once more"
            shop.emit(Notice(at=shop.clock(), text=text, cell=job.cell, is_warning=True))
            _wait_for_engine(shop)
        except WheelRejected as rejected:
            raise diary.failed(Reason.REJECTED, rejected.message, hint=rejected.hint) from rejected
        except OutputError as broken:
            raise diary.failed(Reason.OUTPUT, broken.message, hint=broken.hint) from broken
        except MachineError as broken:
            raise diary.failed(Reason.ENGINE, broken.message, hint=broken.hint) from broken
    raise AssertionError  # pragma: no cover


def _check_running(shop: RunContext) -> None:
    """Raise RetryCell after a stop: the engine may not have come to removing a container that waited for its turn."""
    if shop.is_cancelled():
        raise RetryCell("the run was stopped before the cell's turn came")


def _wait_for_engine(shop: RunContext) -> None:
    """Give a daemon that is being restarted, which ends every container, the time to come back."""
    deadline = time.monotonic() + RESTART_SECONDS
    while time.monotonic() < deadline and not shop.is_cancelled():
        try:
            shop.engine.check()
        except MachineError:  # noqa: PERF203  it answers at once when it can
            time.sleep(1)
        else:
            return


def _perform(job: Job, shop: RunContext, diary: StepRunner, seat: Slot) -> Delivery:
    place = shop.places(job)
    if isinstance(place, MachineError):
        raise place
    problem = place.problem(job)
    if problem is not None:
        raise diary.failed(Reason.MISSING_TOOL, problem.message, hint=problem.hint)
    shop.preparations.wait(job, shop.is_cancelled)
    failed = shop.preparations.failed_by(job)
    if failed is not None:
        diary.enter(StepKind.BEFORE_ALL)
        message = f"before-all failed for this image, in {failed.by}: {failed.failure.message}"
        raise diary.failed(failed.failure.reason, message, hint=f"see {failed.by}")
    reused = shop.shelf.find(job.cell)
    if reused is not None and not has_tests(job.cell, job.settings) and not shop.preparations.is_preparer(job):
        return Delivery(reused=reused)
    prepared = shop.preparations.prepared(job)
    spec = container_spec(job, place.image, shop.supplies, prepared)
    with ExitStack() as stack:
        with diary.step(StepKind.PREPARE, f"open {place.display_name}"):
            container = _open(job, shop, spec, prepared, stack)
        try:
            complete = with_interpreter(job, place, diary, container)
            attempt = Attempt(job, shop, diary, complete, container)
            attempt.bring_source()
            with diary.turn(seat):
                _check_running(shop)
                # While it waited, another cell may have published a wheel that serves it.
                return attempt.serve(reused or shop.shelf.find(job.cell), seat)
        except RetryCell:
            raise
        except Exception:
            if job.settings[DEBUG_KEEP_CONTAINER] and not shop.is_cancelled():
                diary.advise(keep_container(container, job.cell, shop.engine.name))
            raise


def _open(
    job: Job, shop: RunContext, spec: ContainerSpec, prepared: PreparedImage | None, stack: ExitStack
) -> Container:
    """Open the container. If an earlier run's image cannot be: make that anew. Raise RetryCell then."""
    try:
        return stack.enter_context(shop.spares.open(spec))
    except MachineError as error:
        if prepared is None or not prepared.is_kept or shop.is_cancelled():
            raise
        shop.preparations.reject(job, prepared)
        raise RetryCell(
            f"the image that before-all prepared in an earlier run cannot be used: {error.message}"
        ) from error
