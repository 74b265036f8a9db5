"""The progress of every cell of a run, derived from its events; common to the consoles."""

from enum import Enum

import msgspec
from msgspec.structs import replace

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
    Transfer,
    WaitEnded,
    WaitProgressed,
    WaitStarted,
)
from matrix_runner.model.outcomes import Outcome, StepKind
from matrix_runner.report.phrases import is_failed, transferred


class CellPhase(Enum):
    """The phase of a cell."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"


class CellProgress(msgspec.Struct, frozen=True, kw_only=True):
    """A cell's progress. Times are seconds since the run began; `detail` is its latest safe output line.

    `waited`: the seconds for which its container was open before it had a worker.
    """

    cell: Cell
    phase: CellPhase = CellPhase.QUEUED
    started: float = 0.0
    step: StepKind | None = None
    step_started: float = 0.0
    waited: float = 0.0
    outcome: Outcome | None = None
    detail: str = ""

    @property
    def is_failed(self) -> bool:
        """Whether the cell ended without a wheel, for a cause of its own."""
        return self.outcome is not None and is_failed(self.outcome)


class RunProgress:
    """The progress of a run. Cells are in plan order; one that is not in the plan is appended."""

    def __init__(self) -> None:
        self._cells: dict[Cell, CellProgress] = {}
        self._waits: dict[str, float] = {}
        self._transfers: dict[str, tuple[float, Transfer]] = {}
        self._emulated: frozenset[Cell] = frozenset()
        self._prepared: dict[Cell, float] = {}
        self.expected: dict[Cell, float] = {}
        """Seconds that cells are expected to take, as far as earlier runs tell."""
        self.workers = 0
        self.done = 0
        """The number of ended cells."""
        self.width = 0
        """Width of the longest identifier, in columns."""
        self.now = 0.0
        """The latest time of any event; never decreases, even if workers report out of order."""

    def handle(self, event: Event) -> None:
        """Update from one event."""
        self.now = max(self.now, event.at)
        match event:
            case RunStarted():
                self._cells = {cell: self._cells.get(cell, CellProgress(cell=cell)) for cell in event.cells}
                self.width = max((len(str(cell)) for cell in event.cells), default=0)
                self._emulated = frozenset(event.emulated)
                self.expected = dict(zip(event.cells, event.expected, strict=False))
                self.workers = event.workers
            case WaitStarted() | WaitProgressed() | WaitEnded():
                self._wait(event)
            case CellStarted():
                self._cells[event.cell] = CellProgress(cell=event.cell, phase=CellPhase.RUNNING, started=event.at)
            case StepStarted():
                known = self._cells.get(event.cell)
                # Not `replace`, which inspects the fields each time: a cell has a dozen steps.
                self._cells[event.cell] = CellProgress(
                    cell=event.cell,
                    phase=CellPhase.RUNNING,
                    started=event.at if known is None else known.started,
                    step=event.kind,
                    step_started=event.at,
                    outcome=None if known is None else known.outcome,
                    waited=self._waited(known, event),
                    detail=event.command or "",
                )
            case CellFinished():
                cell = event.outcome.cell
                known = self._cells.get(cell) or CellProgress(cell=cell)
                self.width = max(self.width, len(str(cell)))
                self.done += known.phase is not CellPhase.DONE
                self._cells[cell] = replace(known, phase=CellPhase.DONE, outcome=event.outcome)
            case StepFinished():
                if event.kind is StepKind.PREPARE:
                    self._prepared[event.cell] = event.at
                    known = self._cells.get(event.cell)
                    if known is not None:
                        self._cells[event.cell] = replace(known, detail="ready, waits for a worker")
            case Output() | Notice() | RunFinished() | Tick():
                pass

    def _wait(self, event: WaitStarted | WaitProgressed | WaitEnded) -> None:
        match event:
            case WaitStarted():
                self._waits[event.text] = event.at
            case WaitProgressed():
                first = self._transfers.get(event.text, (event.at, event.transfer))[0]
                self._transfers[event.text] = (first, event.transfer)
            case WaitEnded():
                self._waits.pop(event.text, None)
                self._transfers.pop(event.text, None)

    def _waited(self, known: CellProgress | None, event: StepStarted) -> float:
        """Return how long a cell has waited for a worker: between its preparation and what comes next."""
        waited = 0.0 if known is None else known.waited
        since = self._prepared.pop(event.cell, None)
        return waited if since is None or event.kind is StepKind.PREPARE else waited + event.at - since

    @property
    def cells(self) -> tuple[CellProgress, ...]:
        """Every cell, in plan order."""
        return tuple(self._cells.values())

    @property
    def waits(self) -> tuple[tuple[str, float], ...]:
        """The work for which cells wait, and what of it has come, each with the time of its start."""
        return tuple((f"{text}{self._transferred(text)}", began) for text, began in self._waits.items())

    def _transferred(self, text: str) -> str:
        first, transfer = self._transfers.get(text, (0.0, None))
        return "" if transfer is None else f": {transferred(transfer, self.now - first)}"

    def is_emulated(self, cell: Cell) -> bool:
        """Whether an emulator runs a cell."""
        return cell in self._emulated

    def __len__(self) -> int:
        return len(self._cells)

    def of(self, phase: CellPhase) -> tuple[CellProgress, ...]:
        """Return the cells in a phase, in plan order."""
        return tuple(cell for cell in self._cells.values() if cell.phase is phase)
