"""The scheduler: a pool of workers, slots, queue order and interrupts. Knows tasks and cells, not wheels."""

from matrix_runner.schedule.durations import Durations
from matrix_runner.schedule.loads import Capacity, Load, queue_order
from matrix_runner.schedule.pool import Pool
from matrix_runner.schedule.signals import Interrupt, StopRequest
from matrix_runner.schedule.slot import Slot
from matrix_runner.schedule.task import Again, Area, Task

__all__ = [
    "Again",
    "Area",
    "Capacity",
    "Durations",
    "Interrupt",
    "Load",
    "Pool",
    "Slot",
    "StopRequest",
    "Task",
    "queue_order",
]
