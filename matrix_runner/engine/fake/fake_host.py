"""The daemon of fake engines: images, volumes and open containers, shared by all runs on it."""

import threading
import time
from collections.abc import Iterable
from typing import Final, TypedDict

import msgspec

from matrix_runner.engine.api import ResolvedImage, Volume
from matrix_runner.engine.fake.fake_files import Files

ANY_IMAGE: Final = "fake:latest"
"""An empty image that exists on every fake host."""


class Times(TypedDict):
    """Times of creation and of last use, in Unix time."""

    created: float
    used: float


class FakeVolume(msgspec.Struct, kw_only=True):
    """A volume. `run`: the owning run, None for a persistent one. `files`: by their path in the volume."""

    labels: tuple[tuple[str, str], ...]
    run: str | None
    files: Files = msgspec.field(default_factory=dict)


class FakeHost(msgspec.Struct, kw_only=True):
    """Images, volumes and open containers that several fake engines share, as several runs share a daemon."""

    images: dict[str, tuple[ResolvedImage, Files]] = msgspec.field(default_factory=dict)
    containers: dict[int, str] = msgspec.field(default_factory=dict)
    """Open containers by number, with their run."""
    snapshots: dict[str, str] = msgspec.field(default_factory=dict)
    """Images of one run only, by id, with their run."""
    persistent: set[str] = msgspec.field(default_factory=set)
    """Names of the persistent images."""
    volumes: dict[str, FakeVolume] = msgspec.field(default_factory=dict)
    uses: dict[str, tuple[float, float]] = msgspec.field(default_factory=dict)
    """Times of creation and of last use of images and volumes by name, in Unix time."""
    living: set[str] = msgspec.field(default_factory=set)
    guard: threading.Lock = msgspec.field(default_factory=threading.Lock)
    numbers: int = 0

    def __post_init__(self) -> None:
        self.add_image(ANY_IMAGE)

    def number(self) -> int:
        """Return a number never returned before."""
        with self.guard:
            self.numbers += 1
            return self.numbers

    def add_image(self, reference: str, files: Files | None = None, labels: tuple[tuple[str, str], ...] = ()) -> str:
        """Add an image; return its id."""
        identity = f"sha256:{self.number():064x}"
        image = ResolvedImage(reference=reference or identity, id=identity, labels=labels)
        with self.guard:
            self.images[identity] = self.images[image.reference] = (image, dict(files or {}))
        return identity

    def note_use(self, name: str) -> None:
        """Record that an image or a volume is used, or created, now."""
        created, _ = self.uses.get(name, (time.time(), 0.0))
        self.uses[name] = (created, time.time())

    def times(self, name: str) -> Times:
        """Return the times of creation and of last use of an image or a volume."""
        created, used = self.uses[name]
        return {"created": created, "used": used}

    def make_volumes(self, volumes: Iterable[Volume], run: str) -> None:
        """Create missing volumes. `run`: the owner of run-only ones."""
        with self.guard:
            for volume in volumes:
                made = FakeVolume(labels=volume.labels, run=run if volume.is_run_only else None)
                self.volumes.setdefault(volume.name, made)
                self.note_use(volume.name)

    def remove_volumes(self, run: str) -> None:
        """Remove the volumes that belong to one run."""
        with self.guard:
            for name in [name for name, volume in self.volumes.items() if volume.run == run]:
                del self.volumes[name]

    def read_volume(self, volume: Volume) -> Files:
        """Return the files of a volume by their paths in a container."""
        with self.guard:
            found = self.volumes.get(volume.name)
            return {} if found is None else {f"{volume.target}{path}": data for path, data in found.files.items()}

    def write_volume(self, volume: Volume, files: Files) -> None:
        """Store those of a container's files that are in a volume."""
        inside = {
            path.removeprefix(volume.target): data
            for path, data in files.items()
            if path.startswith(f"{volume.target}/")
        }
        with self.guard:
            if volume.name in self.volumes:
                self.volumes[volume.name].files.update(inside)
