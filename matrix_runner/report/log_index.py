"""The index of the logs: where each step's header begins in its cell's log."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from matrix_runner.json_values import decode_with
from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import StepKind

INDEX = "index.jsonl"
"""The file beside the logs with a line for each step."""


_LARGEST: Final = 16 * 1024**2
"""Bytes of an index that are read, which may be anybody's; one of a thousand cells has half a megabyte."""


class IndexLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the index: where a step's header begins in the cell's log, in bytes; `step`: None for the footer."""

    cell: str
    step: str | None
    offset: int


class LogIndex:
    """Writes the index, in batches. Where the disk takes no more of it, readers search the logs."""

    def __init__(self, directory: Path) -> None:
        """`directory`: of the logs. Touch nothing yet."""
        self._path = directory / INDEX
        self._pending: list[IndexLine] = []
        self._encoder = msgspec.json.Encoder()

    def begin(self) -> None:
        """Remove the index of an earlier run, whose places are not those of this one."""
        with suppress(OSError):
            self._path.unlink()

    def add(self, cell: Cell, step: StepKind | None, offset: int) -> None:
        """Note the place of a step's header, or of the footer."""
        self._pending.append(IndexLine(cell=str(cell), step=None if step is None else str(step), offset=offset))

    def flush(self) -> None:
        """Write what was noted since the last time."""
        if not self._pending:
            return
        lines = self._encoder.encode_lines(self._pending)
        self._pending.clear()
        with suppress(OSError), self._path.open("ab") as file:
            file.write(lines)


def read_index(logs: Path) -> Mapping[str, tuple[IndexLine, ...]]:
    """Return the lines of the index in a directory of logs, by identifier; none if it is missing or damaged there."""
    found: dict[str, list[IndexLine]] = {}
    decoder = msgspec.json.Decoder(IndexLine)
    try:
        with (logs / INDEX).open("rb") as file:
            lines = file.read(_LARGEST).splitlines()
    except OSError:
        return {}
    for line in lines:
        # The last line of a run that was killed is torn.
        with suppress(ValueError):
            entry = decode_with(decoder, line)
            found.setdefault(entry.cell, []).append(entry)
    return {cell: tuple(entries) for cell, entries in found.items()}
