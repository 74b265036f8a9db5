"""Log files of the cells: one file per cell with headers and raw output, limited in size."""

from collections.abc import Iterator
from contextlib import suppress
from io import DEFAULT_BUFFER_SIZE
from pathlib import Path
from typing import BinaryIO

import msgspec

from matrix_runner.errors import OutputError
from matrix_runner.model.cells import Cell
from matrix_runner.model.events import (
    CellFinished,
    CellStarted,
    Event,
    Notice,
    Output,
    RunFinished,
    RunStarted,
    StepFinished,
    StepStarted,
    Tick,
    WaitEnded,
    WaitProgressed,
    WaitStarted,
)
from matrix_runner.model.outcomes import Outcome, StepKind
from matrix_runner.report.log_index import LogIndex
from matrix_runner.report.phrases import duration, is_failed
from matrix_runner.wording import size_text

LOG_CAP = 64 * 1024 * 1024
"""Bytes of a cell's output that its log retains from the beginning."""

KEPT_END = 256 * 1024
"""Bytes from the end that a longer log retains too, for the error is there."""

FLUSH = 0.5
"""Seconds until output is flushed to the disk: for `tail -f`, and for diagnosing a killed run."""

HEAD = "=== "
"""The prefix of the log's own lines: the cell, each step, and the footer, which is one line."""


class _Log(msgspec.Struct):
    """An open log: the file, bytes of output so far, and, beyond the cap, the end of the output.

    `size`: of the file; `line_began`: where the latest line of our own begins in it.
    """

    file: BinaryIO
    size: int = 0
    line_began: int = 0
    output: int = 0
    end: bytearray = msgspec.field(default_factory=bytearray)
    left_out: int = 0
    at_line_start: bool = True


