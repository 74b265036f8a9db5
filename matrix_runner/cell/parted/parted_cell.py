"""The two containers of a cell whose own code has no network: what goes from one to the other."""

from typing import Final

import msgspec

from matrix_runner.cell.parted.wheel_stub import require_names
from matrix_runner.cell.steps import StepRunner
from matrix_runner.engine.answer import Answer
from matrix_runner.engine.api import Container
from matrix_runner.json_values import NotJson, decode
from matrix_runner.recipe.cell_recipe import CellRecipe
from matrix_runner.recipe.frontends.fetching import drop, give, take
from matrix_runner.recipe.step import Step

_LONGEST: Final = 100_000
"""Bytes of what a backend may ask for."""


class PartedCell(msgspec.Struct, frozen=True, kw_only=True):
    """The containers. `fetching`: has a network, and runs the steps that fetch; `closed`: has none, ever."""

    fetching: Container
    closed: Container

    def bring(self, step: Step, recipe: CellRecipe, steps: StepRunner) -> None:
        """Bring what a step that fetches has left to the container without a network. Raise CellFailed, RetryCell."""
        if step.brings:
            steps.run(self.fetching, take(recipe.commands, step.brings))
            steps.run(self.closed, give(recipe.commands))
            steps.run(self.fetching, drop(recipe.commands))

    def wanted(self, recipe: CellRecipe) -> tuple[str, ...]:
        """Return what the build backend requires besides. Raise WheelRejected for what is no name of a package."""
        answer, file = Answer(_LONGEST), f"{recipe.tools.layout.frontend}/wanted.json"
        self.closed.exec(recipe.asking(("cat", file)), answer.hear)
        try:
            wanted = decode(answer.data, tuple[str, ...])
        except NotJson:
            return ()
        require_names(wanted, "the build backend")
        return wanted
