"""What a person is told while an image is being made."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from matrix_runner.model.platforms import Arch


class Stage(Enum):
    """What became of a part."""

    FETCHED = "fetched"
    COMPILED = "compiled"
    REUSED = "is there"
    MADE = "made"
    KEPT = "up to date"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildProgress:
    """A part is done. `arch` is None for what all architectures share; `seconds`: how long it took."""

    arch: Arch | None
    part: str
    stage: Stage
    seconds: float


OnProgress = Callable[[BuildProgress], None]
"""Called from several threads."""
