"""Prunes prepared images and project volumes that are stale or superseded."""

from collections.abc import Collection, Iterable
from contextlib import suppress
from typing import Final

from matrix_runner.before_all.prepared_images import LABEL_BASE
from matrix_runner.container.debug_container import is_kept_container
from matrix_runner.container.project_volumes import LABEL_IDENTITY
from matrix_runner.engine.api import Engine, PersistentItem, PersistentKind
from matrix_runner.errors import MachineError

PREPARED_LIMIT: Final = 3
"""The number of prepared images per project and base image beside those in use: enough for a few branches."""


def outdated(
    kept: Iterable[PersistentItem], *, max_age: float, now: float, in_use: Collection[str] = ()
) -> tuple[PersistentItem, ...]:
    """Return the items to remove. `max_age`: seconds since the last use, 0 for any age; `in_use`: names to spare.

    Of the prepared images of a project and base image only the latest remain: each takes some hundred megabytes, and
    without `before-all-inputs` every change of the source makes another. A kept container is for its user to remove.
    """
    gone: list[PersistentItem] = []
    images: dict[tuple[str | None, str | None], int] = {}
    for each in sorted(kept, key=lambda each: -each.used):
        if each.name in in_use or is_kept_container(each):
            continue
        if max_age and now - each.used > max_age:
            gone.append(each)
        elif each.kind is PersistentKind.IMAGE:
            labels = dict(each.labels)
            place = (labels.get(LABEL_IDENTITY), labels.get(LABEL_BASE))
            images[place] = images.get(place, 0) + 1
            if images[place] > PREPARED_LIMIT:
                gone.append(each)
    return tuple(gone)


def remove_all(engine: Engine, kept: Iterable[PersistentItem]) -> tuple[PersistentItem, ...]:
    """Remove each item that no run has open; return the removed ones."""
    removed = []
    for each in kept:
        with suppress(MachineError):
            engine.remove_persistent(each)
            removed.append(each)
    return tuple(removed)


def prune_engine(engine: Engine, *, max_age: float, now: float, in_use: Collection[str]) -> None:
    """Prune at the end of a run. Never raises: the wheels are finished, whatever the engine answers."""
    with suppress(MachineError):
        remove_all(engine, outdated(engine.persistent_items(sized=False), max_age=max_age, now=now, in_use=in_use))
