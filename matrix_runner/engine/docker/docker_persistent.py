"""A daemon's persistent images and volumes, and containers of runs, found by their labels."""

import time
from collections.abc import Callable, Iterable
from typing import Final

from msgspec.structs import replace

from matrix_runner.engine.api import PersistentItem, PersistentKind, ResolvedImage, Volume
from matrix_runner.engine.docker.daemon import Daemon, Leftover
from matrix_runner.engine.last_uses import LastUses
from matrix_runner.engine.leasing.leases import LABEL_CREATED, LABEL_OWNER, LABEL_PERSISTENT, LABEL_RUN, Leases
from matrix_runner.wording import counted

_YEAR: Final = 366 * 86400.0
"""Seconds after which a record of a last use is dropped."""


def remove_containers(daemon: Daemon, label: str, is_to_go: Callable[[str], bool]) -> tuple[Leftover, ...]:
    """Remove the containers with a label whose run is to go; return them. Raise EngineError."""
    found = tuple(one for one in daemon.containers(label) if is_to_go(one.run))
    for leftover in found:
        daemon.remove(leftover.id)
    return found


def told_by_run(containers: Iterable[str], snapshots: Iterable[str], volumes: Iterable[str]) -> dict[str, str]:
    """Return a clause on what was removed of each run. The arguments are the runs of the removed items."""
    found: dict[str, list[int]] = {}
    for position, runs in enumerate((containers, snapshots, volumes)):
        for run in runs:
            found.setdefault(run, [0, 0, 0])[position] += 1
    nouns = ("container", "snapshot", "volume")
    return {run: ", ".join(map(counted, numbers, nouns)) for run, numbers in sorted(found.items())}


class DockerPersistent:
    """The persistent images and volumes of one owner, and the volumes of its runs.

    Every method takes the connection to use, and raises EngineError.
    """

    def __init__(self, leases: Leases, uses: LastUses) -> None:
        self._leases = leases
        self._uses = uses

    def image_labels(self) -> tuple[tuple[str, str], ...]:
        """Return the labels of a persistent image of this owner."""
        return ((LABEL_PERSISTENT, PersistentKind.IMAGE.value), (LABEL_OWNER, self._leases.owner))

    def make_volumes(self, daemon: Daemon, volumes: tuple[Volume, ...], run: str) -> tuple[Volume, ...]:
        """Create missing volumes; return all of them with labels of their owner, and of the run for run-only ones."""
        if not volumes:
            return ()
        labels = {LABEL_OWNER: self._leases.owner, LABEL_CREATED: str(int(time.time()))}
        marked = []
        for volume in volumes:
            kind = {LABEL_RUN: run} if volume.is_run_only else {LABEL_PERSISTENT: PersistentKind.VOLUME.value}
            made = replace(volume, labels=tuple({**dict(volume.labels), **labels, **kind}.items()))
            daemon.make_volume(made)
            if not volume.is_run_only:
                self._uses.note(volume.name)
            marked.append(made)
        return tuple(marked)

    def find_image(self, daemon: Daemon, name: str) -> ResolvedImage | None:
        """Return the persistent image of a name and record its use; None if it is missing, or lacks our labels."""
        stored = daemon.image(name)
        if stored is None or not set(self.image_labels()) <= set(stored.image.labels):
            return None
        self._uses.note(name)
        return stored.image

    def items(self, daemon: Daemon, *, sized: bool) -> tuple[PersistentItem, ...]:
        """Return the persistent images and volumes, by kind and name. `sized`: with sizes in bytes."""
        images = [
            self._item(
                PersistentKind.IMAGE, image.reference, image.labels, size=daemon.top_layer(image.id) if sized else None
            )
            for image in daemon.images(f"{LABEL_PERSISTENT}={PersistentKind.IMAGE.value}")
            if (LABEL_OWNER, self._leases.owner) in image.labels
        ]
        volumes = [
            self._item(PersistentKind.VOLUME, volume.name, volume.labels, size=volume.size)
            for volume in daemon.volumes(f"{LABEL_PERSISTENT}={PersistentKind.VOLUME.value}", sized=sized)
            if (LABEL_OWNER, self._leases.owner) in volume.labels
        ]
        self._uses.prune(time.time() - _YEAR)
        return tuple(sorted((*images, *volumes), key=lambda item: (item.kind.value, item.name)))

    def remove(self, daemon: Daemon, item: PersistentItem) -> None:
        """Remove a persistent image or volume, and the record of its last use."""
        if item.kind is PersistentKind.IMAGE:
            daemon.remove_image(item.name, force=False)
        else:
            daemon.remove_volume(item.name)
        self._uses.forget(item.name)

    def sweep(self, daemon: Daemon, is_dead: Callable[[str], bool]) -> tuple[str, ...]:
        """Remove the volumes of dead runs; return the run of each removed volume."""
        return tuple(self._remove_run_volumes(daemon, LABEL_RUN, is_dead))

    def remove_volumes_of(self, daemon: Daemon, run: str) -> None:
        """Remove the volumes that belong to one run."""
        self._remove_run_volumes(daemon, f"{LABEL_RUN}={run}", lambda _: True)

    def _remove_run_volumes(self, daemon: Daemon, label: str, is_to_go: Callable[[str], bool]) -> list[str]:
        runs = []
        for volume in daemon.volumes(label, sized=False):
            labels = dict(volume.labels)
            run = labels.get(LABEL_RUN, "")
            if run and labels.get(LABEL_OWNER) == self._leases.owner and is_to_go(run):
                daemon.remove_volume(volume.name)
                runs.append(run)
        return runs

    def _item(
        self, kind: PersistentKind, name: str, labels: tuple[tuple[str, str], ...], *, size: int | None
    ) -> PersistentItem:
        made = dict(labels).get(LABEL_CREATED, "")
        created = float(made) if made.isdecimal() else 0.0
        used = self._uses.of(name, created=created)
        return PersistentItem(kind=kind, name=name, labels=labels, size=size, created=created, used=used)
