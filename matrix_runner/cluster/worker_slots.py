"""The slots of a cluster's worker: cells that are ready wait for theirs, in the order in which they came."""

import threading
from collections import deque
from collections.abc import Callable
from typing import Final

from matrix_runner.model.platforms import Arch
from matrix_runner.schedule import Load, Slot

_LOOK: Final = 0.2


class SlotsHere:
    """The slots of a worker by resource, for all runs that it works for. Thread-safe. One of the worker's plugins."""

    def __init__(self) -> None:
        """Know no resource yet."""
        self._lock = threading.Lock()
        self._slots: dict[Arch, WorkerSlots] = {}

    def of(self, resource: Arch, offered: int) -> "WorkerSlots":
        """Return those of a resource. `offered`: how many there are."""
        with self._lock:
            return self._slots.setdefault(resource, WorkerSlots(offered))

    def teardown(self, worker: object) -> None:
        """Do nothing: it has nothing open."""
        del worker


class WorkerSlots:
    """As many slots as the worker offers. Thread-safe."""

    def __init__(self, total: int) -> None:
        """All are free."""
        self._changed = threading.Condition()
        self._free = self._total = total
        self._waiting: deque[object] = deque()

    def slot(self, slots: int, is_over: Callable[[], bool]) -> Slot:
        """Return the slot of a cell. `slots`: more than there are are all. `is_over`: whether its run has ended."""
        slot = Slot(Load(slots=slots))
        slot.bind(_Turn(self, min(slots, self._total), is_over))
        return slot

    def enter(self, turn: object, slots: int, is_over: Callable[[], bool]) -> None:
        """Wait until slots are free and nobody waits longer; not if the run has ended."""
        with self._changed:
            self._waiting.append(turn)
            while (self._waiting[0] is not turn or self._free < slots) and not is_over():
                self._changed.wait(_LOOK)
            self._waiting.remove(turn)
            self._free -= slots
            self._changed.notify_all()

    def leave(self, slots: int) -> None:
        """Give slots back."""
        with self._changed:
            self._free += slots
            self._changed.notify_all()


class _Turn:
    """`SlotHandle` of one cell."""

    def __init__(self, slots: WorkerSlots, count: int, is_over: Callable[[], bool]) -> None:
        self._slots = slots
        self._count = count
        self._is_over = is_over

    def enter(self) -> None:
        self._slots.enter(self, self._count, self._is_over)

    def leave(self) -> None:
        self._slots.leave(self._count)

    @property
    def share(self) -> int:
        return self._count
