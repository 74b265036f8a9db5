"""The sections of a cell's log, one a step: from the index, or from the headers if a log is not in it."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from matrix_runner.model.outcomes import StepKind
from matrix_runner.report.cell_logs import HEAD
from matrix_runner.report.log_index import IndexLine

_SEARCHED = 256 * 1024**2
"""Bytes of a log that are searched for headers: more than a log has."""

_STEPS = {str(kind) for kind in StepKind}


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A step's part of a log: bytes from `begin` up to `end`, from its header on.

    `step`: as in messages; "" for lines before the first step, None for the footer.
    """

    step: str | None
    begin: int
    end: int


def sections(log: Path, index: tuple[IndexLine, ...]) -> tuple[Section, ...]:
    """Return a log's sections, in order, which together are all of it. Raise OSError if it cannot be read.

    A log of an earlier run that came from the cache is in no index: there the lines that look like headers count.
    """
    size = log.stat().st_size
    starts = [(each.step, each.offset) for each in index if each.offset < size] if index else list(_found(log))
    if not starts or starts[0][1] > 0:
        starts.insert(0, ("", 0))
    ends = [offset for _, offset in starts[1:]] + [size]
    return tuple(Section(step=step, begin=begin, end=end) for (step, begin), end in zip(starts, ends, strict=True))


def _found(log: Path) -> Iterator[tuple[str | None, int]]:
    """Yield the steps whose headers stand in a log, and where."""
    at = 0
    head = HEAD.encode()
    with log.open("rb") as file:
        for line in file:
            if line.startswith(head):
                step = line[len(head) :].decode(errors="replace").partition(":")[0].strip()
                if step in _STEPS:
                    yield step, at
            at += len(line)
            if at > _SEARCHED:
                return
