"""What follows from the modules of a wheel that turn the GIL on in a free-threaded Python."""

from matrix_runner.cell.steps import ContainerLost, StepRunner
from matrix_runner.config.kinds.values import FreeThreading
from matrix_runner.engine.api import Ending, ExecResult
from matrix_runner.model.outcomes import Reason, StepKind
from matrix_runner.recipe.after_build.gil_check import gil_findings

_NAMED = 5
"""The number of modules that are named."""

_HINT = "declare Py_MOD_GIL_NOT_USED in them, or set free-threading to check"


def judge_gil(answer: FreeThreading, steps: StepRunner, result: ExecResult, output: bytes) -> None:
    """Warn of what the check has found, or raise CellFailed if `free-threading` requires more. Raise ContainerLost.

    `result`, `output`: of the check's step.
    """
    if result.ending is Ending.LOST:
        raise ContainerLost("the container went away while modules were imported")
    found, is_required = gil_findings(output), answer is FreeThreading.REQUIRE
    if not (result.is_success and found.is_complete):
        cause = steps.explained(StepKind.TEST, result, output).cause or result.ending.value
        text = f"the wheel could not be checked for free-threading: {cause}"
        if is_required:
            raise steps.failed(Reason.COMMAND, text)
        steps.warn(text)
    for remark in (*found.remarks[:_NAMED], *_rest(found.remarks)):
        steps.warn(f"free-threading: {remark}")
    if found.enabling:
        names = ", ".join((*found.enabling[:_NAMED], *_rest(found.enabling)))
        text = f"free-threading: the GIL is turned on by {names}"
        if is_required:
            raise steps.failed(Reason.REJECTED, text, hint=_HINT)
        steps.warn(text)


def _rest(names: tuple[str, ...]) -> tuple[str, ...]:
    return (f"and {len(names) - _NAMED} more",) if len(names) > _NAMED else ()
