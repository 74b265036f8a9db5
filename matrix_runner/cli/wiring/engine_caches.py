"""The sections of `runner cache` on engines: prepared images, downloads and compiled code in volumes."""

import time
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

import msgspec

from matrix_runner.errors import MachineError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matrix_runner.engine.api import Engine, PersistentItem


class EngineSection(msgspec.Struct, frozen=True, kw_only=True):
    """The section of one engine: its data of this user's projects. `title`: such as `by Docker`."""

    engine: "Engine"
    title: str

    def listed(self) -> Iterator[str]:
        """List the items by project."""
        from matrix_runner.container.project_volumes import LABEL_PROJECT
        from matrix_runner.wording import size_text

        kept = sorted(self.engine.persistent_items(), key=lambda each: -each.used)
        if not kept:
            return
        total = sum(each.size or 0 for each in kept)
        yield f"{_things(kept)}, {size_text(total)}, {self.title}"
        for project in dict.fromkeys(dict(each.labels).get(LABEL_PROJECT, "?") for each in kept):
            own = [each for each in kept if dict(each.labels).get(LABEL_PROJECT, "?") == project]
            yield f"  {project}  {size_text(sum(each.size or 0 for each in own))}"
            for each in own:
                yield f"    {_line(each)}"

    def prune(self, limit: int | None, age: float | None) -> Iterator[str]:
        """Remove items unused for `age` seconds, by default those of cache-max-age; `limit` applies to cells only."""
        from matrix_runner.before_all.engine_pruning import outdated
        from matrix_runner.config.options.cache_options import CACHE_MAX_AGE

        del limit
        max_age = CACHE_MAX_AGE.default if age is None else age
        yield from self._remove(outdated(self.engine.persistent_items(), max_age=max_age, now=time.time()))

    def clear(self) -> Iterator[str]:
        """Remove every item that no run has open."""
        yield from self._remove(self.engine.persistent_items())

    def _remove(self, kept: "Iterable[PersistentItem]") -> Iterator[str]:
        from matrix_runner.before_all.engine_pruning import remove_all
        from matrix_runner.wording import size_text

        wanted = tuple(kept)
        removed = remove_all(self.engine, wanted)
        if removed:
            freed = size_text(sum(each.size or 0 for each in removed))
            yield f"removed {_things(removed)}, {freed}, {self.title}"
        for each in wanted:
            if each not in removed:
                yield f"{each.name} is in use: it stays"


class UnknownSection(msgspec.Struct, frozen=True, kw_only=True):
    """The section of an engine that does not answer. `why`: its error message."""

    title: str
    why: str

    def listed(self) -> Iterator[str]:
        """Report that the items are unknown."""
        yield f"what is kept {self.title} cannot be said: {self.why}"

    def prune(self, limit: int | None, age: float | None) -> Iterator[str]:
        """Report that the items are unknown."""
        del limit, age
        yield from self.listed()

    def clear(self) -> Iterator[str]:
        """Report that the items are unknown."""
        yield from self.listed()


def engine_sections() -> "Iterator[EngineSection | UnknownSection]":
    """Yield a section for each engine, open while it is in use; Podman has one only if its socket exists."""
    from matrix_runner.cli.wiring.directories import surroundings
    from matrix_runner.engine.selection import AnsweringEngine, container_engines, local_engine

    try:
        around = surroundings()
    except MachineError as error:
        yield UnknownSection(title="by engines", why=error.message)
        return
    for found in container_engines("cache", around):
        title = f"by {str(found.choice).capitalize()}"
        if isinstance(found, AnsweringEngine):
            yield EngineSection(engine=found.engine, title=title)
        elif found.was_asked:
            yield UnknownSection(title=title, why=found.error.message)
    with closing(local_engine("cache", around)) as local:
        yield EngineSection(engine=local, title="on this machine")


def _things(kept: "Sequence[PersistentItem]") -> str:
    from matrix_runner.container.debug_container import is_kept_container
    from matrix_runner.engine.api import PersistentKind
    from matrix_runner.wording import counted

    images = sum(each.kind is PersistentKind.IMAGE for each in kept)
    containers = sum(map(is_kept_container, kept))
    of_cells = f", {counted(containers, 'kept container')}" if containers else ""
    return f"{counted(images - containers, 'prepared image')}{of_cells}, {counted(len(kept) - images, 'volume')}"


def _line(each: "PersistentItem") -> str:
    from matrix_runner.before_all.prepared_images import LABEL_BASE
    from matrix_runner.container.project_volumes import LABEL_PURPOSE
    from matrix_runner.report.phrases import ago
    from matrix_runner.wording import size_text

    labels = dict(each.labels)
    purpose = labels.get(LABEL_PURPOSE) or f"before-all in {labels.get(LABEL_BASE, '?')}"
    taken = "?" if each.size is None else size_text(each.size)
    return f"{taken:>9}  used {ago(each.used, time.time())} ago  {purpose}  {each.name}"
