"""Who runs which job, and when. Knows tasks, cells and events; knows nothing of wheels."""

from matrix_runner.schedule.batch import Task
from matrix_runner.schedule.choice import Load, queue_order
from matrix_runner.schedule.durations import Durations
from matrix_runner.schedule.pool import Pool
from matrix_runner.schedule.seat import Seat
from matrix_runner.schedule.signals import Interrupt

__all__ = ["Durations", "Interrupt", "Load", "Pool", "Seat", "Task", "queue_order"]
