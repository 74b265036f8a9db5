"""Facts that are being gathered, in a thread of their own: whoever asks for them waits, up to one common deadline."""

import threading
import time
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from matrix_runner.doctor.verdict import Trouble
from matrix_runner.errors import RunnerError

T = TypeVar("T")

SECONDS: Final = 30.0
"""The time for all of it; each question has a shorter limit of its own, except for what has none (a dead disk)."""


class Pending(Generic[T]):
    """Facts on their way."""

    def __init__(self, what: str, gather: Callable[[], T], deadline: float) -> None:
        """Start to gather. `what`: names it in a sentence. `deadline`: by `time.monotonic`."""
        self._what = what
        self._gather = gather
        self._deadline = deadline
        self._result: T | Trouble | None = None
        # A thread that hangs must not keep the process.
        self._thread = threading.Thread(target=self._work, name=f"doctor-{what}", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        try:
            self._result = self._gather()
        except RunnerError as error:
            self._result = Trouble(text=error.message, remedy=error.hint, is_certain=True)
        except OSError as error:
            self._result = Trouble(text=f"{self._what} cannot be examined: {error}")
        except Exception as bug:  # noqa: BLE001  the answers to all other questions are worth having
            text = f"{self._what} cannot be examined: {type(bug).__name__}: {bug}"
            self._result = Trouble(text=text, remedy="this is a mistake of matrix-runner: please report it")

    def facts(self) -> T | Trouble:
        """Wait for the facts; return why there are none, if there are none in time."""
        self._thread.join(max(self._deadline - time.monotonic(), 0))
        if self._result is None:
            return Trouble(text=f"{self._what} cannot be examined: no answer within {SECONDS:.0f} s")
        return self._result
