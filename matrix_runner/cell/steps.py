"""Execution of steps: runs, times and reports each, masks its output, explains its failure."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from msgspec.structs import replace

from matrix_runner.cell.explanations.empty_tests import ran_no_test
from matrix_runner.cell.explanations.limited_api import limited_api_hint
from matrix_runner.cell.step_retries import StepRetries, begins_anew
from matrix_runner.engine.api import Container, Ending, ExecResult
from matrix_runner.model.cells import Cell
from matrix_runner.model.events import Notice, Output, StepFinished, StepStarted
from matrix_runner.model.outcomes import CompilerCacheUse, Failure, Reason, ResultCounts, StepKind, StepTime
from matrix_runner.model.rung_outcomes import RungOutcome
from matrix_runner.recipe.after_build.auditing import read_audit
from matrix_runner.recipe.step import Step
from matrix_runner.redaction.redactor import NO_SECRETS, Redactor
from matrix_runner.request import Visit
from matrix_runner.schedule import Pool, Slot
from matrix_runner.wording import first_of

if TYPE_CHECKING:
    # Only a run in which something fails needs it.
    from matrix_runner.cell.causes.command_cause import Explanation, Surroundings

_LAST_WORDS = 64 * 1024
"""Bytes of a command's last output that are searched for the cause of its failure."""


class CellFailed(Exception):
    """The cell ends with `failure`. Handled by the cell runner only."""

    def __init__(self, failure: Failure) -> None:
        """`failure`: becomes part of the outcome unchanged."""
        super().__init__(failure.message)
        self.failure = failure


class NetworkFailed(CellFailed):
    """A step failed for want of the network, which may be back a moment later."""


class RetryCell(Exception):
    """The attempt failed for a reason that may not recur. Handled by the cell runner only."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        """`message`: the reason. `hint`: for the user, if the last attempt fails for it."""
        super().__init__(message)
        self.message = message
        self.hint = hint


class GiveWay(Exception):
    """Another cell builds the wheel in this one's place; this one then tests it. Handled by the cell runner only."""

    def __init__(self, wheel: str, leader: Cell) -> None:
        """`wheel`: the file name that both make. `leader`: the other cell."""
        super().__init__(wheel)
        self.wheel = wheel
        self.leader = leader


class ContainerLost(RetryCell):
    """The container or the engine has disappeared."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        """`message`: the command under way, and the loss of the container. `hint`: the engine's own advice."""
        advice = "something removed the container or restarted the engine; look at the engine's own log"
        super().__init__(message, hint or advice)


class BeginAnew(RetryCell):
    """A step is tried again that needs another container for it: no attempt was lost by accident."""


