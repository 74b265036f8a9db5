"""What a daemon keeps of ours from run to run: images under a name, and volumes. Found by their labels."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from matrix_runner.engine.api import PersistentItem, PersistentKind, ResolvedImage, Volume
from matrix_runner.engine.docker.daemon import Daemon
from matrix_runner.engine.last_uses import LastUses
from matrix_runner.engine.leases import LABEL_CREATED, LABEL_KEPT, LABEL_OWNER, LABEL_RUN, Leases

_YEAR: Final = 366 * 86400.0


class DockerPersistent:
    """The images and volumes of one owner. Every method takes the connection to use, and raises EngineError."""

    def __init__(self, leases: Leases, uses: LastUses) -> None:
        self._leases = leases
        self._uses = uses

    def image_labels(self) -> tuple[tuple[str, str], ...]:
        """Return what marks an image as one for later runs."""
        return ((LABEL_KEPT, PersistentKind.IMAGE.value), (LABEL_OWNER, self._leases.owner))

    def make_volumes(self, daemon: Daemon, volumes: tuple[Volume, ...], run: str) -> tuple[Volume, ...]:
        """See that volumes are there, and return them with all of their labels."""
        if not volumes:
            return ()
        labels = {LABEL_OWNER: self._leases.owner, LABEL_CREATED: str(int(time.time()))}
        marked = []
        for volume in volumes:
            kind = {LABEL_RUN: run} if volume.of_run else {LABEL_KEPT: PersistentKind.VOLUME.value}
            made = replace(volume, labels=tuple({**dict(volume.labels), **labels, **kind}.items()))
            daemon.make_volume(made)
            if not volume.of_run:
                self._uses.note(volume.name)
            marked.append(made)
        return tuple(marked)

    def image(self, daemon: Daemon, name: str) -> ResolvedImage | None:
        """Return an image that was kept under a name; what else has the name is none."""
        stored = daemon.image(name)
        if stored is None or not set(self.image_labels()) <= set(stored.image.labels):
            return None
        self._uses.note(name)
        return stored.image

    def all(self, daemon: Daemon, *, sized: bool) -> tuple[PersistentItem, ...]:
        """Return images and volumes, by name."""
        images = [
            self._kept(
                PersistentKind.IMAGE, image.reference, image.labels, size=daemon.top_layer(image.id) if sized else None
            )
            for image in daemon.images(f"{LABEL_KEPT}={PersistentKind.IMAGE.value}")
            if (LABEL_OWNER, self._leases.owner) in image.labels
        ]
        volumes = [
            self._kept(PersistentKind.VOLUME, volume.name, volume.labels, size=volume.size)
            for volume in daemon.volumes(f"{LABEL_KEPT}={PersistentKind.VOLUME.value}", sized=sized)
            if (LABEL_OWNER, self._leases.owner) in volume.labels
        ]
        self._uses.prune(time.time() - _YEAR)
        return tuple(sorted((*images, *volumes), key=lambda kept: (kept.kind.value, kept.name)))

    def discard(self, daemon: Daemon, kept: PersistentItem) -> None:
        """Remove an image or a volume."""
        if kept.kind is PersistentKind.IMAGE:
            daemon.remove_image(kept.name, force=False)
        else:
            daemon.remove_volume(kept.name)
        self._uses.forget(kept.name)

    def sweep(self, daemon: Daemon, is_dead: Callable[[str], bool]) -> tuple[str, ...]:
        """Remove the volumes of dead runs; return these, a run for each volume."""
        return tuple(self._remove(daemon, LABEL_RUN, is_dead))

    def remove_volumes_of(self, daemon: Daemon, run: str) -> None:
        """Remove the volumes that are one run's only."""
        self._remove(daemon, f"{LABEL_RUN}={run}", lambda _: True)

    def _remove(self, daemon: Daemon, label: str, is_to_go: Callable[[str], bool]) -> list[str]:
        runs = []
        for volume in daemon.volumes(label, sized=False):
            labels = dict(volume.labels)
            run = labels.get(LABEL_RUN, "")
            if run and labels.get(LABEL_OWNER) == self._leases.owner and is_to_go(run):
                daemon.remove_volume(volume.name)
                runs.append(run)
        return runs

    def _kept(
        self, kind: PersistentKind, name: str, labels: tuple[tuple[str, str], ...], *, size: int | None
    ) -> PersistentItem:
        made = dict(labels).get(LABEL_CREATED, "")
        created = float(made) if made.isdecimal() else 0.0
        used = self._uses.of(name, created=created)
        return PersistentItem(kind=kind, name=name, labels=labels, size=size, created=created, used=used)
