"""Reading of a cell's log as a person asks for it: one step of it, or all of it while it is written."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from matrix_runner.files import read_chunks, read_exactly
from matrix_runner.report.log_index import read_index
from matrix_runner.report.log_sections import sections

_PAUSE = 0.2
"""Seconds between two looks at a log that grows; the log itself is written twice a second."""


def step_of_log(log: Path, cell: str, step: str) -> Iterator[bytes]:
    """Yield the parts of a log that belong to a step, in chunks. Raise OSError if it cannot be read."""
    found = [each for each in sections(log, read_index(log.parent).get(cell, ())) if each.step == step]
    with log.open("rb") as file:
        for section in found:
            file.seek(section.begin)
            yield from read_exactly(file, section.end - section.begin, str(log))


def steps_of_log(log: Path, cell: str) -> tuple[str, ...]:
    """Return the steps that a log has, in order. Raise OSError if it cannot be read."""
    found = (each.step for each in sections(log, read_index(log.parent).get(cell, ())) if each.step)
    return tuple(dict.fromkeys(found))


def followed_log(
    log: Path, is_over: Callable[[], bool], sleep: Callable[[float], None] = time.sleep
) -> Iterator[bytes]:
    """Yield a log in chunks as it is written, also if it is not there yet, until the run is over.

    `is_over`: whether nobody writes any more. Raise OSError if the log cannot be read.
    """
    while not log.exists():
        if is_over():
            return
        sleep(_PAUSE)
    with log.open("rb") as file:
        while True:
            # Asked before the read, or the last lines would be missed.
            over = is_over()
            yield from read_chunks(file)
            if over:
                return
            sleep(_PAUSE)
