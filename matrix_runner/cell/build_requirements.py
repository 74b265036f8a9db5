"""A warning of what a build required though it excludes the cell's Python, whether the build failed or not."""

from collections.abc import Iterator
from contextlib import contextmanager

from matrix_runner.cell.steps import CellFailed, StepRunner
from matrix_runner.engine.answer import Answer
from matrix_runner.engine.api import Container
from matrix_runner.recipe.cell_recipe import CellRecipe


@contextmanager
def warning_of_excluded(recipe: CellRecipe, container: Container, steps: StepRunner) -> Iterator[None]:
    """Let a cell be built; then warn of requirements that uv has installed for a Python which they exclude."""
    try:
        yield
    except CellFailed:
        _warn(recipe, container, steps)
        raise
    _warn(recipe, container, steps)


def _warn(recipe: CellRecipe, container: Container, steps: StepRunner) -> None:
    if recipe.watched is None:
        return
    answer = Answer()
    if container.exec(recipe.asking(recipe.watched.ask()), answer.hear).is_success:
        remark = recipe.watched.remark(answer.text, recipe.tools.interpreter.version)
        if remark is not None:
            steps.warn(remark)
