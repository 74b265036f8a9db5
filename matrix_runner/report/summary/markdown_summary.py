"""The Markdown summary on a GitHub workflow run's page (`GITHUB_STEP_SUMMARY`)."""

import re

from matrix_runner.model.outcomes import Outcome, Report, Status
from matrix_runner.report.phrases import LeftOut, cause, counted, duration, is_failed, step_times
from matrix_runner.report.sanitize import clean_line, clean_lines
from matrix_runner.report.summary.text_summary import RunDirectories, grouped, result, totals

CAP = 1024 * 1024
"""The maximal bytes of a step's summary; GitHub rejects a larger one as a whole."""

_SIGNS = {
    Status.PASSED: "✅",
    Status.CACHED: "♻️",
    Status.FAILED: "❌",
    Status.SKIPPED: "⏭️",
    Status.CANCELLED: "🚫",
}
_CUT = "\n\n… cut here: a step's summary holds 1 MiB.\n"


def markdown_summary(report: Report, *, directories: RunDirectories, left_out: LeftOut = ()) -> str:
    """Return the text to append to the file in `GITHUB_STEP_SUMMARY`; at most 1 MiB of UTF-8."""
    lines = ["### Wheels", "", *(f"{_escape(line)}  " for line in totals(report, directories)), ""]
    lines += ["| | Cell | Time | Result |", "|---|---|---:|---|", *map(_row, report.outcomes), ""]
    for outcome in report.outcomes:
        if is_failed(outcome):
            lines += _failure(outcome)
    if left_out:
        lines += ["<details>", f"<summary>{counted(len(left_out), 'cell')} left out</summary>", ""]
        for reason, cells in grouped(left_out):
            lines.append(f"- {_escape(clean_line(reason))}: {', '.join(f'`{cell}`' for cell in cells)}")
        lines += ["", "</details>", ""]
    return _capped("\n".join(lines))


def _row(outcome: Outcome) -> str:
    sign = f"{_SIGNS[outcome.status]} {outcome.status}"
    times = step_times(outcome.steps, least=0.5)
    spent = f"{duration(outcome.seconds)}" + (f"<br><sub>{times}</sub>" if times else "")
    return f"| {sign} | `{outcome.cell}` | {spent} | {_escape(result(outcome)[:300])} |"


def _failure(outcome: Outcome) -> tuple[str, ...]:
    lines = [f"#### ❌ `{outcome.cell}` failed in {_escape(cause(outcome))}", ""]
    if outcome.failure is not None:
        # Indented code is safe for any text, but text can close a fence.
        lines += [*(f"    {line}" for line in clean_lines(outcome.failure.message)), ""]
        lines += [*(_escape(line) for line in clean_lines(outcome.failure.hint or "")), ""]
    if outcome.log is not None:
        lines += [f"Log: {_escape(outcome.log)}", ""]
    return tuple(lines)


def _escape(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]<>|~#!&@])", r"\\\1", text)


def _capped(text: str) -> str:
    data = text.encode(errors="replace")
    if len(data) <= CAP:
        return data.decode()
    return data[: CAP - len(_CUT.encode())].decode(errors="ignore") + _CUT
