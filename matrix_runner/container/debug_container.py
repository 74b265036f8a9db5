"""Debug images: the container of a failed cell, saved for inspection (`debug-keep-container`)."""

import shlex

from matrix_runner.container.variable_files import remove_variable_files
from matrix_runner.engine.api import Container, ImageMetadata
from matrix_runner.errors import MachineError
from matrix_runner.model.cells import Cell
from matrix_runner.recipe.layout import Layout

REPOSITORY = "matrix-runner/debug"
"""The kept images, one for each cell; a later failure of the same cell takes the place of an earlier one."""


def keep_container(container: Container, cell: Cell, engine: str) -> str:
    """Keep the container's present state, but for the project's variables; return what a user should know of it.

    That it did not work, too.
    `engine`: its name, which is that of its program too.
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
