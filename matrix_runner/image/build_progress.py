"""Progress reports of an image build, for the user."""

from collections.abc import Callable
from enum import Enum

import msgspec


class Stage(Enum):
    """The result of building a part."""

    FETCHED = "fetched"
    COMPILED = "compiled"
    REUSED = "is there"
    MADE = "made"
    KEPT = "up to date"

    def __str__(self) -> str:
        return self.value


class BuildProgress(msgspec.Struct, frozen=True, kw_only=True):
    """A finished part. `tag`: its image's platform tag, None for parts common to several; `seconds`: its duration."""

    tag: str | None
    part: str
    stage: Stage
    seconds: float


OnProgress = Callable[[BuildProgress], None]
"""Receives each finished part; called from several threads."""
