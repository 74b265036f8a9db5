"""A call that must not take for ever, into a library that sets no limit to it."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class LimitedCall(Generic[T]):
    """A call in a thread of its own, which is left alone once its time is over: it must not keep the process."""

    def __init__(self, call: Callable[[], T]) -> None:
        """Begin it."""
        self._call = call
        self._result: T | None = None
        self._error: Exception | None = None
        self._is_over = threading.Event()
        threading.Thread(target=self._work, daemon=True, name="limited-call").start()

    def _work(self) -> None:
        try:
            self._result = self._call()
        except Exception as error:  # noqa: BLE001  it is raised where it is waited for
            self._error = error
        finally:
            self._is_over.set()

    def result(self, seconds: float) -> T:
        """Wait for its result, or raise its error. Raise TimeoutError after so many seconds."""
        if not self._is_over.wait(seconds):
            raise TimeoutError(f"no answer within {seconds:.0f} s")
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]  # there is one where there is no error
