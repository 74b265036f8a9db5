"""Bytes that a run is likely to take on each file system that it writes to. Pure.

They are known in part only. What is assumed of the rest (docs/reference/doctor.md has it too): an image is 1.5 GiB, a
cell at work half a GiB, and so are a project's downloads.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from matrix_runner.disks.disk_space import Space
from matrix_runner.wording import size_text

_MIB: Final = 1024**2
IMAGE: Final = 1536 * _MIB
"""Bytes of an image that is not there yet: manylinux ones take 0.8 to 1.6 GB."""
CELL: Final = 512 * _MIB
"""Bytes of a cell at work: its environments, what it builds, what it changes of its image."""
DOWNLOADS: Final = 512 * _MIB
"""Bytes of a project's downloads and compiled code."""


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """What a directory is for, and the bytes that a run is likely to write there.

    `is_spared`: a run goes on without it.
    """

    text: str
    path: str
    needed: int
    space: Space
    is_spared: bool = False


def engine_bytes(*, images: int, cells: int) -> int:
    """Return the bytes that images to be fetched, cells at work at once, and their downloads take in an engine."""
    return images * IMAGE + cells * CELL + DOWNLOADS


def by_file_system(uses: Iterable[Use]) -> list[list[Use]]:
    """Return the uses by the file systems that they share, without those that nothing can be said of."""
    found: dict[int, list[Use]] = {}
    for use in uses:
        if not use.space.error:
            found.setdefault(use.space.device, []).append(use)
    return list(found.values())


def total(uses: Iterable[Use]) -> int:
    """Return the bytes that uses need together."""
    return sum(use.needed for use in uses)


def places_of(uses: Iterable[Use]) -> str:
    """Return uses in words, with their directories."""
    return ", ".join(f"{use.text} ({use.path})" if use.path else use.text for use in uses)


def shortages(uses: Iterable[Use]) -> list[str]:
    """Return a warning for each file system that has less room than its uses need."""
    return [
        f"{size_text(each[0].space.free)} free, and this run may take {size_text(total(each))}: {places_of(each)}; make"
        " room (`runner cache prune`, and the engine's own `system prune`), or let fewer cells run at once"
        for each in by_file_system(uses)
        if each[0].space.free < total(each)
    ]
