"""The shared state of a batch of tasks: queue, free slots and memory, waiting threads, results."""

import threading
from collections.abc import Sequence
from typing import Generic, TypeVar, final

from msgspec.structs import replace

from matrix_runner.schedule.batch_state import BatchState, Entry
from matrix_runner.schedule.next_task import Capacity, next_ahead, next_for_slots, overtaken_by
from matrix_runner.schedule.signals import Interrupt
from matrix_runner.schedule.task import Again, Task

R = TypeVar("R")

AHEAD = 2
"""Tasks that may begin before their slots are free: the next containers open while the current cells run. Two, since
cells that began together often end together; never more than there are slots."""


class Batch(Generic[R]):
    """An ordered batch of tasks, run by every thread that calls `work`."""

    def __init__(
        self, tasks: Sequence[Task[R]], capacity: Capacity, lock: threading.RLock, interrupt: Interrupt, *, ahead: int
    ) -> None:
        """`capacity`: the total. `lock`: the pool's; guards all state here."""
        self._tasks = tasks
        self._capacity = capacity
        self._lock = lock
        self._begun = threading.Condition(lock)
        """Notified of begun tasks, for idle workers. One notification wakes one worker: waking is expensive."""
        self._interrupt = interrupt
        self._ahead = ahead
        self._state = BatchState(free=capacity)
        self._crash: BaseException | None = None
        self._results: dict[int, R] = {}
        self._is_stopped = False
        self.workers_left = 0
        for position, task in enumerate(tasks):
            load = capacity.limit(task.load)
            entry = Entry(position=position, load=load, may_go_ahead=task.slot is not None)
            self._state.queue.append(entry)
            if task.slot is not None:
                task.slot.bind(_SlotHandle(self, entry))

    @property
    def threads(self) -> int:
        """Threads needed: for tasks with slots, tasks ahead of their turn or without slots, and tasks that clean up."""
        most = self._capacity.slots
        if any(task.slot is not None for task in self._tasks):
            most = 2 * most + self._ahead
        most += sum(not task.takes_slot for task in self._tasks)
        return min(most, len(self._tasks))

    def stop(self) -> None:
        """Start no more tasks."""
        with self._lock:
            self._is_stopped = True
            self._wake_all()

    def settle(self) -> None:
        """Assign free slots, and begin the tasks that may begin."""
        with self._lock:
            try:
                while not self._is_ending and (self._give_slots() or self._go_ahead()):
                    pass
            except BaseException as crash:  # noqa: BLE001  a claim that fails is a bug: the main thread raises it
                self._crash, self._is_stopped = crash, True
            state = self._state
            if state.queue and not state.active and not self._is_ending:
                self._crash = AssertionError("tasks wait for each other, and none runs")
                self._is_stopped = True
            if self._is_ending:
                self._wake_all()
            elif self._is_all_begun:
                self._begun.notify_all()

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
                if isinstance(result, Again):
                    with self._lock:
                        entry.is_open, entry.overtaken = False, 0
                        self._end(entry, is_queued_again=True)
                    continue
                with self._lock:
                    self._results[entry.position] = result
                    self._end(entry)
                if task.slot is not None:
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
        state = self._state
        with self._lock:
            while not self._is_ending:
                if state.begun:
                    return state.begun.popleft()
                if self._is_all_begun:
                    break
                self._begun.wait()
            return None

    @property
    def _is_all_begun(self) -> bool:
        return all(entry.is_open for entry in self._state.queue)

    def _wake_all(self) -> None:
        self._begun.notify_all()
        for entry in self._state.queue:
            if entry.turn is not None:
                entry.turn.notify_all()

    def _may_start(self, position: int) -> bool:
        return self._tasks[self._state.queue[position].position].claim()

    def _give_slots(self) -> bool:
        state = self._state
        position = next_for_slots(state.queue, state.free, self._capacity.slots, self._may_start)
        if position is None:
            return False
        for earlier in overtaken_by(state.queue, position, state.free):
            state.queue[earlier].overtaken += 1
        entry = state.queue.pop(position)
        entry.is_queued, entry.has_slots = False, True
        state.free = replace(state.free, slots=state.free.slots - entry.load.slots)
        if entry.is_open:
            state.ahead -= 1
        else:
            self._begin(entry)
        if entry.turn is not None:
            entry.turn.notify_all()
        elif entry.may_go_ahead:
            state.opening.append(entry)
        return True

    def _go_ahead(self) -> bool:
        state = self._state
        if state.ahead >= self._ahead or not state.queue:
            return False

        def may_go_ahead(position: int) -> bool:
            return state.queue[position].may_go_ahead and self._may_start(position)

        position = next_ahead(state.queue, state.free, self._capacity.slots, may_go_ahead)
        if position is None:
            return False
        entry = state.queue[position]
        entry.is_open = True
        state.ahead += 1
        self._begin(entry)
        return True

    def _begin(self, entry: Entry) -> None:
        state = self._state
        state.active += 1
        state.slotless += not entry.load.slots
        state.begun.append(entry)
        self._begun.notify()
        if state.free.memory is not None:
            state.free = replace(state.free, memory=state.free.memory - entry.load.memory)

    def _end(self, entry: Entry, *, is_queued_again: bool = False) -> None:
        state = self._state
        self._give_up(entry)
        state.active -= 1
        state.slotless -= not entry.load.slots
        if is_queued_again:
            entry.is_queued = True
            state.queue.insert(0, entry)
        if state.free.memory is not None:
            state.free = replace(state.free, memory=state.free.memory + entry.load.memory)
        self.settle()

    def _give_up(self, entry: Entry) -> None:
        """Release the task's slots, or withdraw it from the queue."""
        state = self._state
        if entry in state.opening:
            state.opening.remove(entry)
        if entry.has_slots:
            entry.has_slots = False
            state.free = replace(state.free, slots=state.free.slots + entry.load.slots)
        elif entry.is_queued:
            entry.is_queued = False
            state.queue.remove(entry)
            state.ahead -= 1

    def enter(self, entry: Entry) -> None:
        """Wait until the task has its slots or the run is stopped."""
        state = self._state
        with self._lock:
            if not entry.has_slots and not entry.is_queued:
                # A retry: it held slots before, so it goes first.
                entry.is_open = entry.is_queued = True
                state.queue.insert(0, entry)
                state.ahead += 1
                self.settle()
            if entry.has_slots:
                state.opening.remove(entry)
            else:
                state.take_over(entry)
            while not entry.has_slots and not self._is_ending:
                turn = entry.turn = entry.turn or threading.Condition(self._lock)
                turn.wait()
            # Dropped: a condition takes more than a kilobyte, and there are thousands of tasks.
            entry.turn = None

    def leave(self, entry: Entry) -> None:
        """Release the task's slots and assign them to the next tasks."""
        with self._lock:
            self._give_up(entry)
            self.settle()

    def share(self, entry: Entry) -> int:
        """Return the task's slots plus its part of those that no task can use now.

        The extra slots are not reserved: if another task starts, both use them until this task's tools are next
        started.
        """
        with self._lock:
            state = self._state
            at_work = max(state.active - state.ahead - state.slotless, 1)
            return entry.load.slots + state.free.slots // at_work


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
