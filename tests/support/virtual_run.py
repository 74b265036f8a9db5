"""A batch of tasks played by the scheduler's own state machine, `Turns`, with a clock that jumps to the next event."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Protocol

from matrix_runner.schedule import Capacity, Task
from matrix_runner.schedule.turns import AHEAD, Turns
from matrix_runner.schedule.waiting_tasks import Entry


@dataclass(frozen=True, kw_only=True, slots=True)
class Timing:
    """What a task takes, in seconds: before it needs its slots, with them, and after it gave them back."""

    work: float
    opening: float = 0.0
    closing: float = 0.0


class Course(Protocol):
    """What becomes of tasks. They are told by their numbers, nodes too."""

    def timing(self, number: int, node: int) -> Timing:
        """Return what a task takes at a node where it begins."""
        ...

    def ended(self, number: int, node: int) -> bool:
        """Hear that a task has ended; return whether it goes back to the queue."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """Something that a task did at a time: it began, or got its slots to work."""

    at: float
    task: int
    node: int
    is_work: bool


@dataclass(kw_only=True, slots=True)
class Attempt:
    """A task at a node. `is_over`: its later events mean nothing."""

    entry: Entry
    timing: Timing
    began: float
    is_over: bool = False


@dataclass(kw_only=True)
class VirtualRun:
    """A run without threads. `now`: in seconds since its start.

    `seconds`: of the processor, for all decisions. `is_recorded`: whether `steps` tells everything that happened.
    """

    course: Course
    turns: Turns[object]
    is_recorded: bool = True
    now: float = 0.0
    seconds: float = 0.0
    steps: list[Step] = field(default_factory=list)
    attempts: dict[int, Attempt] = field(default_factory=dict)
    """By the number of the task, of those that have begun and not ended."""
    _events: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _count: int = 0

    @classmethod
    def of(
        cls, tasks: Sequence[Task[object]], nodes: Sequence[Capacity], course: Course, *, ahead: int = AHEAD
    ) -> "VirtualRun":
        """Return a run of tasks that has not begun."""
        began = time.process_time()
        turns = Turns(tasks, nodes, ahead=ahead)
        return cls(course=course, turns=turns, seconds=time.process_time() - began)

    def at(self, when: float, action: Callable[[], None]) -> None:
        """Have something done at a time."""
        self._count += 1
        heappush(self._events, (when, self._count, action))

    @property
    def is_over(self) -> bool:
        """Whether nothing will happen any more."""
        return not self._events

    def start(self) -> None:
        """Begin what may begin at once."""
        self._decide(self.turns.settle)

    def advance(self) -> None:
        """Let time pass until the next event."""
        self.now, _, action = heappop(self._events)
        action()

    def play(self) -> None:
        """Play the run to its end."""
        self.start()
        while not self.is_over:
            self.advance()

    def lose(self, number: int, after: float = 0.0) -> None:
        """Stop a task that has begun, wherever it is in its work. `after`: seconds until that is known."""
        attempt = self.attempts[number]
        attempt.is_over = True
        if after:
            self.at(self.now + after, lambda: self._end(attempt))
        else:
            self._end(attempt)

    def poke(self) -> None:
        """Have all refused claims asked again."""
        self._decide(self.turns.reconsider, self.turns.settle)

    def _decide(self, *steps: Callable[[], None]) -> None:
        turns, began = self.turns, time.process_time()
        for step in steps:
            step()
        self.seconds += time.process_time() - began
        while turns.begun:
            self._begin(turns.begun.popleft())
        while turns.granted:
            self._work(self.attempts[turns.granted.popleft().position])

    def _begin(self, entry: Entry) -> None:
        assert entry.node is not None
        timing = self.course.timing(entry.position, entry.node)
        attempt = self.attempts[entry.position] = Attempt(entry=entry, timing=timing, began=self.now)
        self._record(entry, is_work=False)
        if entry.may_go_ahead and not timing.opening:
            self._open(attempt)
        elif entry.may_go_ahead:
            self.at(self.now + timing.opening, lambda: self._open(attempt))
        else:
            self._record(entry, is_work=True)
            self.at(self.now + timing.work, lambda: self._close(attempt))

    def _open(self, attempt: Attempt) -> None:
        if attempt.is_over:
            return
        entry = attempt.entry
        self.turns.use_slots(entry)
        if entry.has_slots:
            self._work(attempt)

    def _work(self, attempt: Attempt) -> None:
        if attempt.is_over:
            return
        self._record(attempt.entry, is_work=True)
        self.at(self.now + attempt.timing.work, lambda: self._leave(attempt))

    def _leave(self, attempt: Attempt) -> None:
        if attempt.is_over:
            return
        if not attempt.timing.closing:
            self._close(attempt)
            return
        self.at(self.now + attempt.timing.closing, lambda: self._close(attempt))
        self._decide(lambda: self.turns.give_back(attempt.entry), self.turns.settle)

    def _close(self, attempt: Attempt) -> None:
        if not attempt.is_over:
            attempt.is_over = True
            self._end(attempt)

    def _end(self, attempt: Attempt) -> None:
        entry = attempt.entry
        assert entry.node is not None
        del self.attempts[entry.position]
        is_again = self.course.ended(entry.position, entry.node)
        self._decide(lambda: self.turns.end(entry, is_queued_again=is_again), self.turns.settle)

    def _record(self, entry: Entry, *, is_work: bool) -> None:
        if self.is_recorded and entry.node is not None:
            self.steps.append(Step(at=self.now, task=entry.position, node=entry.node, is_work=is_work))