class CellLogs:
    """Writes each cell's log to `<directory>/<identifier>.log`: step headers, raw output, a footer.

    A log that grows beyond `cap` bytes retains its beginning and end; memory stays flat. A write error (a full disk)
    harms no cell; `problem` returns it. Beside them is an index of their steps (`LogIndex`). Main thread only.
    """

    def __init__(self, directory: Path, *, cap: int = LOG_CAP) -> None:
        """Create the directory. Raise OutputError if that fails."""
        self._directory = directory
        self._cap = cap
        self._open: dict[Cell, _Log] = {}
        self._begun: set[Cell] = set()
        self._problems: dict[Cell, str] = {}
        self._flushed = 0.0
        self._index = LogIndex(directory)
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"cannot make the directory for logs, {directory}: {error.strerror}",
                hint="Choose another one with --report-dir.",
            ) from error

    def path(self, cell: Cell) -> Path:
        """Return the path of the cell's log, whether it exists or not."""
        return self._directory / f"{cell.stem}.log"

    def has(self, cell: Cell) -> bool:
        """Whether this run has written a log for the cell."""
        return cell in self._begun

    def problem(self, cell: Cell) -> str | None:
        """Return the write error that left the cell's log incomplete, or None."""
        return self._problems.get(cell)

    def handle(self, event: Event) -> None:
        """Write an event to its cell's log."""
        match event:
            case Output():
                self._write_output(event.cell, event.data)
            case CellStarted():
                self._write_line(event.cell, f"{HEAD}{event.cell}{f' on {event.node}' if event.node else ''}")
            case StepStarted():
                command = f": {event.command}" if event.command else ""
                self._write_line(event.cell, f"{HEAD}{event.kind}{command}")
                self._add_to_index(event.cell, event.kind)
            case Notice():
                if event.cell is not None:
                    self._write_line(event.cell, f"--- {event.text}")
            case CellFinished():
                self._finish(event.outcome)
            case RunStarted():
                self._index.begin()
            case WaitStarted() | WaitProgressed() | WaitEnded() | StepFinished() | RunFinished() | Tick():
                pass
        self._flush_if_due(event.at)

    def close(self) -> None:
        """Close all open logs, as after an interruption."""
        for cell in tuple(self._open):
            self._close(cell)
        self._index.flush()

    def tail(self, cell: Cell, count: int) -> bytes:
        """Return the last `count` bytes, or fewer, of the cell's log so far."""
        log = self._open.get(cell)
        if log is not None and log.left_out:
            return bytes(log.end[-count:])
        return b"".join(self._read(cell, last=count))

    def read(self, cell: Cell) -> Iterator[bytes]:
        """Yield the cell's whole log in chunks; nothing if there is no log."""
        yield from self._read(cell, last=None)

    def _read(self, cell: Cell, *, last: int | None) -> Iterator[bytes]:
        if cell not in self._begun:
            return
        try:
            log = self._open.get(cell)
            if log is not None:
                log.file.flush()
            with self.path(cell).open("rb") as file:
                if last is not None:
                    file.seek(max(file.seek(0, 2) - last, 0))
                # Not `files.read_chunks`: every cell's log passes here, and a generator more adds to each piece.
                while chunk := file.read(64 * 1024):
                    yield chunk
        except OSError as error:
            self._problems.setdefault(cell, error.strerror or str(error))

    def _write_output(self, cell: Cell, data: bytes) -> None:
        log = self._log(cell)
        if log is None or not data:
            return
        room = max(self._cap - log.output, 0)
        log.output += len(data)
        if room:
            self._write(cell, log, data[:room])
        if len(data) > room:
            log.left_out += len(data) - room
            # Extended in place: output comes in small pieces, and copying the end for each takes seconds for a
            # gigabyte.
            log.end += data[room:][-KEPT_END:]
            if len(log.end) >= 2 * KEPT_END:
                del log.end[:-KEPT_END]

    def _write_line(self, cell: Cell, text: str) -> None:
        log = self._log(cell)
        if log is None:
            return
        line = text.replace("\n", "\n    ").encode(errors="surrogateescape") + b"\n"
        if log.left_out:
            self._write_end(cell, log)
        if not log.at_line_start:
            self._write(cell, log, b"\n")
        log.line_began = log.size
        self._write(cell, log, line)

    def _write_end(self, cell: Cell, log: _Log) -> None:
        """Write the retained end, behind a notice, and continue with an empty one."""
        end = bytes(log.end[-KEPT_END:])
        gap = log.left_out - len(end)
        log.end, log.left_out = bytearray(), 0
        if gap:
            notice = f"--- {size_text(gap)} of output left out here: a log keeps {size_text(self._cap)} and the end\n"
            self._write(cell, log, notice.encode() if log.at_line_start else b"\n" + notice.encode())
        self._write(cell, log, end)

    def _add_to_index(self, cell: Cell, step: StepKind | None) -> None:
        """Note the place of the line that was just written, of a step or of the log's end."""
        log = self._open.get(cell)
        if log is not None:
            self._index.add(cell, step, log.line_began)

    def _finish(self, outcome: Outcome) -> None:
        cell = outcome.cell
        if cell not in self._begun and not is_failed(outcome):
            return
        text = f"{HEAD}{outcome.status} after {duration(outcome.seconds)}"
        if outcome.failure is not None:
            text += (
                f", in {outcome.failure.step} ({outcome.failure.reason}): {' '.join(outcome.failure.message.split())}"
            )
        self._write_line(cell, text)
        self._add_to_index(cell, None)
        self._close(cell)

    def _log(self, cell: Cell) -> _Log | None:
        """Return the cell's open log, opened if necessary; the first opening replaces an old run's file."""
        log = self._open.get(cell)
        if log is not None or cell in self._problems:
            return log
        path = self.path(cell)
        try:
            file = self._open_file(path, is_new=cell not in self._begun)
            log = _Log(file=file, size=file.tell())
        except OSError as error:
            self._problems[cell] = error.strerror or str(error)
            return None
        self._begun.add(cell)
        self._open[cell] = log
        return log

    def _open_file(self, path: Path, *, is_new: bool) -> BinaryIO:
        if is_new:
            with suppress(FileExistsError):
                return path.open("xb", buffering=DEFAULT_BUFFER_SIZE)
            # Not truncated: whoever reads the old one, or has linked it elsewhere, keeps it.
            path.unlink()
        return path.open("ab", buffering=DEFAULT_BUFFER_SIZE)

    def _write(self, cell: Cell, log: _Log, data: bytes) -> None:
        try:
            log.file.write(data)
        except OSError as error:
            self._problems.setdefault(cell, error.strerror or str(error))
            self._close(cell)
            return
        log.size += len(data)
        log.at_line_start = data.endswith(b"\n")

    def _flush_if_due(self, at: float) -> None:
        if at - self._flushed >= FLUSH:
            self._flushed = at
            for cell in tuple(self._open):
                self._flush(cell)
            self._index.flush()

    def _flush(self, cell: Cell) -> None:
        try:
            self._open[cell].file.flush()
        except OSError as error:
            self._problems.setdefault(cell, error.strerror or str(error))
            self._close(cell)

    def _close(self, cell: Cell) -> None:
        log = self._open.pop(cell, None)
        if log is None:
            return
        try:
            with log.file:
                if log.left_out:
                    self._write_end(cell, log)
        except OSError as error:
            self._problems.setdefault(cell, error.strerror or str(error))