class StepRunner:
    """Runs and times the steps of one cell, and emits their events, masking secrets first.

    So they appear neither in the log and its uses (console, store, remote cache) nor in the outcome.
    """

    def __init__(
        self,
        cell: Cell,
        pool: Pool,
        *,
        retries: StepRetries,
        redactor: Redactor = NO_SECRETS,
        visit: Visit | None = None,
    ) -> None:
        """`pool`: hears the events, and has the run's clock. `visit`: of a person who wants to look around."""
        self.python_version: str | None = None
        """Version of the cell's interpreter, which may have been installed for this cell only."""
        self.compiler_cache: CompilerCacheUse | None = None
        self.test_results: ResultCounts | None = None
        self.rungs: tuple[RungOutcome, ...] = ()
        self.waited = 0.0
        """Seconds spent waiting for a slot."""
        self.last: Step | None = None
        """The last command of the recipe that was begun."""
        self.evaluated: dict[str, Step] = {}
        """The latest commands that saved variables, by the file that they wrote."""
        self.kept: str | None = None
        """The image or directory in which the container of a failed attempt is kept."""
        self.look_around: Callable[[], Surroundings] | None = None
        """Tells what the causes of failures are found by, besides a command's output."""
        self._cell = cell
        self._emit = pool.emit
        self._clock = pool.clock
        self._retries = retries
        self._redactor = redactor
        self._visit = visit
        self._kind = StepKind.PREPARE
        self._rung = ""
        self._times: dict[StepKind, StepTime] = {}
        self._advice: list[str] = []

    @property
    def times(self) -> tuple[StepTime, ...]:
        """The steps so far in order of first start, each with its total time."""
        return tuple(self._times.values())

    def enter(self, kind: StepKind) -> None:
        """Enter a step: later failures are attributed to it."""
        self._kind = StepKind.TEST_ON if self._rung else kind

    @contextmanager
    def on_rung(self, name: str) -> Iterator[None]:
        """Count all steps in this context as the test in a clean image. `name`: as `test-on` has it."""
        self._rung = name
        try:
            yield
        finally:
            self._rung = ""

    @contextmanager
    def step(self, kind: StepKind, shown: str) -> Iterator[None]:
        """Time a step, and emit events at its start and end. `shown`: the command as the user would type it."""
        if self._rung:
            kind, shown = StepKind.TEST_ON, f"{self._rung}: {kind}: {shown}"
        self.enter(kind)
        at, began = self._clock(), time.monotonic()
        self._emit(StepStarted(at=at, cell=self._cell, kind=kind, command=self._redactor.text(shown)))
        try:
            yield
        finally:
            seconds = time.monotonic() - began
            earlier = self._times.get(kind) or StepTime(kind=kind, seconds=0.0, began=at)
            self._times[kind] = StepTime(kind=kind, seconds=earlier.seconds + seconds, began=earlier.began)
            self._emit(StepFinished(at=self._clock(), cell=self._cell, kind=kind, seconds=seconds))

    @contextmanager
    def holding(self, slot: Slot) -> Iterator[None]:
        """Hold the slot; waiting for it does not count as the cell's time."""
        began = time.monotonic()
        with slot.acquired():
            self.waited += time.monotonic() - began
            yield

    def run(self, container: Container, step: Step) -> None:
        """Run a command of the recipe. Raise CellFailed or RetryCell unless its exit status is 0."""
        if self._visit is not None and self._visit.is_before(step):
            self._visit.pay(container, step)
            raise self.failed(Reason.COMMAND, f"left before {step.kind}")
        self.last = step
        if step.saves:
            self.evaluated[step.saves] = step
        result, last_words = self.heard(container, step)
        while not result.is_success and not self._is_passed(step, result, last_words):
            failed = self._explain(step, result, last_words)
            if not isinstance(failed, NetworkFailed) or not self._is_tried_again(step, failed):
                if self._visit is not None and isinstance(failed, CellFailed):
                    self._visit.pay(container, step, failed.failure)
                raise failed
            result, last_words = self.heard(container, step)
        if step.kind is StepKind.TEST and ran_no_test(last_words):
            hint = "unittest looks for test*.py where it runs, which is not the project: name a place in {project}"
            raise self._stopped(Reason.COMMAND, f"it ran no test: {step.shown}", hint, last_words)

    def _is_tried_again(self, step: Step, failed: NetworkFailed) -> bool:
        """Wait before another try, and say so; False if it is not to be. Raise BeginAnew if it needs a container."""
        pause = self._retries.pause_before(step.kind)
        if pause is None:
            return False
        text = f"{step.kind}: {failed.failure.message}; trying it again in {pause:g} s"
        self.warn(text)
        self.print(f"\n{text}\n")
        if not self._retries.wait(step.kind, pause):
            return False
        if begins_anew(step.kind):
            raise BeginAnew(failed.failure.message)
        return True

    def _is_passed(self, step: Step, result: ExecResult, last_words: bytes) -> bool:
        """Whether a wheel passes that its auditor refuses without reason; say so."""
        # After an auditor's refusal the shell has not run what follows it.
        is_last = " && " not in step.shown.partition("abi3audit")[2]
        if not step.is_verdict or not is_last or result.ending is not Ending.EXITED:
            return False
        audit = read_audit(last_words)
        if audit.passes_all_the_same:
            self.warn(
                f"abi3audit does not know {first_of(audit.hooks, 3)}, which PEP 793 lets a module export in place of"
                " PyInit_...; apart from that it finds nothing, and the wheel passes"
            )
        return audit.passes_all_the_same

    def heard(self, container: Container, step: Step) -> tuple[ExecResult, bytes]:
        """Run a command of the recipe; return its end, whatever that is, and its last output."""
        last_words = bytearray()
        masked = self._redactor.stream()

        def hear(data: bytes) -> None:
            tell(masked.feed(data))

        def tell(data: bytes) -> None:
            if not data:
                return
            last_words.extend(data[-_LAST_WORDS:])
            del last_words[:-_LAST_WORDS]
            self._emit(Output(at=self._clock(), cell=self._cell, data=data))

        with self.step(step.kind, step.shown):
            result = container.exec(step.request, hear)
            tell(masked.flush())
        return result, bytes(last_words)

    def print(self, text: str) -> None:
        """Write a message into the cell's log."""
        self._emit(Output(at=self._clock(), cell=self._cell, data=self._redactor.text(text).encode()))

    def warn(self, text: str) -> None:
        """Emit a warning about this cell."""
        text = self._redactor.text(text)
        self._emit(Notice(at=self._clock(), cell=self._cell, text=text, is_warning=True))

    def advise(self, text: str) -> None:
        """Record advice for the outcome, in case the cell fails."""
        self._advice.append(text)

    def advised(self, failure: Failure) -> Failure:
        """Return the failure with the recorded advice."""
        hint = "; ".join(text for text in (failure.hint, *self._advice) if text)
        # Masked here too: the explanation of a failed repair does not pass through `failure`.
        return replace(failure, message=self._redactor.text(failure.message), hint=self._redactor.text(hint) or None)

    def failure(self, reason: Reason, message: str, hint: str | None = None) -> Failure:
        """Return a failure of the current step."""
        redactor = self._redactor
        return Failure(
            step=self._kind, reason=reason, message=redactor.text(message), hint=redactor.optional_text(hint)
        )

    def failed(self, reason: Reason, message: str, hint: str | None = None) -> CellFailed:
        """Return the exception that ends the cell with a failure of the current step."""
        return CellFailed(self.failure(reason, message, hint))

    def explained(self, kind: StepKind, result: ExecResult, last_words: bytes) -> "Explanation":
        """Return the cause of a command's failure. `kind`: of its step; `last_words`: its last output, masked."""
        from matrix_runner.cell.causes.command_cause import Surroundings, explain_output

        around = Surroundings() if self.look_around is None else self.look_around()
        return explain_output(last_words, kind, result.status, around)

    def _explain(self, step: Step, result: ExecResult, last_words: bytes) -> Exception:
        match result.ending:
            case Ending.LOST:
                return ContainerLost(f"the container went away during {step.kind}")
            case Ending.TIMED_OUT:
                reason, limit, said = Reason.TIMEOUT, step.limits.time, f"stopped after {step.request.timeout:g} s"
            case Ending.WENT_SILENT:
                said = f"stopped after {step.request.silence:g} s without a word"
                reason, limit = Reason.SILENCE, step.limits.silence
            case Ending.OUT_OF_MEMORY:
                reason, limit, said = Reason.OUT_OF_MEMORY, step.limits.memory, "killed for lack of memory"
            case Ending.EXITED:
                return self._explain_status(step, result, last_words)
        return self._stopped(reason, f"{said}: {step.shown}", limit.limit_hint, last_words)

    def _stopped(self, reason: Reason, message: str, hint: str | None, last_words: bytes) -> CellFailed:
        """Return the failure of a command that did not end by itself, with what it said last."""
        from matrix_runner.cell.causes.output_lines import last_lines

        return CellFailed(replace(self.failure(reason, message, hint), excerpt=last_lines(last_words)))

    def _explain_status(self, step: Step, result: ExecResult, last_words: bytes) -> Exception:
        if step.is_verdict and (found := read_audit(last_words).complaints):
            hint = "define Py_LIMITED_API in all of its code, or build a wheel for each Python"
            return self.failed(Reason.REJECTED, "; ".join(found), hint=hint)
        said = self.explained(step.kind, result, last_words)
        message = f"exit status {result.status}" + (f": {said.cause}" if said.cause else "")
        if said.is_transient and (made := self._retries.made(step.kind)):
            message += f" (at the last of {made + 1} tries)"
        advice = limited_api_hint(last_words, self._cell.interpreter) if step.kind is StepKind.BUILD else None
        failure = self.failure(Reason.REJECTED if step.is_verdict else Reason.COMMAND, message, advice or said.remedy)
        end = NetworkFailed if said.is_transient else CellFailed
        return end(replace(failure, place=said.place, excerpt=said.excerpt))
