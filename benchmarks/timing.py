"""Commands, timed by the monotonic clock from the start of the first to the end of the last."""

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workload import BenchmarkError

LIMIT = 1800.0
"""Seconds after which a run counts as failed."""


def timed(*argvs: tuple[str, ...], log: Path, env: dict[str, str] | None = None, cwd: Path | None = None) -> float:
    """Run commands side by side with their output in a file; return seconds. Raise BenchmarkError if one fails."""
    processes: list[subprocess.Popen[bytes]] = []
    with log.open("ab") as stream, _all_killed(processes) as is_late:
        started = time.monotonic()
        for argv in argvs:
            try:
                process = subprocess.Popen(
                    argv, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT
                )
            except FileNotFoundError as error:
                raise BenchmarkError(f"{argv[0]} is not there") from error
            processes.append(process)
        # Not with a timeout: Popen then looks only every 50 ms whether the process has ended.
        statuses = [process.wait() for process in processes]
        seconds = time.monotonic() - started
    if is_late.is_set():
        raise BenchmarkError(f"no end after {LIMIT:.0f} s; see {log}")
    if any(statuses):
        raise BenchmarkError(f"exit status {', '.join(map(str, statuses))}; see {log}")
    return seconds


@contextmanager
def _all_killed(processes: list[subprocess.Popen[bytes]]) -> Iterator[threading.Event]:
    """See that none outlives the block or the limit; the event tells whether that was reached."""
    is_late = threading.Event()

    def stop() -> None:
        is_late.set()
        for process in processes:
            process.kill()

    alarm = threading.Timer(LIMIT, stop)
    alarm.start()
    try:
        yield is_late
    finally:
        alarm.cancel()
        for process in processes:
            process.kill()
            process.wait()
