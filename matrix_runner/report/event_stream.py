"""Listeners that write events as JSON lines: to events.jsonl, or to standard output."""

from pathlib import Path
from typing import BinaryIO, TextIO, final

from matrix_runner.model.events import CellFinished, Event, Output, RunFinished, RunStarted, Tick
from matrix_runner.report.event_records import event_line
from matrix_runner.report.terminal import LineWriter

NAME = "events.jsonl"


@final
class EventFile:
    """Writes every event to a file, except ticks and output, which is in the cells' logs.

    A write error ends the recording and fails no cell; `problem` is the reason.
    """

    def __init__(self, directory: Path) -> None:
        """`directory`: the report directory. Nothing is written until the run has locked it."""
        self._path = directory / NAME
        self._file: BinaryIO | None = None
        self.problem: str | None = None

    def handle(self, event: Event) -> None:
        """Write the event. The first of a run replaces an earlier run's file."""
        if self.problem is not None or isinstance(event, Output | Tick):
            return
        try:
            if isinstance(event, RunStarted):
                self._path.unlink(missing_ok=True)
                self._file = self._path.open("wb")
            if self._file is None:
                return
            self._file.write(event_line(event))
            if isinstance(event, CellFinished | RunFinished):
                self._file.flush()
        except OSError as error:
            self._note(error)

    def close(self) -> None:
        """Write buffered events and close the file."""
        try:
            if self._file is not None:
                self._file.close()
        except OSError as error:
            self._note(error)

    def _note(self, error: OSError) -> None:
        self.problem = self.problem or f"{self._path} is not complete: {error.strerror or error}"


@final
class JsonConsole:
    """Prints every event but ticks, a JSON object a line, for programs that follow a run (`--progress json`)."""

    def __init__(self, stream: TextIO) -> None:
        """`stream`: used by the main thread only; not closed here."""
        self._out = LineWriter(stream)

    def handle(self, event: Event) -> None:
        """Print the event."""
        if not isinstance(event, Tick):
            self._out.write(event_line(event).decode().removesuffix("\n"))

    def close(self) -> None:
        """No resources to release."""
