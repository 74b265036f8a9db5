"""What workers tell the main thread. A run's whole story is the sequence of these.

`at` is monotonic seconds since the run began. Views, summaries and tests can all be made from a recording.
"""

from dataclasses import dataclass
from typing import Protocol

from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import Outcome, StepKind


@dataclass(frozen=True, kw_only=True, slots=True)
class RunStarted:
    """The plan is final: these cells will run, in this order."""

    at: float
    run: str
    cells: tuple[Cell, ...]
    workers: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """A line that the user should see, about the run or about one cell."""

    at: float
    text: str
    cell: Cell | None = None
    is_warning: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class CellStarted:
    """A worker took this cell."""

    at: float
    cell: Cell


@dataclass(frozen=True, kw_only=True, slots=True)
class StepStarted:
    """A step of the cell began; `command` is what a person would type, for the log."""

    at: float
    cell: Cell
    kind: StepKind
    command: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Output:
    """A piece of what the cell's commands printed: raw bytes, cut anywhere. Not trusted."""

    at: float
    cell: Cell
    data: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class StepFinished:
    """A step ended, well or not; the outcome tells which."""

    at: float
    cell: Cell
    kind: StepKind
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class CellFinished:
    """The cell ended."""

    at: float
    outcome: Outcome


@dataclass(frozen=True, kw_only=True, slots=True)
class Tick:
    """Nothing happened for a moment: listeners may redraw or print a sign of life."""

    at: float


@dataclass(frozen=True, kw_only=True, slots=True)
class RunFinished:
    """The last event: every cell has ended. `exit_code`: the process's, unless it ends by another cause."""

    at: float
    exit_code: int


Event = RunStarted | Notice | CellStarted | StepStarted | Output | StepFinished | CellFinished | RunFinished | Tick


class Listener(Protocol):
    """Hears a run's events, one after another, in the main thread.

    Events of one cell come in their order; between cells there is none. Where several listeners hear a run, the log
    files (`report.cell_logs`) come first, because the others read what was written there.
    """

    def handle(self, event: Event) -> None:
        """Take one event. Must be quick: the run's queue waits for it."""
        ...

    def close(self) -> None:
        """Release what is held and leave the terminal clean. Idempotent; called however the run ended."""
        ...
