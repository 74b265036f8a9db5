"""Progress reports of an image build, for the user."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from matrix_runner.model.platforms import Arch


class Stage(Enum):
    """The result of building a part."""

    FETCHED = "fetched"
    COMPILED = "compiled"
    REUSED = "is there"
    MADE = "made"
    KEPT = "up to date"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildProgress:
    """A finished part. `arch` is None for parts common to all architectures; `seconds`: its duration."""

    arch: Arch | None
    part: str
    stage: Stage
    seconds: float


OnProgress = Callable[[BuildProgress], None]
"""Receives each finished part; called from several threads."""
