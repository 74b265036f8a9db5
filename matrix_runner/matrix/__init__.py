"""Which cells run, in which image, and why the others do not. Pure: nothing here looks at the machine or an engine."""

from matrix_runner.config.selectors import Selector
from matrix_runner.matrix.host import Host
from matrix_runner.matrix.plan import Job, LeftOut, Plan, make_plan

__all__ = ["Host", "Job", "LeftOut", "Plan", "Selector", "make_plan"]
