"""A small run told as events and outcomes, for the tests of what listens to them."""

from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import Failure, Outcome, Reason, Status, StepKind, StepTime, WheelRecord
from matrix_runner.report.summary.text_summary import RunDirectories

DIRECTORIES = RunDirectories(output="wheelhouse", report="wheelhouse-report")
CP39 = Cell.parse("cp39-manylinux_x86_64")
CP311 = Cell.parse("cp311-manylinux_x86_64")
CP313T = Cell.parse("cp313t-manylinux_i686")


def passed(cell: Cell, seconds: float = 42.0) -> Outcome:
    """Return the outcome of a cell that gave a wheel of 2 KiB."""
    name = f"demo-1.0-{cell.interpreter}-{cell.interpreter}-manylinux_2_31_{cell.platform.arch}.whl"
    return Outcome(
        cell=cell,
        status=Status.PASSED,
        seconds=seconds,
        steps=(StepTime(kind=StepKind.BUILD, seconds=30.0), StepTime(kind=StepKind.TEST, seconds=9.0)),
        wheel=WheelRecord(name=name, size=2048, sha256="0f" * 32, grafted=("liblz4-1a2b.so.1",)),
        log=f"wheelhouse-report/logs/{cell}.log",
    )


def failed(cell: Cell, message: str = "`python -m build` ended with status 1", hint: str | None = None) -> Outcome:
    """Return the outcome of a cell whose build command failed."""
    failure = Failure(step=StepKind.BUILD, reason=Reason.COMMAND, message=message, hint=hint)
    return Outcome(
        cell=cell, status=Status.FAILED, seconds=12.0, failure=failure, log=f"wheelhouse-report/logs/{cell}.log"
    )
