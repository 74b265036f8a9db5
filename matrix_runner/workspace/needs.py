"""What the cells of a workspace need of each other, as values. Apart, as runs of a single package need only this."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import msgspec

from matrix_runner.model.cells import Cell


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """A cell whose wheel another one needs. `project`: the wheel's; `words`: the requirements that ask for it."""

    cell: Cell
    project: str
    words: tuple[str, ...]


class Needs(msgspec.Struct, frozen=True, kw_only=True):
    """What the cells of a workspace need of each other.

    `of_cells`: those that need something. `order`: the names of all packages, each after those that it needs.
    `lacking`: a sentence for each package that cells need, and for whose Python or platform it is not built.
    """

    of_cells: Mapping[Cell, tuple[Need, ...]] = MappingProxyType({})
    order: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()

    def of(self, cell: Cell) -> tuple[Need, ...]:
        """Return what a cell needs."""
        return self.of_cells.get(cell, ())

    def everything_for(self, cells: Sequence[Cell]) -> frozenset[Cell]:
        """Return cells with all that they need, directly or not."""
        found: set[Cell] = set()
        waiting = list(cells)
        while waiting:
            cell = waiting.pop()
            if cell not in found:
                found.add(cell)
                waiting += [need.cell for need in self.of(cell)]
        return frozenset(found)

    @property
    def together(self) -> Iterator[frozenset[Cell]]:
        """The cells with what each of them needs directly."""
        return (frozenset((cell, *(need.cell for need in needs))) for cell, needs in self.of_cells.items())

    def seconds_behind(self, seconds: Mapping[Cell, float]) -> Mapping[Cell, float]:
        """Return how long the longest chain of cells takes that wait for a cell, where any do. `seconds`: of cells."""
        behind: dict[Cell, float] = {}
        by_package: dict[str, list[Cell]] = {}
        for cell in self.of_cells:
            by_package.setdefault(cell.package, []).append(cell)
        for package in reversed(self.order):
            # Whoever waits for these cells is of a later package, and has been seen.
            for cell in by_package.get(package, ()):
                chain = seconds.get(cell, 0.0) + behind.get(cell, 0.0)
                for need in self.of_cells[cell]:
                    behind[need.cell] = max(behind.get(need.cell, 0.0), chain)
        return behind


NO_NEEDS: Final = Needs()
"""Those of a run of a single package."""
