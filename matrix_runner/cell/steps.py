"""A cell's account of itself: which step it is in, how long each took, what the last words were when one failed."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from matrix_runner.cell.failure_line import failure_line
from matrix_runner.cell.run_context import Slot
from matrix_runner.engine.api import Container, Ending, ExecResult
from matrix_runner.model.cells import Cell
from matrix_runner.model.events import Event, Notice, Output, StepFinished, StepStarted
from matrix_runner.model.outcomes import CompilerCacheUse, Failure, Reason, StepKind, StepTime
from matrix_runner.recipe.auditing import findings
from matrix_runner.recipe.step import Step

_LAST_WORDS = 16 * 1024
"""Bytes of a command's output that are kept to find the line that says why it failed."""


class CellFailed(Exception):
    """The cell ends here; `failure` says why. For the runner only."""

    def __init__(self, failure: Failure) -> None:
        """`failure`: goes into the outcome as it is."""
        super().__init__(failure.message)
        self.failure = failure


class RetryCell(Exception):
    """The container is not there any more. For the runner only."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        """`message`: what was going on when it vanished. `hint`: what the engine advises, if it says more than that."""
        super().__init__(message)
        self.message = message
        self.hint = hint or "something removed the container or restarted the engine; look at the engine's own log"


class StepRunner:
    """Runs and times the steps of one cell, and tells of them."""

    def __init__(self, cell: Cell, *, emit: Callable[[Event], None], clock: Callable[[], float]) -> None:
        """`clock`: monotonic seconds since the run began."""
        self.python_version: str | None = None
        """Of the interpreter that the cell has, which may have been installed for it alone."""
        self.compiler_cache: CompilerCacheUse | None = None
        self.waited = 0.0
        """Seconds in which it had a container and no seat."""
        self._cell = cell
        self._emit = emit
        self._clock = clock
        self._kind = StepKind.PREPARE
        self._times: dict[StepKind, float] = {}
        self._advice: str | None = None

    @property
    def steps(self) -> tuple[StepTime, ...]:
        """The steps so far, each with all the time it took, in the order they first came."""
        return tuple(StepTime(kind=kind, seconds=seconds) for kind, seconds in self._times.items())

    def enter(self, kind: StepKind) -> None:
        """Say which step the cell is in; a failure is laid to it."""
        self._kind = kind

    @contextmanager
    def step(self, kind: StepKind, shown: str) -> Iterator[None]:
        """Time a step, and tell of its start and end."""
        self.enter(kind)
        began = time.monotonic()
        self._emit(StepStarted(at=self._clock(), cell=self._cell, kind=kind, command=shown))
        try:
            yield
        finally:
            seconds = time.monotonic() - began
            self._times[kind] = self._times.get(kind, 0.0) + seconds
            self._emit(StepFinished(at=self._clock(), cell=self._cell, kind=kind, seconds=seconds))

    @contextmanager
    def turn(self, seat: Slot) -> Iterator[None]:
        """Hold the seat; waiting for it is no time of the cell's."""
        began = time.monotonic()
        with seat.taken():
            self.waited += time.monotonic() - began
            yield

    def run(self, container: Container, step: Step) -> None:
        """Run a command of the recipe. Raise CellFailed or RetryCell unless its exit status is 0."""
        last_words = bytearray()

        def hear(data: bytes) -> None:
            last_words.extend(data[-_LAST_WORDS:])
            del last_words[:-_LAST_WORDS]
            self._emit(Output(at=self._clock(), cell=self._cell, data=data))

        with self.step(step.kind, step.shown):
            result = container.exec(step.request, hear)
        if not result.is_success:
            raise self._explain(step, result, bytes(last_words))

    def print(self, text: str) -> None:
        """Put a text of our own into the cell's log."""
        self._emit(Output(at=self._clock(), cell=self._cell, data=text.encode()))

    def remark(self, text: str) -> None:
        """Tell the user something about this cell that is no failure."""
        self._emit(Notice(at=self._clock(), cell=self._cell, text=text, is_warning=True))

    def advise(self, text: str) -> None:
        """Keep something to be said at the end, should the cell fail."""
        self._advice = text

    def advised(self, failure: Failure) -> Failure:
        """Return the failure with what was kept to be said."""
        hint = "; ".join(text for text in (failure.hint, self._advice) if text)
        return replace(failure, hint=hint or None)

    def failure(self, reason: Reason, message: str, hint: str | None = None) -> Failure:
        """Make a failure of the step that the cell is in."""
        return Failure(step=self._kind, reason=reason, message=message, hint=hint)

    def failed(self, reason: Reason, message: str, hint: str | None = None) -> CellFailed:
        """Make the exception that ends the cell, laid to the step that it is in."""
        return CellFailed(self.failure(reason, message, hint))

    def _explain(self, step: Step, result: ExecResult, last_words: bytes) -> Exception:
        match result.ending:
            case Ending.LOST:
                return RetryCell(f"the container went away during {step.kind}")
            case Ending.TIMED_OUT:
                return self.failed(
                    Reason.TIMEOUT,
                    f"stopped after {step.request.timeout:g} s: {step.shown}",
                    hint="give it longer with `step-timeout`, or find out what it waits for",
                )
            case Ending.WENT_SILENT:
                return self.failed(
                    Reason.SILENCE,
                    f"stopped after {step.request.silence:g} s without a word: {step.shown}",
                    hint="give it longer with `silence-timeout`, or find out what it waits for",
                )
            case Ending.OUT_OF_MEMORY:
                return self.failed(
                    Reason.OUT_OF_MEMORY,
                    f"killed for lack of memory: {step.shown}",
                    hint="raise `memory`, or lower `jobs`",
                )
            case Ending.EXITED:
                return self._explain_status(step, result, last_words)

    def _explain_status(self, step: Step, result: ExecResult, last_words: bytes) -> Exception:
        if step.is_verdict and (found := findings(last_words)):
            hint = "define Py_LIMITED_API in all of its code, or build a wheel for each Python"
            return self.failed(Reason.REJECTED, found, hint=hint)
        cause = failure_line(last_words)
        message = f"exit status {result.status}" + (f": {cause}" if cause else "")
        return self.failed(Reason.REJECTED if step.is_verdict else Reason.COMMAND, message)
