"""Who runs which job, and when. Knows tasks, cells and events; knows nothing of wheels."""

from matrix_runner.schedule.batch import Task
from matrix_runner.schedule.durations import Durations
from matrix_runner.schedule.next_task import Load, queue_order
from matrix_runner.schedule.pool import Pool
from matrix_runner.schedule.signals import Interrupt
from matrix_runner.schedule.slot import Slot

__all__ = ["Durations", "Interrupt", "Load", "Pool", "Slot", "Task", "queue_order"]
