"""The fake engine for tests of the rooms above engines: fast, scripted, faulty on demand.

The contract suite applies to it as to the real engines (`engine/api.py`). A command is an entry of a script, a file an
entry of a dictionary, and time a number: nothing sleeps unless `pace` is set.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from matrix_runner.engine.api import (
    ANSWER_SECONDS,
    Container,
    ContainerSpec,
    EngineInfo,
    ImageMetadata,
    PersistentItem,
    PersistentKind,
    ResolvedImage,
)
from matrix_runner.engine.fake.fake_container import FakeContainer
from matrix_runner.engine.fake.fake_files import Files, unpack
from matrix_runner.engine.fake.fake_host import ANY_IMAGE, FakeHost
from matrix_runner.engine.fake.fake_script import FakeCall, FakeFaults, FakeResult, Script, raise_fault, succeed, table
from matrix_runner.engine.hearing import Hearing
from matrix_runner.errors import EngineError, ImageError
from matrix_runner.model.platforms import Arch

__all__ = [
    "ANY_IMAGE",
    "FakeCall",
    "FakeContainer",
    "FakeEngine",
    "FakeFaults",
    "FakeHost",
    "FakeResult",
    "Script",
    "succeed",
    "table",
]


class FakeEngine:
    """`api.Engine` and `api.ImageStore` for tests. `commands`: all requests of commands, in order."""

    def __init__(
        self,
        script: Script = succeed,
        *,
        run: str = "fake",
        host: FakeHost | None = None,
        faults: FakeFaults | None = None,
        pace: float = 0.0,
    ) -> None:
        """`pace`: real seconds for each second of the script, for tests of overlapping work; 0: nothing sleeps."""
        self.run = run
        self.host = host or FakeHost()
        self.host.living.add(run)
        self.script = script
        self.faults = faults or FakeFaults()
        self.pace = pace
        self.commands: list[FakeCall] = []
        self._open: dict[int, FakeContainer] = {}
        self._aborted = False

    @property
    def name(self) -> str:
        """`fake`."""
        return "fake"

    @property
    def owner(self) -> str:
        """One owner for all runs on a host."""
        return "fake"

    def check(self, seconds: int = ANSWER_SECONDS) -> EngineInfo:  # noqa: ARG002 - the contract's
        """Return a description of itself. Raise EngineError according to the faults."""
        raise_fault(self.faults.on_check())
        return EngineInfo(name="fake", version="1", machine="x86_64", endpoint="fake://")

    def resolve(self, reference: str, arch: Arch, hearing: Hearing) -> ResolvedImage:
        """Return the image; fetches nothing. Raise ImageError for a missing one."""
        del arch, hearing
        raise_fault(self.faults.on_resolve(reference))
        return self._image(reference)[0]

    def find(self, reference: str) -> ResolvedImage | None:
        """Return the image, None if it is missing."""
        with self.host.guard:
            found = self.host.images.get(reference)
        return None if found is None else found[0]

    @contextlib.contextmanager
    def open(self, spec: ContainerSpec) -> Iterator[Container]:
        """Open a container with the files of its image. Raise EngineError, ImageError."""
        raise_fault(self.faults.on_open(spec))
        files = self._image(spec.image)[1]
        number = self.host.number()
        self.host.make_volumes(spec.volumes, self.run)
        container = FakeContainer(self, spec, dict(files))
        with self.host.guard:
            if self._aborted:
                raise EngineError(f"{spec.name} is not started any more: the run is being stopped")
            self._open[number] = container
            self.host.containers[number] = self.run
        try:
            yield container
        finally:
            container.kill()
            with self.host.guard:
                self._open.pop(number, None)
                self.host.containers.pop(number, None)

    def die(self) -> None:
        """End as a killed process does: nothing is cleaned up."""
        self.host.living.discard(self.run)

    def sweep(self) -> tuple[str, ...]:
        """Remove the leftovers of dead runs."""
        with self.host.guard:
            owners = {volume.run for volume in self.host.volumes.values() if volume.run is not None}
            dead = sorted({*self.host.containers.values(), *self.host.snapshots.values(), *owners} - self.host.living)
            for number in [number for number, run in self.host.containers.items() if run in dead]:
                del self.host.containers[number]
        for run in dead:
            self._remove_snapshots(run)
        return tuple(f"removed what the dead run {run} left behind" for run in dead)

    def abort(self) -> None:
        """Kill every open container and refuse to open more."""
        with self.host.guard:
            self._aborted = True
            containers = tuple(self._open.values())
        for container in containers:
            container.kill()

    def close(self) -> None:
        """Remove this run's snapshots and volumes."""
        self.abort()
        self._remove_snapshots(self.run)
        self.host.living.discard(self.run)

    def find_persistent_image(self, name: str) -> ResolvedImage | None:
        """Return the persistent image of the name, or None, and record its use."""
        image, _ = self.host.images.get(name, (None, {}))
        if image is None or image.reference not in self.host.persistent:
            return None
        self.host.note_use(name)
        return image

    def persistent_items(self, *, sized: bool = True) -> tuple[PersistentItem, ...]:
        """Return the persistent images and volumes of the host."""
        del sized
        with self.host.guard:
            images = [
                PersistentItem(
                    kind=PersistentKind.IMAGE, name=name, labels=image.labels, size=0, **self.host.times(name)
                )
                for name, (image, _) in self.host.images.items()
                if name in self.host.persistent
            ]
            volumes = [
                PersistentItem(
                    kind=PersistentKind.VOLUME,
                    name=name,
                    labels=volume.labels,
                    size=sum(map(len, volume.files.values())),
                    **self.host.times(name),
                )
                for name, volume in self.host.volumes.items()
                if volume.run is None
            ]
        return (*images, *volumes)

    def remove_persistent(self, item: PersistentItem) -> None:
        """Remove a persistent image or volume; a missing one is no error."""
        if item.kind is PersistentKind.IMAGE:
            self.remove_image(item.name)
        else:
            self.host.volumes.pop(item.name, None)

    def import_root(self, archive: Path, arch: Arch, metadata: ImageMetadata) -> str:
        """Make an image of a tar file."""
        del arch
        with archive.open("rb") as file:
            return self.keep(unpack("/", file), metadata)

    def images(self, label: str) -> tuple[ResolvedImage, ...]:
        """Return the images that carry the label."""
        with self.host.guard:
            found = {image.reference: image for image, _ in self.host.images.values() if label in dict(image.labels)}
        return tuple(found.values())

    def remove_image(self, reference: str) -> None:
        """Remove an image by name or id, with all its names; a missing one is no error."""
        with self.host.guard:
            if reference in self.host.images:
                image = self.host.images[reference][0]
                # A name taken over by a newer image remains with that.
                for key in [key for key, (one, _) in self.host.images.items() if one.id == image.id]:
                    del self.host.images[key]
                    self.host.persistent.discard(key)
                self.host.snapshots.pop(image.id, None)

    def keep(self, files: Files, metadata: ImageMetadata) -> str:
        """Make an image of files; return its id."""
        if metadata.name is not None and metadata.replaces:
            self.remove_image(metadata.name)
        identity = self.host.add_image(metadata.name or "", files, metadata.labels)
        if metadata.name is None:
            self.host.snapshots[identity] = self.run
        elif metadata.is_persistent:
            self.host.persistent.add(metadata.name)
            self.host.note_use(metadata.name)
        return identity

    def _remove_snapshots(self, run: str) -> None:
        for identity in [identity for identity, owner in tuple(self.host.snapshots.items()) if owner == run]:
            self.remove_image(identity)
        self.host.remove_volumes(run)

    def _image(self, reference: str) -> tuple[ResolvedImage, Files]:
        try:
            return self.host.images[reference]
        except KeyError:
            raise ImageError(f"the engine has no image {reference}", hint="FakeHost.add_image adds one.") from None
