"""The size of a file against the limit of the index; a wheel's growth against the last report, file by file. Pure."""

from collections.abc import Iterable
from typing import Final

from matrix_runner.model.outcomes import SdistRecord, WheelRecord
from matrix_runner.wheelhouse.inspection import LARGEST
from matrix_runner.wording import size_text

_SHOWN: Final = 3
_GROWTH: Final = 1.1
_LEAST: Final = 256 * 1024
"""Growth that is told: by more than a tenth, and by more than this many bytes."""


def size_warning(file: WheelRecord | SdistRecord, limit: int) -> str | None:
    """Return a warning about a file above the limit (bytes; 0: none), with a wheel's largest files; None below it."""
    if not limit or file.size <= limit:
        return None
    text = (
        f"{file.name} has {size_text(file.size)}, more than max-wheel-size = {size_text(limit)}; package indexes"
        " refuse large files"
    )
    if isinstance(file, SdistRecord):
        return text
    return f"{text}. Its largest, as packed: {_listed(f'{each.path} {size_text(each.size)}' for each in file.largest)}"


def growth(wheel: WheelRecord, before: WheelRecord | None) -> str | None:
    """Return what is to tell of a wheel's growth since the last report; None if it is little, or nothing is known."""
    if before is None or wheel.size < before.size * _GROWTH or wheel.size - before.size < _LEAST:
        return None
    sizes = {each.path: each.size for each in before.largest}
    # A file that was not among the largest then may have been as large as the smallest of them.
    least = min(sizes.values(), default=0) if len(sizes) >= LARGEST else 0
    grown = [(each.path, each.size - sizes.get(each.path, least)) for each in wheel.largest]
    grown.sort(key=lambda pair: -pair[1])
    files = _listed(f"{path} by {size_text(more)}" for path, more in grown if more > 0)
    last = f"{before.name} of the last report had {size_text(before.size)}"
    text = f"{wheel.name} has {size_text(wheel.size)}, and {last}"
    return f"{text}; grown: {files}" if files else text


def _listed(files: Iterable[str]) -> str:
    each = tuple(files)
    return ", ".join(each[:_SHOWN])
