"""Debug images: the container of a failed cell, kept for people to go into (`debug-keep-container`)."""

import shlex
from typing import Final

import msgspec

from matrix_runner.container.kept_cell import LABEL_KEPT_CELL, KeptCell, read_note
from matrix_runner.container.project_volumes import LABEL_PROJECT, LABEL_PURPOSE
from matrix_runner.container.variable_files import remove_variable_files
from matrix_runner.engine.api import Container, Engine, ImageMetadata, PersistentItem
from matrix_runner.errors import MachineError
from matrix_runner.model.cells import Cell
from matrix_runner.recipe.layout import Layout

REPOSITORY: Final = "matrix-runner/debug"
"""The kept images, one per cell; a later failure of the same cell replaces the earlier image."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a container. `place`: its image, or its directory; None if it could not be kept.

    `message`: for the user.
    """

    place: str | None
    message: str


def keep_container(container: Container, note: KeptCell, stem: str) -> Kept:
    """Keep the container's state without the project's variables. Never raises.

    As a persistent image, which no sweep removes, and which the engine lists. `stem`: of the cell, for its name.
    """
    name = f"{REPOSITORY}:{stem}"
    project = note.project.encode("utf-8", "replace").decode()
    labels = (note.label(), (LABEL_PROJECT, project), (LABEL_PURPOSE, f"container that failed in {note.step}"))
    try:
        remove_variable_files(container)
        metadata = ImageMetadata(name=name, labels=labels, replaces=True, is_persistent=True)
        place = container.snapshot(metadata)
    except MachineError as error:
        return Kept(place=None, message=f"its container could not be kept: {error.message}")
    if container.root:
        return Kept(place=place, message=f"its directory is kept: {shlex.quote(place)}")
    layout = Layout(root=container.root)
    where = f"the project is in {layout.project}, our files are in {layout.matrix}"
    return Kept(place=name, message=f"its container is kept as the image {name}: {where}")


def find_kept(engine: Engine, cell: Cell, project: str) -> tuple[PersistentItem, KeptCell] | None:
    """Return the kept container of a project's cell, with its note; None if there is none. Raise EngineError.

    `project`: its identity.
    """
    for item in engine.persistent_items(sized=False):
        note = read_note(dict(item.labels))
        if note is not None and (note.cell, note.project) == (cell.local, project):
            return item, note
    return None


def is_kept_container(item: PersistentItem) -> bool:
    """Whether an image is a container that a user asked to keep."""
    return any(name == LABEL_KEPT_CELL for name, _ in item.labels)
