"""From measured seconds to the table, as text and as Markdown: pure."""

from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A contender's seconds, one a round, in order; `failure` if it could not be measured."""

    name: str
    seconds: tuple[float, ...] = ()
    failure: str | None = None


HEADER = ("", "median s", "min s", "max s", "rounds", "times the floor", "times runner")


def cells(rows: tuple[Row, ...], *, floor: str, runner: str) -> tuple[tuple[str, ...], ...]:
    """Return the table's rows; ratios are of medians, to the rows of those two names."""
    medians = {row.name: median(row.seconds) for row in rows if row.seconds and row.failure is None}
    return tuple(_cells(row, medians.get(floor), medians.get(runner)) for row in rows)


def _cells(row: Row, floor: float | None, runner: float | None) -> tuple[str, ...]:
    if row.failure is not None or not row.seconds:
        return (row.name, "failed", "", "", str(len(row.seconds)), "", "")
    middle = median(row.seconds)
    ends = (f"{min(row.seconds):.1f}", f"{max(row.seconds):.1f}", str(len(row.seconds)))
    return (row.name, f"{middle:.1f}", *ends, _ratio(middle, floor), _ratio(middle, runner))


def _ratio(middle: float, base: float | None) -> str:
    return "" if base is None else f"{middle / base:.2f}"


def as_text(table: tuple[tuple[str, ...], ...]) -> str:
    """Return the table for a terminal: names to the left, figures to the right."""
    lines = (HEADER, *table)
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADER))]
    return "\n".join(
        "  ".join(
            text.ljust(width) if column == 0 else text.rjust(width)
            for column, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def as_markdown(table: tuple[tuple[str, ...], ...]) -> str:
    """Return the table as Markdown."""
    rule = ("---", *("---:",) * (len(HEADER) - 1))
    return "\n".join("| " + " | ".join(line) + " |" for line in (HEADER, rule, *table))
