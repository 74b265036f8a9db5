"""Execution of one command on this machine: own session, deadlines, removal of its processes."""

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from matrix_runner.engine.api import Ending, ExecResult, OnOutput

_TICK: Final = 0.05
"""Seconds between two checks of a command that prints nothing."""
_GRACE: Final = 3.0
"""Seconds between SIGTERM and SIGKILL."""
_LINGER: Final = 0.5
"""Seconds allowed for further output of a command's processes after its end: `exec > >(tee log)` prints late."""
_CHUNK: Final = 65536
_PIPE_READS: Final = 16
_NOT_EXECUTABLE: Final = 126
_NOT_FOUND: Final = 127


class LocalCommand(msgspec.Struct, frozen=True, kw_only=True):
    """A command to run. `env` is complete. `timeout`, `silence`: seconds, None for no limit."""

    argv: tuple[str, ...]
    cwd: str
    env: Mapping[str, str]
    timeout: float | None = None
    silence: float | None = None

    def run(self, on_output: OnOutput, on_session: Callable[[int], None]) -> ExecResult:
        """Run the command to its end; `on_session` receives its session's id as soon as it is known.

        A command that cannot be started ends like in a shell, 127 or 126 with a line of output. Processes that a
        command leaves in its session are killed; a daemon with a session of its own is neither killed nor waited for.
        """
        began = time.monotonic()
        try:
            process = subprocess.Popen(
                self.argv,
                cwd=self.cwd,
                env=dict(self.env),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                bufsize=0,
                start_new_session=True,
                # As in containers: modes of files become modes in the wheel.
                umask=0o022,
            )
        except OSError as error:
            on_output(f"{error.filename or self.argv[0]}: {error.strerror}\n".encode())
            missing = isinstance(error, FileNotFoundError) and error.filename != self.cwd
            return _exited(_NOT_FOUND if missing else _NOT_EXECUTABLE, began)
        except ValueError as error:  # a NUL character
            on_output(f"{self.argv[0]!r}: {error}\n".encode())
            return _exited(_NOT_EXECUTABLE, began)
        try:
            on_session(process.pid)
            ending = _Watch(process, on_output).until_end(began, self.timeout, self.silence)
        finally:
            # Before the wait, which frees the session's id for another process.
            signal_session(process.pid, signal.SIGKILL)
            code: int = process.wait()
            if process.stdout:
                process.stdout.close()
        if ending is Ending.EXITED:
            # As in shells: a command ended by SIGTERM, -15, has status 143.
            return _exited(128 - code if code < 0 else code, began)
        return ExecResult(ending=ending, status=None, seconds=time.monotonic() - began)


def _exited(status: int, began: float) -> ExecResult:
    return ExecResult(ending=Ending.EXITED, status=status, seconds=time.monotonic() - began)


class _Watch:
    """Reads a process's output until the process ends, or a deadline ends it."""

    def __init__(self, process: "subprocess.Popen[bytes]", on_output: OnOutput) -> None:
        if process.stdout is None:
            raise ValueError("the process has no pipe to read from")
        self._process = process
        self._on_output = on_output
        self._fd = process.stdout.fileno()
        self._is_open = True
        self._nap = 0.001
        os.set_blocking(self._fd, False)
        self._poll = select.poll()
        self._poll.register(self._fd, select.POLLIN)

    def until_end(self, began: float, timeout: float | None, silence: float | None) -> Ending:
        """Return EXITED or the deadline that passed; in the latter case the session has been terminated, or killed."""
        last_heard = began
        while not self._has_ended():
            if self._read(_TICK):
                last_heard = time.monotonic()
            now = time.monotonic()
            if timeout is not None and now - began >= timeout:
                return self._stop(Ending.TIMED_OUT)
            if silence is not None and now - last_heard >= silence:
                return self._stop(Ending.WENT_SILENT)
        self._drain(_LINGER)
        return Ending.EXITED

    def _has_ended(self) -> bool:
        """Return whether the process has ended, without reaping it: until then its id is not reused."""
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self._process.pid, options) is not None

    def _stop(self, ending: Ending) -> Ending:
        signal_session(self._process.pid, signal.SIGTERM)
        deadline = time.monotonic() + _GRACE
        while not self._has_ended() and time.monotonic() < deadline:
            self._read(_TICK)
        signal_session(self._process.pid, signal.SIGKILL)
        self._drain(_TICK)
        return ending

    def _drain(self, seconds: float) -> None:
        """Read until the end of the pipe, but no longer than `seconds`: a daemon may hold the pipe open for ever."""
        deadline = time.monotonic() + seconds
        while self._is_open and time.monotonic() < deadline:
            self._read(_TICK)
        # A slow listener may have used up the time: the pipe's present content, a megabyte at most, is still passed on.
        for _ in range(_PIPE_READS):
            if not (self._is_open and self._read(0)):
                break

    def _read(self, seconds: float) -> bool:
        """Pass on output that arrives within `seconds`; return whether there was any."""
        if not self._is_open:
            # Most commands end right after they close their output; one that does not is checked less and less often.
            time.sleep(min(self._nap, seconds))
            self._nap *= 2
            return False
        if not self._poll.poll(seconds * 1000):
            return False
        try:
            data = os.read(self._fd, _CHUNK)
        except BlockingIOError:
            return False
        if data:
            self._on_output(data)
        else:
            self._is_open = False
        return bool(data)


def signal_session(session: int, number: signal.Signals) -> None:
    """Send a signal to every process of a session, in any process group: shells with job control create groups.

    Its first process may have ended, but must not have been reaped: otherwise the id may belong to another session.
    """
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError, IndexError):
            # After the command's name, which may contain anything: state, parent, group, session (proc(5)).
            fields = stat.read_bytes().rpartition(b") ")[2].split()
            if int(fields[3]) == session and fields[0] != b"Z":
                os.kill(int(stat.parent.name), number)
