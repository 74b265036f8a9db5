"""Debug images: the container of a failed cell, saved for inspection (`debug-keep-container`)."""

import shlex

from matrix_runner.container.variable_files import remove_variable_files
from matrix_runner.engine.api import Container, ImageMetadata
from matrix_runner.errors import MachineError
from matrix_runner.model.cells import Cell
from matrix_runner.recipe.layout import Layout

REPOSITORY = "matrix-runner/debug"
"""The saved images, one per cell; a later failure of the same cell replaces the earlier image."""


def keep_container(container: Container, cell: Cell, engine: str) -> str:
    """Save the container's state without the project's variables; return a message for the user, also on failure.

    `engine`: the engine's name, which is also that of its program.
    """
    try:
        remove_variable_files(container)
        kept = container.snapshot(ImageMetadata(name=f"{REPOSITORY}:{cell}", replaces=True))
    except MachineError as error:
        return f"its container could not be kept: {error.message}"
    if container.root:
        return f"its directory is kept: {shlex.quote(kept)}"
    prefix = "linux32 " if cell.platform.arch.needs_linux32 else ""
    command = f"{engine} run -it --rm {REPOSITORY}:{cell} {prefix}bash"
    layout = Layout(root=container.root)
    return f"its container is kept: `{command}`; the project is in {layout.project}, our files are in {layout.matrix}"
