"""Interpreters that an image does not hold but can install: PyPy and GraalPy in the manylinux project's images."""

from matrix_runner.cell.steps import StepRunner
from matrix_runner.config.options.run_options import SILENCE_TIMEOUT, STEP_TIMEOUT
from matrix_runner.engine.api import Container, ExecRequest
from matrix_runner.matrix import Job
from matrix_runner.model.outcomes import Reason, StepKind
from matrix_runner.probe.image_probe import ProbedImage, probe_again
from matrix_runner.recipe.step import Step

INSTALL = ("manylinux-interpreters", "ensure")
"""The command of images since 2023-09; it downloads, checks a digest and unpacks to `/opt/python`."""


def with_interpreter(job: Job, place: ProbedImage, diary: StepRunner, container: Container) -> ProbedImage:
    """Return the place with the cell's interpreter in it: installed in the cell's container, if need be.

    Raise CellFailed if it cannot be had, Gone if the container went away.
    """
    wanted = place.to_install(job)
    if wanted is None:
        return place
    argv = (*INSTALL, wanted)
    request = ExecRequest(
        argv=argv, timeout=job.settings[STEP_TIMEOUT] or None, silence=job.settings[SILENCE_TIMEOUT] or None
    )
    diary.run(container, Step(kind=StepKind.PREPARE, request=request, shown=" ".join(argv)))
    found = probe_again(container, place, job)
    problem = found.problem(job)
    if problem is not None:
        raise diary.failed(Reason.MISSING_TOOL, problem.message, hint=problem.hint)
    return found
