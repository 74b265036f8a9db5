"""The workers of a cluster that have refused cells, by image: for the rest of the run, or for a while."""

import math
import threading
import time
from typing import Final

from matrix_runner.probe.image_probe import ImageKey

_PASSING: Final = 30.0
"""Seconds after which a worker whose engine, or disk, was in trouble is asked again."""


class Refusals:
    """Refusals of cells of an image. Thread-safe. Where one was refused, the others of that image would be as well."""

    def __init__(self) -> None:
        """None yet."""
        self._lock = threading.Lock()
        self._until: dict[ImageKey, dict[str, float]] = {}

    def add(self, image: ImageKey, address: str, *, is_passing: bool) -> None:
        """Note that a worker has refused. `is_passing`: whether it may be asked again later."""
        with self._lock:
            until = time.monotonic() + _PASSING if is_passing else math.inf
            self._until.setdefault(image, {})[address] = until

    def of(self, image: ImageKey) -> frozenset[str]:
        """Return the addresses of workers that are not to be asked now."""
        now = time.monotonic()
        with self._lock:
            return frozenset(address for address, until in self._until.get(image, {}).items() if until > now)

    def is_any_passing(self, image: ImageKey) -> bool:
        """Whether one of them may be asked again later."""
        with self._lock:
            return any(until < math.inf for until in self._until.get(image, {}).values())
