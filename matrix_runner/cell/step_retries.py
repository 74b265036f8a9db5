"""Further tries of steps that have failed for want of the network: which steps, how many, after which pause."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Final

from matrix_runner.model.outcomes import StepKind

_IN_PLACE: Final = frozenset(
    {
        StepKind.BUILD_ENVIRONMENT,
        StepKind.SDIST,
        StepKind.BUILD,
        StepKind.AUDIT,
        StepKind.TEST_ENVIRONMENT,
        StepKind.INSTALL,
    }
)
"""Commands of ours, which may be run twice in the same container."""

_ANEW: Final = frozenset({StepKind.BEFORE_ALL, StepKind.BEFORE_BUILD, StepKind.BEFORE_TEST})
"""Commands of the user's: `git clone` into a directory that an earlier try has made would fail for another reason."""

_PAUSES: Final = (2.0, 8.0, 30.0)
"""Seconds before each further try; the last again and again. Installers have waited for seconds themselves."""

_BLINK: Final = 0.2


class StepRetries:
    """The further tries of one cell's steps, counted by kind: each kind may be tried again as often as the others."""

    def __init__(self, most: int, *, is_cancelled: Callable[[], bool]) -> None:
        """`most`: the option `retries`. `is_cancelled`: whether the run is to end, which a pause would hold up."""
        self._most = most
        self._is_cancelled = is_cancelled
        self._made = Counter[StepKind]()

    def made(self, kind: StepKind) -> int:
        """Return how many further tries there were."""
        return self._made[kind]

    def pause_before(self, kind: StepKind) -> float | None:
        """Return the seconds to wait before another try; None if there is to be none."""
        made = self._made[kind]
        if kind not in _IN_PLACE | _ANEW or made >= self._most or self._is_cancelled():
            return None
        return _PAUSES[min(made, len(_PAUSES) - 1)]

    def wait(self, kind: StepKind, seconds: float) -> bool:
        """Wait, and count the try that follows; return False if the run is to end meanwhile."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self._is_cancelled():
                return False
            time.sleep(_BLINK)
        self._made[kind] += 1
        return True


def begins_anew(kind: StepKind) -> bool:
    """Whether a further try of such a step needs another container, with all that comes before it."""
    return kind in _ANEW
