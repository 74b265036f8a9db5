"""Events that workers emit during a run, and the `Listener` protocol of the consoles and logs that receive them.

`at` is monotonic seconds since the run began. A recording of the events suffices to rebuild every view and summary.
"""

from collections.abc import Callable
from typing import Protocol

import msgspec

from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import Outcome, StepKind


class RunStarted(msgspec.Struct, frozen=True, kw_only=True):
    """The plan is final: the cells to run, in order; `emulated`: those of them that an emulator runs.

    `expected`: the seconds that each is expected to take, by earlier runs; empty if none tells.
    """

    at: float
    run: str
    cells: tuple[Cell, ...]
    workers: int
    emulated: tuple[Cell, ...] = ()
    expected: tuple[float, ...] = ()


class WaitStarted(msgspec.Struct, frozen=True, kw_only=True):
    """Work began for which cells wait. `text`: what is done, as a sentence without its full stop."""

    at: float
    text: str


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """The state of something that is fetched: bytes and parts (an image's layers), as far as they are known yet."""

    done: int
    total: int
    parts_done: int
    parts: int


OnTransfer = Callable[[Transfer], None]


class WaitProgressed(msgspec.Struct, frozen=True, kw_only=True):
    """What the work with this text waits for has come so far."""

    at: float
    text: str
    transfer: Transfer


class WaitEnded(msgspec.Struct, frozen=True, kw_only=True):
    """The work with this text ended, successfully or not."""

    at: float
    text: str


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """A message for the user, about the run or about one cell."""

    at: float
    text: str
    cell: Cell | None = None
    is_warning: bool = False


class CellStarted(msgspec.Struct, frozen=True, kw_only=True):
    """A worker started the cell. `node`: the name of the engine that runs it, "" if the run has but one."""

    at: float
    cell: Cell
    node: str = ""


class StepStarted(msgspec.Struct, frozen=True, kw_only=True):
    """A step of the cell began; `command` is the command line for the log, as a person would type it."""

    at: float
    cell: Cell
    kind: StepKind
    command: str | None = None


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """A chunk of a cell's command output: raw bytes, cut anywhere. Untrusted."""

    at: float
    cell: Cell
    data: bytes


class StepFinished(msgspec.Struct, frozen=True, kw_only=True):
    """A step ended, successfully or not; the outcome has the result."""

    at: float
    cell: Cell
    kind: StepKind
    seconds: float


class CellFinished(msgspec.Struct, frozen=True, kw_only=True):
    """The cell ended, with its outcome."""

    at: float
    outcome: Outcome


class Tick(msgspec.Struct, frozen=True, kw_only=True):
    """No event arrived for a moment: listeners may redraw or print a sign of life."""

    at: float


class RunFinished(msgspec.Struct, frozen=True, kw_only=True):
    """The last event: every cell has ended. `exit_code`: the process's, unless it ends by another cause."""

    at: float
    exit_code: int


OfRun = RunStarted | Notice | WaitStarted | WaitProgressed | WaitEnded | RunFinished | Tick
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
