"""An engine that goes away in the middle of a run, as for its upgrade: recognised, and waited for."""

import threading
import time
from collections.abc import Callable
from typing import Final

from matrix_runner.engine.api import Engine
from matrix_runner.errors import EngineError, EngineNotReady, ImageError, MachineError

_PAUSE: Final = 1.0
"""Seconds between two questions, and before the first: a daemon that stops still answers for a moment."""

_ANSWER_SECONDS: Final = 5

_LOSSES: Final = 3
"""The maximum of times that one piece of work begins anew because the engine was away."""


class EngineWatch:
    """The run's view of whether its engine is there. Thread-safe."""

    def __init__(self, engine: Engine, *, seconds: float, is_cancelled: Callable[[], bool]) -> None:
        """`seconds`: the time that an engine has to come back. `is_cancelled`: whether the run is to end."""
        self._engine = engine
        self._seconds = seconds
        self._is_cancelled = is_cancelled
        self._lock = threading.Lock()
        self._is_given_up = False

    def has_gone(self, error: MachineError) -> bool:
        """Whether an error comes of an engine that does not answer any more; asks it if the error does not tell."""
        if isinstance(error, EngineNotReady):
            return True
        if not isinstance(error, EngineError) or isinstance(error, ImageError) or self._is_cancelled():
            return False
        return self.is_away()

    def has_come_back(self, error: MachineError, losses: int, tell: Callable[[str], None]) -> bool:
        """Whether work that an error has ended may begin anew, as the engine was away and answers again; waits for it.

        `losses`: how often the work has been ended by an error. `tell`: called before the wait.
        """
        if losses > _LOSSES or self._is_cancelled() or not self.has_gone(error):
            return False
        tell(f"{error.message}; waiting for the engine")
        return self.wait()

    def is_away(self) -> bool:
        """Whether the engine does not answer, after a moment."""
        time.sleep(_PAUSE)
        return not self._answers()

    def wait(self) -> bool:
        """Wait until the engine answers; return whether it does. A restart ends every container.

        Once the whole time was waited in vain, the engine is given up: later calls ask it once.
        """
        deadline = time.monotonic() + self._seconds
        while not self._is_cancelled():
            if not self.is_away():
                with self._lock:
                    self._is_given_up = False
                return True
            with self._lock:
                self._is_given_up = self._is_given_up or time.monotonic() > deadline
                if self._is_given_up:
                    return False
        return False

    def _answers(self) -> bool:
        try:
            self._engine.check(seconds=_ANSWER_SECONDS)
        except MachineError:
            return False
        return True
