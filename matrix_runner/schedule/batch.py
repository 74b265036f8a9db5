"""A batch of tasks run by threads: they wait for tasks to run and for slots, as the batch's `Turns` say."""

import threading
from collections.abc import Sequence
from typing import Generic, TypeVar, final

from matrix_runner.schedule.loads import Capacity
from matrix_runner.schedule.signals import Interrupt
from matrix_runner.schedule.task import Again, Task
from matrix_runner.schedule.turns import Turns
from matrix_runner.schedule.waiting_tasks import Entry

R = TypeVar("R")


class Batch(Generic[R]):
    """An ordered batch of tasks, run by every thread that calls `work`."""

    def __init__(
        self,
        tasks: Sequence[Task[R]],
        nodes: Sequence[Capacity],
        lock: threading.RLock,
        interrupt: Interrupt,
        *,
        ahead: int,
    ) -> None:
        """`nodes`: the total capacity of each. `ahead`: at each of them. `lock`: the pool's; guards all state here."""
        self._tasks = tasks
        self._lock = lock
        self._begun = threading.Condition(lock)
        """Notified of begun tasks, for idle workers. One notification wakes one worker: waking is expensive."""
        self._interrupt = interrupt
        self._crash: BaseException | None = None
        self._results: dict[int, R] = {}
        self._is_stopped = False
        self._turns = Turns(tasks, nodes, ahead=ahead, is_ending=lambda: self._is_ending)
        self._waiting: dict[Entry, threading.Condition] = {}
        """Of the tasks whose threads wait for slots."""
        self.workers_left = 0
        for entry, task in zip(self._turns.entries, tasks, strict=True):
            if task.slot is not None:
                task.slot.bind(_SlotHandle(self, entry))

    @property
    def threads(self) -> int:
        """Threads needed: for tasks with slots, tasks ahead of their turn or without slots, and tasks that clean up."""
        nodes = self._turns.nodes
        most = sum(node.total.slots for node in nodes)
        if any(task.slot is not None for task in self._tasks):
            most = 2 * most + sum(node.ahead_limit for node in nodes)
        most += sum(not task.takes_slot for task in self._tasks)
        return min(most, len(self._tasks))

    def stop(self) -> None:
        """Start no more tasks."""
        with self._lock:
            self._is_stopped = True
            self._wake_all()

    def settle(self) -> None:
        """Decide what follows from the last steps, and wake the threads that go on."""
        turns = self._turns
        with self._lock:
            before = len(turns.begun)
            try:
                turns.settle()
            except BaseException as crash:  # noqa: BLE001  a claim that fails is a bug: the main thread raises it
                self._crash, self._is_stopped = crash, True
            if turns.is_stuck and not self._is_ending:
                self._crash = AssertionError("tasks wait for each other, and none runs")
                self._is_stopped = True
            while turns.granted:
                self._waiting[turns.granted.popleft()].notify_all()
            if self._is_ending:
                self._wake_all()
            elif not turns.unbegun:
                self._begun.notify_all()
            else:
                self._begun.notify(len(turns.begun) - before)

    def reconsider(self) -> None:
        """Have all refused claims asked again."""
        with self._lock:
            self._turns.reconsider()
            self.settle()

    def dismiss_worker(self) -> None:
        """Count a worker as finished."""
        with self._lock:
            self.workers_left -= 1

    def results(self) -> tuple[R | None, ...]:
        """Return the result of each task. Raise an exception from a task or a claim, which is a bug."""
        if self._crash is not None:
            raise self._crash
        return tuple(self._results.get(position) for position in range(len(self._tasks)))

    def work(self) -> None:
        """Run tasks in the calling thread until there are none left to start."""
        try:
            while (entry := self._take()) is not None:
                task = self._tasks[entry.position]
                result = task.run()
                with self._lock:
                    if not isinstance(result, Again):
                        self._results[entry.position] = result
                    self._turns.end(entry, is_queued_again=isinstance(result, Again))
                    self.settle()
                if task.slot is not None and not isinstance(result, Again):
                    task.slot.unbind()
        except BaseException as crash:  # noqa: BLE001  a worker must not die silently: the main thread raises it
            self._crash = crash
            self.stop()

    @property
    def _is_ending(self) -> bool:
        # Asked here too: after an interrupt ends a task, no other must start before `stop` is called.
        return self._is_stopped or self._interrupt.is_requested

    def _take(self) -> Entry | None:
        """Wait for a begun task without a thread; return None when no more will come."""
        turns = self._turns
        with self._lock:
            while not self._is_ending:
                if turns.begun:
                    return turns.begun.popleft()
                if not turns.unbegun:
                    break
                self._begun.wait()
            return None

    def _wake_all(self) -> None:
        self._begun.notify_all()
        for turn in self._waiting.values():
            turn.notify_all()

    def enter(self, entry: Entry) -> None:
        """Wait until the task has its slots or the run is stopped."""
        turns = self._turns
        with self._lock:
            turns.ask_for_slots(entry)
            self.settle()
            turns.use_slots(entry)
            # Made when it is needed: a condition takes more than a kilobyte, and there are thousands of tasks.
            while not entry.has_slots and not self._is_ending:
                self._waiting.setdefault(entry, threading.Condition(self._lock)).wait()
            self._waiting.pop(entry, None)

    def leave(self, entry: Entry) -> None:
        """Release the task's slots and assign them to the next tasks."""
        with self._lock:
            self._turns.give_back(entry)
            self.settle()

    def share(self, entry: Entry) -> int:
        """Return the task's slots plus its part of those that no task can use now.

        The extra slots are not reserved: if another task starts, both use them until this task's tools are next
        started.
        """
        with self._lock:
            return self._turns.share(entry)


@final
class _SlotHandle:
    """The batch's side of a `Slot`, for one task."""

    __slots__ = ("_batch", "_entry")

    def __init__(self, batch: Batch[R], entry: Entry) -> None:
        self._batch = batch
        self._entry = entry

    def enter(self) -> None:
        self._batch.enter(self._entry)

    def leave(self) -> None:
        self._batch.leave(self._entry)

    @property
    def share(self) -> int:
        return self._batch.share(self._entry)
