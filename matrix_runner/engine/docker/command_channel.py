"""Execution of commands over a container's lifeline, one at a time, with deadlines.

The engines' own timeouts are not used: the Docker SDK has none where they matter (it polls without limit).
"""

import contextlib
import secrets
import socket
import time
from collections.abc import Callable, Mapping

from matrix_runner.engine.api import SHORT_COMMAND_SECONDS, Ending, ExecRequest, ExecResult, OnOutput
from matrix_runner.engine.docker.worker_shell import (
    READY,
    End,
    FrameReader,
    MarkScanner,
    opening_text,
    reap_text,
    request_text,
    unpack_text,
)

_CHUNK = 256 * 1024
_FIRST_WORDS = 500
"""Maximum number of bytes stored of a container's output before its shell answers."""

GRACE = 3.0
"""Seconds between TERM and KILL: GitHub grants a cancelled job 7.5 s in all."""

Clock = Callable[[], float]
Signal = Callable[[str], None]
"""Sends `TERM` or `KILL` to all processes of the running command, bypassing the worker, which is busy."""


class CommandChannel:
    """One container's command channel. `run` from one thread; `hang_up` from any."""

    def __init__(self, channel: socket.socket, signal: Signal, *, clock: Clock = time.monotonic) -> None:
        self._channel = channel
        self._signal = signal
        self._clock = clock
        self._frames = FrameReader()
        self._is_usable = True
        self._first_words = b""

    @property
    def first_words(self) -> str:
        """The output in place of an answer to `start`: the reason why the container does not run, if it is known."""
        return self._first_words.decode("utf-8", "replace").strip()

    def start(self, timeout: float) -> bool:
        """Prepare the worker; return whether it answered within `timeout` seconds."""
        nonce = _nonce()
        return self._control(opening_text(nonce), nonce, timeout) is not None

    def run(self, request: ExecRequest, env: Mapping[str, str], on_output: OnOutput) -> ExecResult:
        """Run a command and wait for its end; `env` is complete, including the request's own variables.

        Output is passed on immediately and not stored; a slow `on_output` slows the command down. If `on_output`
        raises, the position in the stream is lost, and every later command ends as LOST.
        """
        began = self._clock()
        if not self._is_usable:
            return ExecResult(ending=Ending.LOST, status=None, seconds=0.0)
        self._is_usable = False
        nonce = _nonce()
        scanner = MarkScanner(nonce)
        ending = Ending.LOST
        if self._send(request_text(request.argv, env, request.cwd, nonce)):
            ending = self._follow(scanner, on_output, request, began)
        if ending in {Ending.TIMED_OUT, Ending.WENT_SILENT}:
            self._stop(scanner, on_output)
        elif scanner.end is not None and scanner.end.status is not None:
            self._is_usable = True
        return self._result(ending, scanner.end, began)

    def unpack(self, directory: str, archive: bytes) -> bool:
        """Unpack a tar archive in a directory; return whether this was possible and succeeded.

        If not, the directory may contain a part of it.
        """
        if not self._is_usable:
            return False
        self._is_usable = False
        nonce = _nonce()
        scanner = MarkScanner(nonce)
        until = self._clock() + SHORT_COMMAND_SECONDS
        if not self._send(unpack_text(directory, len(archive), nonce)):
            return False
        if self._hear(scanner, until, lambda heard: heard.startswith(READY)) and scanner.end is None:
            self._send(archive)
            self._hear(scanner, until, lambda _: False)
        self._is_usable = scanner.end is not None and scanner.end.status is not None
        return scanner.end is not None and scanner.end.status == 0

    def hang_up(self) -> None:
        """End the lifeline: the container dies, and a running command ends as LOST at once."""
        self._is_usable = False
        with contextlib.suppress(OSError):
            self._channel.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the socket, once no thread uses it any more."""
        self.hang_up()
        self._channel.close()

    def _result(self, ending: Ending, end: End | None, began: float) -> ExecResult:
        status = end.status if end is not None and ending is Ending.EXITED else None
        if end is not None and end.oom_kills > 0 and ending is Ending.EXITED and status != 0:
            ending, status = Ending.OUT_OF_MEMORY, None
        return ExecResult(ending=ending, status=status, seconds=self._clock() - began)

    def _follow(self, scanner: MarkScanner, on_output: OnOutput, request: ExecRequest, began: float) -> Ending:
        heard = began
        while True:
            limits = []
            if request.timeout is not None:
                limits.append((began + request.timeout, Ending.TIMED_OUT))
            if request.silence is not None:
                limits.append((heard + request.silence, Ending.WENT_SILENT))
            until, reached = min(limits, key=lambda limit: limit[0]) if limits else (None, Ending.LOST)
            if until is not None and self._clock() >= until:
                return reached
            data = self._receive(until)
            if data is None:
                return reached
            if not data:
                _hand_on(scanner.flush(), on_output)
                return Ending.LOST
            output = scanner.feed(self._frames.feed(data))
            if output:
                on_output(output)
                # Read the clock afterwards: a slow listener's time is not the command's silence.
                heard = self._clock()
            if scanner.end is not None:
                return Ending.EXITED if scanner.end.status is not None else Ending.LOST

    def _stop(self, scanner: MarkScanner, on_output: OnOutput) -> None:
        """Send TERM, wait, send KILL; then kill orphaned processes, so that the container remains usable."""
        for signal in ("TERM", "KILL"):
            self._signal(signal)
            until = self._clock() + GRACE
            while scanner.end is None and self._clock() < until:
                data = self._receive(until)
                if data is None:
                    break
                if not data:
                    return
                _hand_on(scanner.feed(self._frames.feed(data)), on_output)
            if scanner.end is not None:
                break
        nonce = _nonce()
        if scanner.end is not None and self._control(reap_text(nonce), nonce, GRACE) is not None:
            self._is_usable = True
        else:
            self.hang_up()

    def _control(self, text: bytes, nonce: str, timeout: float) -> End | None:
        scanner = MarkScanner(nonce, has_begin=False)
        until = self._clock() + timeout
        if not self._send(text):
            return None

        def keep(heard: bytes) -> bool:
            self._first_words = (self._first_words + heard)[:_FIRST_WORDS]
            return False

        if not self._hear(scanner, until, keep) or scanner.end is None:
            self._first_words += scanner.flush()
            return None
        return scanner.end

    def _hear(self, scanner: MarkScanner, until: float, is_enough: Callable[[bytes], bool]) -> bool:
        """Receive until the end mark, or until `is_enough` accepts a piece; return whether either came in time."""
        while scanner.end is None:
            data = self._receive(until) if self._clock() < until else None
            if not data:
                return False
            if is_enough(scanner.feed(self._frames.feed(data))):
                break
        return True

    def _send(self, text: bytes) -> bool:
        try:
            self._channel.settimeout(60.0)
            self._channel.sendall(text)
        except OSError:
            return False
        return True

    def _receive(self, until: float | None) -> bytes | None:
        """Return a piece of the stream, b"" at its end, None after the time `until`."""
        try:
            self._channel.settimeout(None if until is None else max(0.001, until - self._clock()))
            return self._channel.recv(_CHUNK)
        except TimeoutError:
            return None
        except OSError:
            return b""


def _hand_on(output: bytes, on_output: OnOutput) -> None:
    if output:
        on_output(output)


def _nonce() -> str:
    return secrets.token_hex(16)
