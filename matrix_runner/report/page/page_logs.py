"""The logs that go into a page: of each step as much as its size allows, safe and without colours."""

import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from textwrap import shorten
from typing import BinaryIO

import msgspec

from matrix_runner.model.outcomes import Outcome
from matrix_runner.report.cell_logs import HEAD
from matrix_runner.report.log_index import IndexLine, read_index
from matrix_runner.report.log_sections import Section, sections
from matrix_runner.report.phrases import is_failed
from matrix_runner.report.sanitize import sanitized_lines

_ALL_LOGS = 4 * 1024**2
"""Bytes of logs in a page: with more of them a page of 500 cells takes seconds to make."""

_OF_FAILED = 128 * 1024
_OF_PASSED = 24 * 1024
"""Bytes of a cell's log in a page, unless there are too many cells; the file has all of it."""

_PLAIN = re.compile(rb"[\t\n\x20-\x7e]*")
_LONGEST_HEADER = 4096
"""Bytes of a line of the log's own that are looked at for a step's name."""
_TITLE = 100


class StepLog(msgspec.Struct, frozen=True, kw_only=True):
    """A step's part of a log as text, its header first. `left_out`: bytes behind the header that are not shown.

    `title`: the step and the beginning of its command.
    """

    step: str
    title: str
    text: str
    left_out: int = 0


def page_logs(outcomes: Sequence[Outcome], logs: Path) -> dict[str, tuple[StepLog, ...]]:
    """Return what a page shows of each cell's log, by identifier; nothing of one that cannot be read."""
    index = read_index(logs)
    wanted = [_OF_FAILED if is_failed(outcome) else _OF_PASSED for outcome in outcomes]
    share = min(_ALL_LOGS / max(sum(wanted), 1), 1.0)
    found: dict[str, tuple[StepLog, ...]] = {}
    for outcome, most in zip(outcomes, wanted, strict=True):
        name = str(outcome.cell)
        found[name] = ()
        # A cell that ran no command has none.
        with suppress(OSError):
            found[name] = _of_cell(logs / f"{name}.log", index.get(name, ()), int(most * share))
    return found


def _of_cell(log: Path, index: tuple[IndexLine, ...], most: int) -> tuple[StepLog, ...]:
    parts = [part for part in sections(log, index) if part.step]
    sizes = [part.end - part.begin for part in parts]
    with log.open("rb") as file:
        return tuple(_of_step(file, part, room) for part, room in zip(parts, shares(sizes, most), strict=True))


def shares(sizes: Sequence[int], most: int) -> tuple[int, ...]:
    """Share `most` bytes among a log's parts: the last, where a cell fails, has half; what one leaves, others have."""
    if not sizes:
        return ()
    given = [0] * len(sizes)
    given[-1] = min(sizes[-1], most // 2)
    left = most - given[-1]
    others = sorted(range(len(sizes) - 1), key=lambda at: sizes[at])
    for number, at in enumerate(others):
        given[at] = min(sizes[at], left // (len(others) - number))
        left -= given[at]
    given[-1] = min(sizes[-1], given[-1] + left)
    return tuple(given)


def _text(data: bytes) -> str:
    """Return a log's bytes as safe text. Most are plain, and need no look at each line: a page has 100,000 of them."""
    if _PLAIN.fullmatch(data):
        return data.decode("ascii").expandtabs().rstrip("\n")
    # In a page no line is a command, and those of a diff are to stay as they are.
    return "\n".join(sanitized_lines((data,), is_start=False))


def _of_step(file: BinaryIO, part: Section, room: int) -> StepLog:
    """Read a part: its first line, and as much of its end as there is room for."""
    file.seek(part.begin)
    head = file.readline(_LONGEST_HEADER)
    begin = max(part.begin + len(head), part.end - room)
    file.seek(begin)
    body = file.read(part.end - begin)
    left_out = begin - part.begin - len(head)
    if left_out:
        cut, _, rest = body.partition(b"\n")
        left_out, body = left_out + len(cut) + 1, rest
    text = _text(head + body)
    title = shorten(text.partition("\n")[0].removeprefix(HEAD), _TITLE, placeholder=" ...")
    return StepLog(step=part.step or "", title=title, text=text, left_out=left_out)
