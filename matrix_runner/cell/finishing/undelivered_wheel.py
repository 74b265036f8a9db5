"""A wheel that passed everything and cannot be published: kept with its statement, so that no build is needed again."""

from pathlib import Path

from matrix_runner.cell.finishing.stated_wheel import StatedWheel
from matrix_runner.cell.steps import CellFailed
from matrix_runner.files import write_whole
from matrix_runner.model.outcomes import Failure, UndeliveredWheel, WheelRecord


class NotDelivered(CellFailed):
    """Nothing but the publication of the cell's wheel failed."""

    def __init__(self, failure: Failure, wheel: UndeliveredWheel) -> None:
        super().__init__(failure)
        self.wheel = wheel


def kept_wheel(path: Path, record: WheelRecord, stated: StatedWheel) -> UndeliveredWheel:
    """Return a wheel that stays where it was verified, beside it its statement if there is room for one."""
    try:
        statement = stated.document(record)
    except OSError:
        statement = None
    return keep_beside(path, record, statement)


def keep_beside(path: Path, record: WheelRecord, statement: bytes | None) -> UndeliveredWheel:
    """Return a wheel that stays where it was verified; write its statement, if it has one, beside it."""
    file = path.with_name(f"{path.name}.provenance.json")
    try:
        if statement is not None:
            write_whole(file, statement)
            return UndeliveredWheel(record=record, path=str(path), statement=str(file))
    except OSError:
        pass
    return UndeliveredWheel(record=record, path=str(path))
