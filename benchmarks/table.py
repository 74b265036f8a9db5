"""From results to the yardstick's table and a chapter for each row, as text and as Markdown: pure."""

from statistics import median

from goals import Series, Verdict
from results import Facts, RowResult

Line = tuple[str, ...]

_YARDSTICK: Line = ("row", "goal", "measured", "min", "max", "met", "date")
_SERIES: Line = ("", "unit", "median", "min", "max", "rounds")
_WORDS_OF_YARDSTICK = frozenset({0, 1, 5, 6})
_WORDS_OF_SERIES = frozenset({0, 1})


def document(rows: tuple[RowResult, ...]) -> str:
    """Return results.md: the yardstick, then a chapter for each row."""
    newest = max(rows, key=lambda row: row.date, default=None)
    machine = newest.machine if newest else ()
    parts = [
        "# Results\n\nMade by `make bench`. How to read them: README.md.\n",
        _markdown(_YARDSTICK, _yardstick(rows), _WORDS_OF_YARDSTICK),
        "\n" + _listed(machine),
        *(_chapter(row, machine) for row in rows),
    ]
    return "\n".join(parts)


def summary(row: RowResult) -> str:
    """Return a row for the terminal: what was measured, and the verdicts."""
    measured = _text(_SERIES, tuple(map(_figures, row.series)), _WORDS_OF_SERIES)
    verdicts = _text(_YARDSTICK, _yardstick((row,)), _WORDS_OF_YARDSTICK)
    failures = "".join(dict.fromkeys(f"failed: {one.failure}\n" for one in row.series if one.failure))
    return f"{row.title}\n\n{measured}\n\n{verdicts}\n{failures}"


def _yardstick(rows: tuple[RowResult, ...]) -> tuple[Line, ...]:
    return tuple(
        (row.name if first else "", verdict.goal, *_measured(verdict), row.date.partition(" ")[0])
        for row in rows
        for first, verdict in ((place == 0, each) for place, each in enumerate(row.verdicts))
    )


def _measured(verdict: Verdict) -> Line:
    if verdict.figure is None or verdict.least is None or verdict.greatest is None:
        return ("not measured", "", "", "")
    unit = verdict.unit
    return (
        f"{_number(verdict.figure)} {unit}",
        _number(verdict.least),
        _number(verdict.greatest),
        "yes" if verdict.is_met else "no",
    )


def _figures(series: Series) -> Line:
    if not series.is_whole:
        return (series.name, series.unit, "failed", "", "", str(len(series.values)))
    values = (median(series.values), min(series.values), max(series.values))
    return (series.name, series.unit, *map(_number, values), str(len(series.values)))


def _chapter(row: RowResult, machine: Facts) -> str:
    rounds = tuple((one.name, one.failure or " ".join(map(_number, one.values))) for one in row.series)
    elsewhere = tuple(fact for fact in row.machine if fact not in machine)
    facts = (("measured", f"{row.date}; load before: {row.load_before}; after: {row.load_after}"), *elsewhere)
    notes = "".join(f"{note}\n\n" for note in row.notes)
    table = _markdown(_SERIES, tuple(map(_figures, row.series)), _WORDS_OF_SERIES)
    return (
        f"## {row.name}\n\n{row.title}\n\n{notes}{table}\n\n{_listed((*facts, *row.versions))}\nEach round:\n\n"
        f"{_listed(rounds)}"
    )


def _number(value: float) -> str:
    """Three digits that mean something: 0.412, 3.50, 43.2, 1234."""
    size = abs(value)
    return (
        f"{value:.3f}"
        if size < 1
        else f"{value:.2f}"
        if size < 10
        else f"{value:.1f}"
        if size < 1000
        else f"{value:.0f}"
    )


def _listed(facts: Facts) -> str:
    return "".join(f"- {name}: {value}\n" for name, value in facts)


def _text(header: Line, lines: tuple[Line, ...], words: frozenset[int]) -> str:
    """Lay a table out for a terminal: words to the left, figures to the right."""
    widths = [max(len(line[column]) for line in (header, *lines)) for column in range(len(header))]
    return "\n".join(
        "  ".join(
            text.ljust(width) if column in words else text.rjust(width)
            for column, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in (header, *lines)
    )


def _markdown(header: Line, lines: tuple[Line, ...], words: frozenset[int]) -> str:
    rule = tuple("---" if column in words else "---:" for column in range(len(header)))
    return "\n".join("| " + " | ".join(line) + " |" for line in (header, rule, *lines))
