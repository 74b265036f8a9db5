"""A terminal of its own for a command, on which a test types and reads as a person does."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

_NOISE = re.compile("\x1b\\[\\?2004[hl]\r?|\r(?=\n)")
"""Bash's announcement that it can tell pasted text, and the terminal's own line ends."""


class PlayedTerminal:
    """A command on a pseudo-terminal. `seen`: all that it has shown so far, without noise."""

    def __init__(self, argv: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> None:
        """Start the command, as the one that the terminal belongs to."""
        self._child, self._master = pty.fork()
        if self._child == 0:
            try:
                os.chdir(cwd)
                os.execvpe(argv[0], list(argv), dict(env))  # noqa: S606  a shell would be one more thing between
            finally:
                os._exit(127)
        # Wide enough for a prompt with a long directory.
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 240, 0, 0))
        self._status: int | None = None
        self.seen = ""

    def close(self) -> None:
        """Kill the command, if it has not ended."""
        if self._ended() is None:
            os.kill(self._child, signal.SIGKILL)
            os.waitpid(self._child, 0)
        os.close(self._master)

    def type(self, text: str) -> None:
        """Type some keys."""
        os.write(self._master, text.encode())

    def wait_for(self, text: str, seconds: float = 40.0) -> str:
        """Read until a text appears, and return all up to it that came since the last one. Raise AssertionError."""
        began = len(self.seen)
        deadline = time.monotonic() + seconds
        while text not in self.seen[began:]:
            assert time.monotonic() < deadline, f"{text!r} did not appear in:\n{self.seen}"
            if not self._read():
                raise AssertionError(f"it ended before {text!r} appeared:\n{self.seen}")
        return self.seen[began:]

    def end(self, seconds: float = 60.0) -> int:
        """Read to the end, and return the command's exit status."""
        deadline = time.monotonic() + seconds
        while self._read():
            assert time.monotonic() < deadline, f"it does not end:\n{self.seen}"
        while (status := self._ended()) is None:
            assert time.monotonic() < deadline, f"it does not end:\n{self.seen}"
            time.sleep(0.05)
        return status

    def _ended(self) -> int | None:
        """Return the command's exit status, None while it runs."""
        if self._status is None:
            pid, status = os.waitpid(self._child, os.WNOHANG)
            self._status = os.waitstatus_to_exitcode(status) if pid else None
        return self._status

    def _read(self) -> bool:
        """Read what there is; return whether there may be more."""
        ready, _, _ = select.select([self._master], [], [], 0.2)
        if not ready:
            return self._ended() is None
        try:
            data = os.read(self._master, 65536)
        except OSError:
            # Linux gives EIO once the other side is closed.
            return False
        self.seen += _NOISE.sub("", data.decode(errors="replace"))
        return bool(data)
