"""One command, timed by the monotonic clock from its start to its end."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workload import BenchmarkError

LIMIT = 1800.0
"""Seconds after which a run counts as failed."""


def timed(argv: tuple[str, ...], env: dict[str, str], cwd: Path, log: Path) -> float:
    """Run a command with its output in a file; return the wall-clock seconds. Raise BenchmarkError if it fails."""
    with log.open("wb") as stream:
        started = time.monotonic()
        try:
            done = subprocess.run(
                argv,
                check=False,
                env=env,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                timeout=LIMIT,
            )
        except subprocess.TimeoutExpired as error:
            raise BenchmarkError(f"no end after {LIMIT:.0f} s; see {log}") from error
        except FileNotFoundError as error:
            raise BenchmarkError(f"{argv[0]} is not there") from error
        seconds = time.monotonic() - started
    if done.returncode != 0:
        raise BenchmarkError(f"exit status {done.returncode}; see {log}")
    return seconds


@contextmanager
def at_once(argvs: tuple[tuple[str, ...], ...], log: Path) -> Iterator[tuple[subprocess.Popen[bytes], ...]]:
    """Start commands side by side; none of them outlives the block."""
    running: list[subprocess.Popen[bytes]] = []
    with log.open("ab") as stream:
        try:
            for argv in argvs:
                running.append(  # noqa: PERF401 - each must be known before the next can fail
                    subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT)
                )
            yield tuple(running)
        finally:
            for process in running:
                process.kill()
                process.wait()
