"""Removal of the files with a project's variables from a container, before it is saved as an image."""

from matrix_runner.engine.api import Container
from matrix_runner.errors import EngineError
from matrix_runner.recipe.layout import Layout
from matrix_runner.recipe.saved_variables import removal


def remove_variable_files(container: Container) -> None:
    """Remove the saved variables of `environment` and `test-environment`. Raise EngineError if they may still exist.

    Their values may be secrets, and an image is long-lived and shared by many. Later cells evaluate `environment` anew.
    """
    result = container.exec(removal(Layout(root=container.root)), lambda _: None)
    if not result.is_success:
        raise EngineError(f"the variables in the container could not be removed: {result.ending.value}")
