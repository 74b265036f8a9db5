"""Installation of interpreters missing in an image: PyPy and GraalPy by `manylinux-interpreters`."""

from matrix_runner.cell.steps import StepRunner
from matrix_runner.engine.api import Container, ExecRequest
from matrix_runner.matrix import Job
from matrix_runner.model.outcomes import Reason, StepKind
from matrix_runner.probe.image_probe import ProbedImage, probe_again
from matrix_runner.recipe.step import Step, limits_of

INSTALL = ("manylinux-interpreters", "ensure")
"""The command of images since 2023-09: it downloads, checks a digest and unpacks to `/opt/python`."""


def with_interpreter(job: Job, image: ProbedImage, steps: StepRunner, container: Container) -> ProbedImage:
    """Return the image with the cell's interpreter in it, installed in the cell's container if necessary.

    Raise CellFailed if it is unavailable, ContainerLost or ImageError if the container is lost.
    """
    wanted = image.to_install(job)
    if wanted is None:
        return image
    argv = (*INSTALL, wanted)
    limits = limits_of(StepKind.PREPARE)
    timeout, silence = limits.seconds(job.settings), limits.seconds_of_silence(job.settings)
    request = ExecRequest(argv=argv, timeout=timeout, silence=silence)
    steps.run(container, Step(kind=StepKind.PREPARE, request=request, shown=" ".join(argv)))
    found = probe_again(container, image, job)
    problem = found.problem(job)
    if problem is not None:
        raise steps.failed(Reason.MISSING_TOOL, problem.message, hint=problem.hint)
    return found
