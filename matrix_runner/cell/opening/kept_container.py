"""The container of a failed cell, kept for people with all that a shell in it needs (`debug-keep-container`)."""

import time

from matrix_runner.cell.run_context import RunContext
from matrix_runner.cell.steps import CellFailed, StepRunner
from matrix_runner.config.options.run_options import DEBUG_KEEP_CONTAINER
from matrix_runner.container.debug_container import keep_container
from matrix_runner.container.kept_cell import KeptCell, KeptCommand
from matrix_runner.engine.api import Container
from matrix_runner.matrix import Job
from matrix_runner.model.outcomes import Reason
from matrix_runner.recipe.commands import passed_variables


def keep_after(error: Exception, container: Container, job: Job, context: RunContext, steps: StepRunner) -> None:
    """Keep the container in which a cell failed, if the user wants that: the first of a cell's."""
    # Whoever visits a cell has been in its container.
    is_seen = context.request.visit is not None or steps.kept is not None
    if not job.settings[DEBUG_KEEP_CONTAINER] or context.is_cancelled or is_seen:
        return
    request, redactor = context.request, context.redactor
    failure = error.failure if isinstance(error, CellFailed) else steps.failure(Reason.INTERNAL, "")
    passed = passed_variables(job.settings, request.inputs.environ)
    commands = {file: KeptCommand.of(step, passed, redactor) for file, step in steps.evaluated.items()}
    note = KeptCell(
        cell=job.cell.local,
        project=request.inputs.identity,
        run=request.run,
        at=time.time(),
        root=container.root,
        step=failure.step,
        last=None if steps.last is None else KeptCommand.of(steps.last, passed, redactor),
        evaluated=commands,
    )
    kept = keep_container(container, note, job.cell.stem)
    steps.kept = kept.place
    steps.advise(kept.message)
