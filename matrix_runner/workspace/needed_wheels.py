"""The wheels that cells of a run need of each other: who waits for which, what has come, what has failed."""

import threading
from collections.abc import Callable
from pathlib import Path

import msgspec

from matrix_runner.files import sha256_of
from matrix_runner.model.cells import Cell
from matrix_runner.wheelhouse import is_compatible
from matrix_runner.wheelhouse.wheel_name import parse_name
from matrix_runner.workspace.needs import Need, Needs


class NeededWheel(msgspec.Struct, frozen=True, kw_only=True):
    """A wheel that a cell needs. `project`: its normalised name; `builder`: the cell that it is the result of."""

    project: str
    version: str
    path: Path
    sha256: str
    builder: Cell


class NeededWheels:
    """The wheels that the cells of a run need of each other. Thread-safe."""

    def __init__(self, needs: Needs) -> None:
        """Nothing has ended yet."""
        self._needs = needs
        self._lock = threading.Lock()
        self._wanted = frozenset(need.cell for several in needs.of_cells.values() for need in several)
        self._ended: dict[Cell, NeededWheel | None] = {}

    def end(self, cell: Cell, wheel: Callable[[], Path | None]) -> None:
        """Note that a cell has ended. `wheel`: the path of the one that it has built or tested, None after a failure.

        Raises nothing: a wheel that cannot be read is none.
        """
        if cell not in self._wanted:
            return
        found = None
        try:
            path = wheel()
            if path is not None:
                name = parse_name(path.name)
                found = NeededWheel(
                    project=name.project, version=str(name.version), path=path, sha256=sha256_of(path), builder=cell
                )
        except OSError:
            pass
        with self._lock:
            self._ended[cell] = found

    def needs(self, cell: Cell) -> tuple[Need, ...]:
        """Return what a cell needs."""
        return self._needs.of(cell)

    def may_start(self, cell: Cell) -> bool:
        """Whether all that a cell needs has ended, in whichever way."""
        with self._lock:
            return all(need.cell in self._ended for need in self._needs.of(cell))

    def of(self, cell: Cell) -> tuple[NeededWheel, ...] | None:
        """Return the wheels that a cell needs; None if any is not there, or does not fit."""
        wheels: list[NeededWheel] = []
        for need in self._needs.of(cell):
            with self._lock:
                wheel = self._ended.get(need.cell)
            if wheel is None or self._misfit(need, wheel, cell) is not None:
                return None
            wheels.append(wheel)
        return tuple(wheels)

    def problem(self, cell: Cell) -> tuple[str, str] | None:
        """Return why a cell whose needs have ended cannot be built, and what to do; None if it can."""
        for need in self._needs.of(cell):
            with self._lock:
                wheel = self._ended.get(need.cell)
            if wheel is None:
                return f"{need.project} is needed for it, and {need.cell} did not pass", f"see {need.cell}"
            text = self._misfit(need, wheel, cell)
            if text is not None:
                return text, f"it is the wheel of {need.cell}"
        return None

    def _misfit(self, need: Need, wheel: NeededWheel, cell: Cell) -> str | None:
        if wheel.project != need.project:
            return f"{need.project} is needed for it, and {need.cell} has built {wheel.path.name}"
        # A run in which no cell needs another does not need this import.
        from matrix_runner.workspace.package_needs import misfit

        word = misfit(need.words, wheel.version)
        if word is not None:
            return f"{word} is needed for it, and this run has built {wheel.path.name}"
        if not is_compatible(wheel.path.name, cell.interpreter, cell.platform):
            return f"{need.project} is needed for it, and {wheel.path.name} cannot be installed here"
        return None
