"""Events that workers emit during a run, and the `Listener` protocol of the consoles and logs that receive them.

`at` is monotonic seconds since the run began. A recording of the events suffices to rebuild every view and summary.
"""

from dataclasses import dataclass
from typing import Protocol

from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import Outcome, StepKind


@dataclass(frozen=True, kw_only=True, slots=True)
class RunStarted:
    """The plan is final: the cells to run, in order; `emulated`: those of them that an emulator runs."""

    at: float
    run: str
    cells: tuple[Cell, ...]
    workers: int
    emulated: tuple[Cell, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class WaitStarted:
    """Work began for which cells wait. `text`: what is done, as a sentence without its full stop."""

    at: float
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class WaitEnded:
    """The work with this text ended, successfully or not."""

    at: float
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """A message for the user, about the run or about one cell."""

    at: float
    text: str
    cell: Cell | None = None
    is_warning: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class CellStarted:
    """A worker started the cell."""

    at: float
    cell: Cell


@dataclass(frozen=True, kw_only=True, slots=True)
class StepStarted:
    """A step of the cell began; `command` is the command line for the log, as a person would type it."""

    at: float
    cell: Cell
    kind: StepKind
    command: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Output:
    """A chunk of a cell's command output: raw bytes, cut anywhere. Untrusted."""

    at: float
    cell: Cell
    data: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class StepFinished:
    """A step ended, successfully or not; the outcome has the result."""

    at: float
    cell: Cell
    kind: StepKind
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class CellFinished:
    """The cell ended, with its outcome."""

    at: float
    outcome: Outcome


@dataclass(frozen=True, kw_only=True, slots=True)
class Tick:
    """No event arrived for a moment: listeners may redraw or print a sign of life."""

    at: float


@dataclass(frozen=True, kw_only=True, slots=True)
class RunFinished:
    """The last event: every cell has ended. `exit_code`: the process's, unless it ends by another cause."""

    at: float
    exit_code: int


OfRun = RunStarted | Notice | WaitStarted | WaitEnded | RunFinished | Tick
OfCell = CellStarted | StepStarted | Output | StepFinished | CellFinished
Event = OfRun | OfCell


class Listener(Protocol):
    """A receiver of a run's events: one event at a time, in the main thread.

    Events of one cell arrive in order; between cells there is no order. Among several listeners, the log files
    (`report.cell_logs`) come first, because the others read them.
    """

    def handle(self, event: Event) -> None:
        """Process one event. Must be quick: the event queue waits for it."""
        ...

    def close(self) -> None:
        """Release resources and restore the terminal. Idempotent; called however the run ended."""
        ...
