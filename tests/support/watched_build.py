"""`runner watch` without a terminal, on this machine itself: started, and read line by line."""

import contextlib
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from runner_process import runner_argv, runner_environ
from stub_project import ONLY

RESTING = "; Ctrl-C ends it"
"""The end of the line that says that nothing runs."""


class WatchedBuild:
    """The command at work. `lines`: all that it has printed so far."""

    def __init__(self, argv: list[str], cwd: Path, environ: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            argv,
            cwd=cwd,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.lines: list[str] = []
        self._coming: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as stream:
            for line in stream:
                self._coming.put(line.rstrip("\n"))
        self._coming.put(None)

    def close(self) -> None:
        """Kill it, if it has not ended."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(30)
        self._reader.join(30)

    def wait_for(self, words: str, seconds: float = 120.0) -> list[str]:
        """Read until a line has these words; return the lines since the last one that was waited for."""
        began, deadline = len(self.lines), time.monotonic() + seconds
        while time.monotonic() < deadline:
            with contextlib.suppress(queue.Empty):
                line = self._coming.get(timeout=0.2)
                assert line is not None, f"it ended before {words!r}:\n" + "\n".join(self.lines)
                self.lines.append(line)
                if words in line:
                    return self.lines[began:]
        raise AssertionError(f"no {words!r} in:\n" + "\n".join(self.lines))

    def is_silent(self, seconds: float) -> bool:
        """Return whether it prints nothing for some seconds."""
        try:
            line = self._coming.get(timeout=seconds)
        except queue.Empty:
            return True
        self.lines.append(str(line))
        return False

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send a signal, and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(30)


@contextlib.contextmanager
def watched_build(project: Path, output: Path, *arguments: str, **variables: str) -> Iterator[WatchedBuild]:
    """Watch a project from within its directory, until the context is left; of this Python, unless flags select."""
    only = () if "--only" in arguments else ("--only", ONLY)
    argv = runner_argv("watch", *only, "--output-dir", output, *arguments)
    build = WatchedBuild(argv, project, runner_environ(**variables))
    try:
        yield build
    finally:
        build.close()
