"""Builds that are started and not waited for: what runs for them, and whether anything is left of it."""

import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from runner_process import runner_argv, runner_environ


def start(
    project: Path, output: Path, *arguments: str, variables: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start `runner build` in a session of its own."""
    return subprocess.Popen(
        runner_argv("build", project, "--output-dir", output, *arguments),
        env=runner_environ(**(variables or {})),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def wait_for(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait until something is so, or fail."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def run_id(process: subprocess.Popen[bytes]) -> str:
    """Return the id that the run says it has, in the first line after the notes."""
    assert process.stdout is not None
    for line in process.stdout:
        _, found, run = line.decode().rpartition(" run ")
        if found:
            return run.strip()
    raise AssertionError("the run ended before it said its id")


def containers(run: str) -> tuple[str, ...]:
    """Return the ids of the run's containers."""
    assert run
    return _labelled("run", run)


def containers_of(owner: str) -> tuple[str, ...]:
    """Return the ids of an owner's containers: those of all its runs."""
    return _labelled("owner", owner)


def _labelled(label: str, value: str) -> tuple[str, ...]:
    argv = ("docker", "ps", "-aq", "--filter", f"label=matrix-runner.{label}={value}")
    return tuple(subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split())


def processes(word: str) -> tuple[str, ...]:
    """Return the command lines on this machine that have a word among their arguments, in containers too."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            arguments = path.read_bytes().decode("utf-8", "replace").split("\0")
        except OSError:
            continue
        if word in arguments:
            found.append(" ".join(arguments).strip())
    return tuple(found)
