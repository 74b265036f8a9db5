"""The doctor's text: a title for each question, a line for each verdict, below it what to do. Pure."""

from collections.abc import Iterator, Sequence

from matrix_runner.doctor.verdict import Level, Section, Verdict
from matrix_runner.report.text_wrapping import wrapped
from matrix_runner.wording import counted

_COLOURS = {Level.ERROR: 31, Level.WARNING: 33}


def section_lines(section: Section, columns: int | None, *, colour: bool) -> Iterator[str]:
    """Yield the lines of a section. `columns`: the terminal's width, None for lines of any length."""
    yield section.title
    for verdict in section.verdicts:
        yield from _lines(verdict, columns, colour=colour)


def closing_line(sections: Sequence[Section], code: int) -> str:
    """Return the sum of it in a line. `code`: the exit code."""
    levels = [verdict.level for section in sections for verdict in section.verdicts]
    errors, warnings = levels.count(Level.ERROR), levels.count(Level.WARNING)
    if not errors and not warnings:
        return "Nothing here stands in the way of a build."
    if not errors:
        return f"{counted(warnings, 'warning')}; nothing else stands in the way of a build."
    more = f", {counted(warnings, 'warning')}" if warnings else ""
    return f"{counted(errors, 'error')}{more}: a build here fails; exit code {code}."


def _lines(verdict: Verdict, columns: int | None, *, colour: bool) -> Iterator[str]:
    marked = verdict.level in _COLOURS
    first, *more = wrapped(f"{verdict.level.value}: {verdict.text}" if marked else verdict.text, columns, "  ", "    ")
    if marked and colour:
        word = f"{verdict.level.value}:"
        first = first.replace(word, f"\x1b[{_COLOURS[verdict.level]}m{word}\x1b[0m", 1)
    yield from (first, *more)
    if verdict.remedy:
        yield from wrapped(f"hint: {verdict.remedy}", columns, "  ", "    ")
