"""A socket between a run and the engine: it kills the run at a request, which the engine gets all the same."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from matrix_runner.engine.docker.endpoint import resolve_endpoint


class EngineRelay:
    """Passes bytes on in both directions. `was_reached`: whether the request has come at which it kills."""

    def __init__(self, upstream: Path) -> None:
        self._upstream = upstream
        self._request: re.Pattern[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._started = threading.Event()
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.was_reached = False

    def killed_at(self, name: str, start: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
        """Start a run, which is killed at its first request for `create`, `attach` or `start` of a container."""
        self._request = re.compile(rb"^POST /\S*/containers/(\w+/)?%b\b" % name.encode())
        self._process = start()
        self._started.set()
        return self._process

    def serve(self, listener: socket.socket) -> None:
        """Accept connections until the listener is closed."""
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(str(self._upstream))
                self._sockets += (near, far)
                for one, other, is_request in ((near, far, True), (far, near, False)):
                    thread = threading.Thread(target=self._pass_on, args=(one, other, is_request), daemon=True)
                    thread.start()
                    self._threads.append(thread)

    def close(self) -> None:
        """End all connections."""
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        for one in self._sockets:
            one.close()

    def _pass_on(self, source: socket.socket, target: socket.socket, is_request: bool) -> None:  # noqa: FBT001
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if is_request:
                    self._look_at(data)
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def _look_at(self, data: bytes) -> None:
        if self._request is not None and not self.was_reached and self._request.search(data):
            self._started.wait(10)
            assert self._process is not None
            self.was_reached = True
            os.kill(self._process.pid, signal.SIGKILL)
            self._process.wait()


@contextlib.contextmanager
def engine_relay(near: Path) -> Iterator[EngineRelay]:
    """Listen at a socket; pass on to the engine of the surroundings."""
    upstream = resolve_endpoint(os.environ).socket_path
    assert upstream is not None
    relay = EngineRelay(upstream)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(near))
        listener.listen(64)
        serving = threading.Thread(target=relay.serve, args=(listener,), daemon=True)
        serving.start()
        try:
            yield relay
        finally:
            # A thread that waits in accept() is not woken by close().
            listener.shutdown(socket.SHUT_RDWR)
            serving.join(10)
            relay.close()
