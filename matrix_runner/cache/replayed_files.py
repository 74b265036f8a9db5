"""Files of a cached cell that go into the report again: the results of its tests, its wheel's statement of provenance.

They are masked again, as its log is: a value that is secret today need not have been known as one then.
"""

from contextlib import suppress
from pathlib import Path

from matrix_runner.cell.finishing.statement_file import put_statement
from matrix_runner.cell.run_context import RunContext
from matrix_runner.files import cause_of, write_whole
from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import WheelRecord


def replay_results(kept: Path, cell: Cell, context: RunContext) -> bool:
    """Put the cached results of the cell's tests into the report; return whether that was possible."""
    # Few cells have any.
    from matrix_runner.results.junit_reading import NotJunit, read_suites
    from matrix_runner.results.junit_writing import junit_document

    mask = context.redactor.text
    try:
        data = kept.read_bytes()
        if context.redactor.has_secrets:
            data = junit_document(suite.with_texts(mask, mask) for suite in read_suites(data))
        write_whole(context.request.inputs.tests_dir / f"{cell.stem}.xml", data)
    except (OSError, NotJunit) as error:
        context.notify(f"the results of its tests cannot be shown again: {error}", cell=cell, is_warning=True)
        return False
    return True


def replay_statement(kept: Path | None, wheel: WheelRecord, cell: Cell, context: RunContext) -> WheelRecord:
    """Put the statement of the build that made the wheel into the report; return the wheel's record with its place.

    Say so if there is none: of a cell that an earlier release has cached. One of another wheel of that name goes.
    """
    if kept is not None:
        return put_statement(lambda: _masked(kept.read_bytes(), context), wheel, cell, context)
    context.notify("its wheel has no statement of provenance: it was cached before there were any", cell=cell)
    target = context.request.inputs.statement_of(wheel.name)
    try:
        with suppress(FileNotFoundError):
            target.unlink()
    except OSError as error:
        text = f"the statement of provenance {target} cannot be written: {cause_of(error)}"
        context.notify(text, cell=cell, is_warning=True)
    return wheel


def _masked(data: bytes, context: RunContext) -> bytes:
    """Return a statement with today's secrets masked. Raise OSError for one that cannot be read."""
    if not context.redactor.has_secrets:
        return data
    from matrix_runner.provenance.statement import NoStatement, read_statement, write_statement

    try:
        return write_statement(read_statement(data).masked(context.redactor.text))
    except NoStatement as error:
        raise OSError(str(error)) from error
