"""Listeners that write events as JSON lines: to events.jsonl beside the wheels, or to standard output."""

from pathlib import Path
from typing import BinaryIO, TextIO, final

from matrix_runner.errors import OutputError
from matrix_runner.model.events import CellFinished, Event, Output, RunFinished, Tick
from matrix_runner.report.event_records import event_line
from matrix_runner.report.terminal import LineWriter

NAME = "events.jsonl"


@final
class EventFile:
    """Writes every event to a file but output, which the cells' logs hold, and ticks.

    A disk that refuses ends the recording and harms no cell: `problem` says why.
    """

    def __init__(self, path: Path) -> None:
        """Create the file anew. Raise OutputError where that fails."""
        try:
            path.unlink(missing_ok=True)
            self._file: BinaryIO = path.open("wb")
        except OSError as error:
            raise OutputError(
                f"cannot write {path}: {error.strerror}", hint="Choose another directory with --output-dir."
            ) from error
        self.problem: str | None = None

    def handle(self, event: Event) -> None:
        """Write the event."""
        if self.problem is not None or isinstance(event, Output | Tick):
            return
        try:
            self._file.write(event_line(event))
            if isinstance(event, CellFinished | RunFinished):
                self._file.flush()
        except OSError as error:
            self.problem = error.strerror or str(error)

    def close(self) -> None:
        """Write out what is buffered."""
        try:
            self._file.close()
        except OSError as error:
            self.problem = self.problem or error.strerror or str(error)


@final
class JsonConsole:
    """Prints every event but ticks, a JSON object a line, for programs that follow a run (`--progress json`)."""

    def __init__(self, stream: TextIO) -> None:
        """`stream`: the main thread's own; it is not closed."""
        self._out = LineWriter(stream)

    def handle(self, event: Event) -> None:
        """Print the event."""
        if not isinstance(event, Tick):
            self._out.write(event_line(event).decode().removesuffix("\n"))

    def close(self) -> None:
        """Nothing is held."""
