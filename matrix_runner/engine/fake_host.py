"""What fake engines share, as the runs on one machine share a daemon."""

import threading
from dataclasses import dataclass, field
from typing import Final

from matrix_runner.engine.api import ResolvedImage
from matrix_runner.engine.fake_files import Files

ANY_IMAGE: Final = "fake:latest"
"""An image that every fake host has, with nothing in it."""


@dataclass(kw_only=True, slots=True)
class FakeHost:
    """What several engines share, as several runs share a daemon: images, and who holds what."""

    images: dict[str, tuple[ResolvedImage, Files]] = field(default_factory=dict)
    containers: dict[int, str] = field(default_factory=dict)
    """Open containers by number, with their run."""
    snapshots: dict[str, str] = field(default_factory=dict)
    """Images of one run only, by id, with their run."""
    living: set[str] = field(default_factory=set)
    guard: threading.Lock = field(default_factory=threading.Lock)
    numbers: int = 0

    def __post_init__(self) -> None:
        self.add_image(ANY_IMAGE)

    def number(self) -> int:
        """Return a number never returned before."""
        with self.guard:
            self.numbers += 1
            return self.numbers

    def add_image(self, reference: str, files: Files | None = None, labels: tuple[tuple[str, str], ...] = ()) -> str:
        """Put an image there; return its id."""
        identity = f"sha256:{self.number():064x}"
        image = ResolvedImage(reference=reference or identity, id=identity, labels=labels)
        with self.guard:
            self.images[identity] = self.images[image.reference] = (image, dict(files or {}))
        return identity
