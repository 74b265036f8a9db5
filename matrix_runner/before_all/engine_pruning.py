"""What is kept for later runs goes again: what nobody has used for long, and what newer things have taken over from."""

from collections.abc import Collection, Iterable
from contextlib import suppress
from typing import Final

from matrix_runner.before_all.project_volumes import LABEL_BASE, LABEL_IDENTITY
from matrix_runner.engine.api import Engine, PersistentItem, PersistentKind
from matrix_runner.errors import MachineError

PREPARED_LIMIT: Final = 3
"""Prepared images of a project and an image that stay beside those in use: enough to go between a few branches."""


def outdated(
    kept: Iterable[PersistentItem], *, max_age: float, now: float, in_use: Collection[str] = ()
) -> tuple[PersistentItem, ...]:
    """Return what is to go. `max_age`: seconds since the last use, 0 for any; `in_use`: names of what must stay.

    Of the prepared images of a project and an image only the latest stay: each is some hundred megabytes, and
    without `before-all-inputs` every change of the source makes another.
    """
    gone: list[PersistentItem] = []
    images: dict[tuple[str | None, str | None], int] = {}
    for each in sorted(kept, key=lambda each: -each.used):
        if each.name in in_use:
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
    """Remove what can be removed; return it. What a run has open stays, for the next time."""
    removed = []
    for each in kept:
        with suppress(MachineError):
            engine.remove_persistent(each)
            removed.append(each)
    return tuple(removed)


def prune_engine(engine: Engine, *, max_age: float, now: float, in_use: Collection[str]) -> None:
    """Do so at the end of a run. An engine that cannot answer is left alone: the wheels are there. Never raises."""
    with suppress(MachineError):
        remove_all(engine, outdated(engine.persistent_items(sized=False), max_age=max_age, now=now, in_use=in_use))
