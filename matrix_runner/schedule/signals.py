"""Interrupts: the first Ctrl-C (or SIGTERM, SIGHUP) stops the run, the second does so at once, the third exits."""

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import TypeAlias

from matrix_runner.errors import ExitCode

_SIGNALS = {
    signal.SIGINT: ExitCode.INTERRUPTED,
    signal.SIGTERM: ExitCode.TERMINATED,
    # A closed terminal. GitHub's runner sends INT, then TERM after 7.5 s (actions/runner, ProcessInvoker).
    signal.SIGHUP: ExitCode.TERMINATED,
}

_Handler: TypeAlias = "Callable[[int, FrameType | None], object] | int | None"


class Interrupt:
    """A context manager that turns signals into requests to stop the run. Main thread only.

    At the first signal the handler calls `on_first` in a thread of its own, for a handler that waits can be entered
    again. The second signal sets `is_urgent`; the third ends the process at once.
    """

    def __init__(self, on_first: Callable[[], None]) -> None:
        """Install no handlers yet."""
        self._on_first = on_first
        self._received = 0
        self._previous: dict[signal.Signals, _Handler] = {}
        self.exit_code: ExitCode | None = None

    @property
    def is_requested(self) -> bool:
        """Whether the run should stop."""
        return self._received > 0

    @property
    def is_urgent(self) -> bool:
        """Whether the run should stop at once, without waiting for workers."""
        return self._received > 1

    def __enter__(self) -> "Interrupt":  # noqa: PYI034  Self is in typing from 3.11 on
        for number in _SIGNALS:
            # `nohup runner build` asks to survive a closed terminal. An ignored SIGINT asks for nothing: shells set it
            # for every background job.
            if number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                continue
            self._previous[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        self._received += 1
        if self.exit_code is None:
            self.exit_code = _SIGNALS[signal.Signals(number)]
        if self._received == 1:
            threading.Thread(target=self._on_first, name="interrupt", daemon=True).start()
        elif self._received > 2:
            os._exit(self.exit_code)
