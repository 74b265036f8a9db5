"""Cell selection: the cells to run, the image of each, and the reason for every cell left out. Pure.

Nothing here looks at the machine or at an engine.
"""

from matrix_runner.config.kinds.selectors import Selector
from matrix_runner.matrix.host import Execution, Host
from matrix_runner.matrix.planning import Explanation, Job, LeftOut, Plan, explain, make_plan
from matrix_runner.matrix.questions import Answer

__all__ = ["Answer", "Execution", "Explanation", "Host", "Job", "LeftOut", "Plan", "Selector", "explain", "make_plan"]
