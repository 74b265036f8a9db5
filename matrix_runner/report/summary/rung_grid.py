"""The grid of cells and clean images: what became of each wheel on each system of `test-on`. Pure."""

from collections.abc import Iterator

import msgspec

from matrix_runner.model.outcomes import Report
from matrix_runner.model.rung_outcomes import RungOutcome, RungStatus
from matrix_runner.report.phrases import duration
from matrix_runner.report.sanitize import clean_line
from matrix_runner.wording import first_of

_SHORT = {RungStatus.NOT_APPLICABLE: "n/a"}
_NAMED = 4


class RungColumn(msgspec.Struct, frozen=True, kw_only=True):
    """A column: the image's name, and the systems that it turned out to be (one for each architecture at most)."""

    name: str
    systems: tuple[str, ...]

    @property
    def text(self) -> str:
        """The name with the systems."""
        return f"{self.name}: {'; '.join(self.systems) or 'not looked into'}"


class RungSquare(msgspec.Struct, frozen=True, kw_only=True):
    """A square. `status`: a word, "" where the wheel was not tested; `told`: Python and reason, for people."""

    status: str = ""
    word: str = ""
    time: str = ""
    told: str = ""


class RungGrid(msgspec.Struct, frozen=True, kw_only=True):
    """The grid. `rows`: cells in the order of the plan, each with a square for each column."""

    columns: tuple[RungColumn, ...]
    rows: tuple[tuple[str, tuple[RungSquare, ...]], ...]
    notes: tuple[str, ...]


def rung_grid(report: Report) -> RungGrid | None:
    """Return the grid of a run; None if nothing was tested in a clean image."""
    cells = [outcome for outcome in report.outcomes if outcome.rungs]
    names = tuple(dict.fromkeys(rung.name for outcome in cells for rung in outcome.rungs))
    if not names:
        return None
    found = {(str(outcome.cell), rung.name): rung for outcome in cells for rung in outcome.rungs}
    return RungGrid(
        columns=tuple(
            RungColumn(
                name=clean_line(name),
                systems=tuple(
                    dict.fromkeys(
                        system for (_, own), rung in found.items() if own == name and (system := _system(rung))
                    )
                ),
            )
            for name in names
        ),
        rows=tuple(
            (str(outcome.cell), tuple(_square(found.get((str(outcome.cell), name))) for name in names))
            for outcome in cells
        ),
        notes=tuple(_notes(report)),
    )


def grid_lines(report: Report) -> tuple[str, ...]:
    """Return the grid as lines for a console; none if there is none."""
    grid = rung_grid(report)
    if grid is None:
        return ()
    width = max(len(name) for name, _ in grid.rows)
    widths = [max(len(column.name), 6) for column in grid.columns]
    names = (f"{column.name:<{wide}}" for column, wide in zip(grid.columns, widths, strict=True))
    lines = ["", "  ".join((f"{'tested on':<{width}}", *names)).rstrip()]
    for name, squares in grid.rows:
        words = (f"{square.word or '-':<{wide}}" for square, wide in zip(squares, widths, strict=True))
        lines.append("  ".join((f"{name:<{width}}", *words)).rstrip())
    return (*lines, *(f"  {column.text}" for column in grid.columns), *(f"  {note}" for note in grid.notes))


def _square(rung: RungOutcome | None) -> RungSquare:
    if rung is None:
        return RungSquare()
    told = "; ".join(filter(None, (f"Python {rung.python}" if rung.python else "", rung.reason or "")))
    time = duration(rung.seconds) if rung.status is not RungStatus.NOT_APPLICABLE else ""
    word = _SHORT.get(rung.status, str(rung.status))
    return RungSquare(status=str(rung.status), word=word, time=time, told=clean_line(told))


def _system(rung: RungOutcome) -> str:
    return clean_line(", ".join(filter(None, (rung.system, rung.libc))))


def _notes(report: Report) -> Iterator[str]:
    """Yield why wheels are not for a system, each once."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for outcome in report.outcomes:
        for rung in outcome.rungs:
            if rung.status is RungStatus.NOT_APPLICABLE:
                reasons.setdefault((rung.name, rung.reason or ""), []).append(str(outcome.cell))
    for (name, reason), cells in reasons.items():
        yield clean_line(f"n/a on {name}: {reason} ({first_of(cells, _NAMED)})")
