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


class StopRequest:
    """A request to stop a run, from any thread, before the run begins or while it goes on. It counts as one Ctrl-C.

    `code`: the exit code of a signal that came besides, None without one.
    """

    def __init__(self) -> None:
        """Not requested yet."""
        self._lock = threading.Lock()
        self._is_requested = False
        self._stop: Callable[[], None] | None = None
        self.code: ExitCode | None = None

    @property
    def is_requested(self) -> bool:
        """Whether the run is to stop, or not to begin."""
        return self._is_requested

    @property
    def is_alone(self) -> bool:
        """Whether it was requested, and no signal came besides: nobody but the program itself wanted an end."""
        return self._is_requested and self.code is None

    def request(self) -> None:
        """Have the run stop. Idempotent."""
        with self._lock:
            stop, self._stop, self._is_requested = self._stop, None, True
        if stop is not None:
            stop()

    def attach(self, stop: Callable[[], None]) -> None:
        """Have `stop` called once it is requested: at once, if it was already."""
        with self._lock:
            is_late = self._is_requested
            self._stop = None if is_late else stop
        if is_late:
            stop()

    def detach(self) -> None:
        """Have nothing called any more, as the run is over."""
        with self._lock:
            self._stop = None


class Interrupt:
    """A context manager that turns signals into requests to stop the run. Main thread only, with signals.

    At the first signal the handler calls `on_first` in a thread of its own, for a handler that waits can be entered
    again. The second signal sets `is_urgent`; the third ends the process at once.
    """

    def __init__(
        self, on_first: Callable[[], None], stop: StopRequest | None = None, *, handles_signals: bool = True
    ) -> None:
        """Install no handlers yet. `stop`: a request of the program's own, which is heard as well.

        `handles_signals`: False where the process is somebody else's; then any thread may enter.
        """
        self._handled = _SIGNALS if handles_signals else {}
        self._on_first = on_first
        self._stop = stop
        self._received = 0
        self._is_stopped = False
        self._previous: dict[signal.Signals, _Handler] = {}
        self.exit_code: ExitCode | None = None

    @property
    def is_requested(self) -> bool:
        """Whether the run should stop."""
        return self._received > 0 or self._is_stopped

    @property
    def is_urgent(self) -> bool:
        """Whether the run should stop at once, without waiting for workers."""
        return self._received > 1

    def __enter__(self) -> "Interrupt":  # noqa: PYI034  Self is in typing from 3.11 on
        for number in self._handled:
            # `nohup runner build` asks to survive a closed terminal. An ignored SIGINT asks for nothing: shells set it
            # for every background job.
            if number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                continue
            self._previous[number] = signal.signal(number, self._handle)
        if self._stop is not None:
            self._stop.attach(self._be_stopped)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._stop is not None:
            self._stop.detach()
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _be_stopped(self) -> None:
        self._is_stopped = True
        self.exit_code = self.exit_code or ExitCode.INTERRUPTED
        self._call_on_first()

    def _call_on_first(self) -> None:
        threading.Thread(target=self._on_first, name="interrupt", daemon=True).start()

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        self._received += 1
        code = _SIGNALS[signal.Signals(number)]
        if self._received == 1:
            self.exit_code = code
            if self._stop is not None:
                self._stop.code = code
            self._call_on_first()
        elif self._received > 2:
            os._exit(self.exit_code or code)
