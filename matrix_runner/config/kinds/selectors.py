"""Selectors of cells: shell globs with braces on identifiers, like cibuildwheel: `cp31?-*`, `*_{i686,x86_64}`.

In a workspace a glob may name a package in front, `pkg-a:cp31?-*`; one that does not is about those of all.
"""

from collections.abc import Iterable
from fnmatch import fnmatchcase

import bracex
import msgspec

from matrix_runner.config.mistakes import InvalidValue, quote
from matrix_runner.model.cells import Cell


class Selector(msgspec.Struct, frozen=True, kw_only=True):
    """A list of patterns, of which any may match. Without patterns, nothing matches."""

    patterns: tuple[str, ...]

    def matches(self, cell: Cell) -> bool:
        """Whether any pattern, its braces expanded, matches the cell's identifier."""
        return any(matches(pattern, cell) for pattern in self.patterns)

    def unmatched(self, cells: Iterable[Cell]) -> tuple[str, ...]:
        """The patterns without a match in `cells`, most likely misspelt."""
        known = tuple(cells)
        return tuple(p for p in self.patterns if not any(matches(p, cell) for cell in known))


def matches(pattern: str, cell: Cell) -> bool:
    """Whether one pattern matches the cell. Case-sensitive, like identifiers."""
    return any(fnmatchcase(str(cell) if ":" in glob else cell.local, glob) for glob in bracex.expand(pattern))


def check_expansion(pattern: str) -> str:
    """Return the pattern; raise InvalidValue if its braces expand to more patterns than there could be cells."""
    try:
        bracex.expand(pattern)
    except bracex.ExpansionLimitException:
        raise InvalidValue.because(f"the braces of {quote(pattern)} stand for more than 1000 patterns") from None
    except RecursionError:
        raise InvalidValue.because(f"the braces of {quote(pattern)} are nested too deeply") from None
    return pattern
