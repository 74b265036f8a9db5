"""Who runs which job, and when. Knows tasks and events; knows nothing of wheels."""

from matrix_runner.schedule.pool import Pool, Task
from matrix_runner.schedule.signals import Interrupt

__all__ = ["Interrupt", "Pool", "Task"]
