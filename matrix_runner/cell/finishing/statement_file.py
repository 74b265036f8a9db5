"""The file of a wheel's statement of provenance in the report; apart, as runs with nothing new need only this."""

from collections.abc import Callable

from msgspec.structs import replace

from matrix_runner.cell.run_context import RunContext
from matrix_runner.files import cause_of, write_whole
from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import WheelRecord
from matrix_runner.wheelhouse.report_directory import PROVENANCE


def put_statement(made: Callable[[], bytes], wheel: WheelRecord, cell: Cell, context: RunContext) -> WheelRecord:
    """Write the statement of a wheel into the report; return the wheel's record with its place. Warn if that fails.

    `made`: makes or reads the statement; may raise OSError.
    """
    target = context.request.inputs.statement_of(wheel.name)
    try:
        write_whole(target, made())
    except OSError as error:
        text = f"the statement of provenance {target} cannot be written: {cause_of(error)}"
        context.notify(text, cell=cell, is_warning=True)
        return wheel
    return replace(wheel, provenance=f"{PROVENANCE}/{target.name}")
