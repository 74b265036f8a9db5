"""The Markdown summary on a page of a CI system, such as that of a GitHub workflow run (`GITHUB_STEP_SUMMARY`)."""

import re

from matrix_runner.model.outcomes import Outcome, Report, Status
from matrix_runner.report.phrases import LeftOut, cause, duration, further_place, has_log, place_text, step_times
from matrix_runner.report.same_failures import FailureGroup, failure_groups
from matrix_runner.report.sanitize import clean_line, clean_lines
from matrix_runner.report.summary.rung_grid import RungSquare, rung_grid
from matrix_runner.report.summary.text_summary import RunDirectories, grouped, result, totals
from matrix_runner.wording import counted

CAP = 1024 * 1024
"""The bytes that pages of CI systems take: GitHub of a step's summaries, Buildkite of an annotation."""

_SIGNS = {
    Status.PASSED: "✅",
    Status.CACHED: "♻️",
    Status.FAILED: "❌",
    Status.SKIPPED: "⏭️",
    Status.CANCELLED: "🚫",
}
_RUNG_SIGNS = {"passed": "✅", "failed": "❌"}
_CUT = "\n\n… cut here: a step's summary holds 1 MiB.\n"
_EXCERPT = 20
"""Lines of a log that show a failure's cause."""


def markdown_summary(report: Report, *, directories: RunDirectories, left_out: LeftOut = (), room: int = CAP) -> str:
    """Return the summary, at most `room` bytes of UTF-8: what is left of 1 MiB where others have written before."""
    lines = ["### Wheels", "", *(f"{_escaped(line)}  " for line in totals(report, directories)), ""]
    lines += ["| | Cell | Time | Result |", "|---|---|---:|---|", *map(_row, report.outcomes), ""]
    lines += _rungs(report)
    for group in failure_groups(report.outcomes):
        lines += _failure(group)
    if left_out:
        lines += ["<details>", f"<summary>{counted(len(left_out), 'cell')} left out</summary>", ""]
        for reason, cells in grouped(left_out):
            lines.append(f"- {_escaped(clean_line(reason))}: {', '.join(f'`{cell}`' for cell in cells)}")
        lines += ["", "</details>", ""]
    return _capped("\n".join(lines), room)


def stopped_summary(message: str, hint: str | None, room: int = CAP) -> str:
    """Return the summary of a build that has no report: the error that stopped it, in at most `room` bytes."""
    lines = ["### Wheels", "", "❌ The build was stopped:", "", *(f"    {line}" for line in clean_lines(message)), ""]
    lines += [*(_escaped(line) for line in clean_lines(hint or "")), ""]
    return _capped("\n".join(lines), room)


def _row(outcome: Outcome) -> str:
    sign = f"{_SIGNS[outcome.status]} {outcome.status}"
    times = step_times(outcome.steps, least=0.5)
    spent = f"{duration(outcome.seconds)}" + (f"<br><sub>{times}</sub>" if times else "")
    return f"| {sign} | `{outcome.cell}` | {spent} | {_escaped(result(outcome))} |"


def _rungs(report: Report) -> tuple[str, ...]:
    """Return the grid of cells and clean images; nothing if there is none."""
    grid = rung_grid(report)
    if grid is None:
        return ()
    head = " | ".join(f"`{column.name}`" for column in grid.columns)
    rows = (f"| `{name}` | {' | '.join(map(_square, squares))} |" for name, squares in grid.rows)
    notes = (*(column.text for column in grid.columns), *grid.notes)
    return (
        "#### Tested on",
        "",
        f"| Cell | {head} |",
        f"|---{'|---' * len(grid.columns)}|",
        *rows,
        "",
        *(f"- {_escaped(note)}" for note in notes),
        "",
    )


def _square(square: RungSquare) -> str:
    return f"{_RUNG_SIGNS.get(square.status, '')} {square.word}".strip()


def _failure(group: FailureGroup) -> tuple[str, ...]:
    first = group.first
    names = ", ".join(f"`{name}`" for name in group.names)
    lines = [f"#### ❌ {names} failed in {_escaped(cause(first))}", ""]
    if first.failure is not None:
        place = further_place(first.failure)
        if place is not None:
            lines += [f"`{clean_line(place_text(place)).replace('`', ' ')}`", ""]
        # Indented code is safe for any text, but text can close a fence.
        lines += [*(f"    {line}" for line in clean_lines(first.failure.message)), ""]
        lines += [*(_escaped(line) for line in clean_lines(first.failure.hint or "")), ""]
        excerpt = clean_lines("\n".join(first.failure.excerpt))[:_EXCERPT]
        if excerpt and excerpt != clean_lines(first.failure.message):
            lines += ["From the log:", "", *(f"    {line}" for line in excerpt), ""]
    logs = [outcome.log for outcome in group.outcomes if outcome.log is not None and has_log(outcome)]
    if logs:
        lines += [f"{'Log' if len(logs) == 1 else 'Logs'}: {', '.join(_escaped(clean_line(log)) for log in logs)}", ""]
    return tuple(lines)


def _escaped(text: str) -> str:
    """Return safe text in which nothing is markup."""
    return re.sub(r"([\\`*_{}\[\]<>|~#!&@])", r"\\\1", text)


def _capped(text: str, room: int) -> str:
    """Return a text of at most `room` bytes, which says so if it is cut."""
    data = text.encode(errors="replace")
    if len(data) <= room:
        return data.decode()
    cut = data[: max(room - len(_CUT.encode()), 0)].decode(errors="ignore") + _CUT
    return cut if len(cut.encode()) <= room else ""
