"""The summary printed at the end of a run: table of cells, failures, left-out cells, delivered wheels."""

import msgspec

from matrix_runner.errors import ExitCode
from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import Outcome, Report, Status
from matrix_runner.report.phrases import LeftOut, borrowed, cause, duration, further_place, has_log, place_text
from matrix_runner.report.same_failures import FailureGroup, failure_groups
from matrix_runner.report.sanitize import clean_line, clean_lines
from matrix_runner.report.summary.rung_grid import grid_lines
from matrix_runner.wording import counted, first_of, size_text

_NAMED_LOGS = 4
"""Logs of a failure whose paths are written out; their names are those of the cells."""

MEANINGS = {
    ExitCode.OK: "all is well",
    ExitCode.CELL_FAILED: "a cell failed",
    ExitCode.USAGE: "the command line or the configuration is wrong",
    ExitCode.NOTHING_SELECTED: "nothing was selected",
    ExitCode.ENVIRONMENT: "this machine, its engine or the network failed, not the project",
    ExitCode.WHEEL_REJECTED: "a wheel is not what its cell promised",
    ExitCode.INTERRUPTED: "interrupted",
    ExitCode.TERMINATED: "terminated",
}
"""The meaning of each exit code, in the words of the summary."""


class RunDirectories(msgspec.Struct, frozen=True, kw_only=True):
    """The output directory and the report directory of a run, as the user would name them.

    `again`: the words by which another command is about the same package, such as `native --image debian`.
    """

    output: str
    report: str
    again: str = ""


def summary_lines(
    report: Report,
    *,
    directories: RunDirectories,
    left_out: LeftOut = (),
    colour: bool = False,
    width: int | None = None,
) -> tuple[str, ...]:
    """Return the summary as lines for a console.

    `colour` paints the important words (SGR). `width`: columns of a terminal, to which the table's rows are truncated;
    None: not at all. Text that is needed in full (messages, hints, paths) is outside of the table and never truncated.
    """
    return (
        "",
        *_table(report, width, colour=colour),
        *(_cut(line, width) for line in grid_lines(report)),
        *failures_in_full(report, colour=colour, again=directories.again),
        *_left_out(left_out),
        "",
        *totals(report, directories),
    )


def totals(report: Report, directories: RunDirectories) -> tuple[str, ...]:
    """Return the closing lines: delivered files, total time, the report's place, and the meaning of the exit code."""
    wheels = {outcome.wheel.name: outcome.wheel.size for outcome in report.outcomes if outcome.wheel}
    worked = sum(outcome.seconds for outcome in report.outcomes)
    files = [f"{counted(len(wheels), 'wheel')} ({size_text(sum(wheels.values()))})"] if wheels else []
    files += [f"the sdist {clean_line(sdist.name)} ({size_text(sdist.size)})" for sdist in report.sdists]
    delivered = f"{' and '.join(files)} in {directories.output}" if files else "no wheel"
    lines = [f"{delivered} after {duration(report.seconds)}"]
    if report.seconds > 0 and worked / report.seconds >= 1.1:
        lines.append(f"one cell after another: {duration(worked)}, {worked / report.seconds:.1f} times as long")
    lines.append(f"report and logs are in {directories.report}")
    if report.trouble is not None:
        lines.append(f"the record of the run is not complete: {clean_line(report.trouble)}")
    code = report.exit_code
    if code is not ExitCode.OK:
        good = sum(outcome.status.is_success for outcome in report.outcomes)
        lines.append(
            f"{good} of {counted(len(report.outcomes), 'cell')} passed; exit code {int(code)}: {MEANINGS[code]}"
        )
    return tuple(lines)


def result(outcome: Outcome) -> str:
    """Return a cell's result in a few words: its wheel, the builder of a reused wheel, or the step and reason."""
    if outcome.failure is not None:
        return cause(outcome)
    return clean_line(outcome.wheel.name) if outcome.wheel else borrowed(outcome)


def grouped(left_out: LeftOut) -> tuple[tuple[str, tuple[Cell, ...]], ...]:
    """Group left-out cells by reason, in order of first appearance."""
    reasons = dict.fromkeys(reason for _, reason in left_out)
    return tuple((reason, tuple(cell for cell, given in left_out if given == reason)) for reason in reasons)


def _table(report: Report, width: int | None, *, colour: bool) -> tuple[str, ...]:
    if not report.outcomes:
        return ()
    names = max(len(str(outcome.cell)) for outcome in report.outcomes)
    lines = [_cut(f"{'status':<9}  {'cell':<{names}}  {'time':>6}  {'size':>9}  wheel or cause", width)]
    for outcome in report.outcomes:
        row = f"  {outcome.cell!s:<{names}}  {duration(outcome.seconds):>6}  {_weight(outcome):>9}  {result(outcome)}"
        word = _paint(f"{outcome.status!s:<9}", outcome.status, colour=colour)
        lines.append(f"{word}{_cut(row.rstrip(), None if width is None else width - 9)}")
    return tuple(lines)


def _weight(outcome: Outcome) -> str:
    return size_text(outcome.wheel.size) if outcome.wheel else ""


def failures_in_full(report: Report, *, colour: bool = False, again: str = "") -> tuple[str, ...]:
    """Return each failure once, with all the cells that have it."""
    lines: list[str] = []
    for group in failure_groups(report.outcomes):
        first = group.first
        word = _paint(str(first.status).upper(), first.status, colour=colour)
        spent = f" after {duration(first.seconds)}" if len(group.outcomes) == 1 else ""
        lines += ["", f"{word}  {', '.join(group.names)}  in {cause(first)}{spent}"]
        if first.failure is not None:
            lines += [f"  {line}" for line in clean_lines(first.failure.message)]
            place = further_place(first.failure)
            lines += [f"  at {clean_line(place_text(place))}"] if place is not None else []
            lines += [f"  {line}" for line in clean_lines(first.failure.hint or "")]
        lines += [f"  {line}" for line in _logs(group)]
        lines += [f"  {line}" for line in _ways_in(group, again)]
    return tuple(lines)


def _logs(group: FailureGroup) -> tuple[str, ...]:
    logs = [outcome.log for outcome in group.outcomes if outcome.log is not None and has_log(outcome)]
    shown = [f"log: {log}" for log in logs[:_NAMED_LOGS]]
    return (*shown, *([f"and {counted(len(logs) - _NAMED_LOGS, 'log')} beside"] if len(logs) > _NAMED_LOGS else []))


def _ways_in(group: FailureGroup, again: str) -> tuple[str, ...]:
    """Return the commands that lead into a failed cell: its kept container, or one that is made anew."""
    more = f" {again}" if again else ""
    kept = next((outcome.cell for outcome in group.outcomes if outcome.kept is not None), None)
    if kept is not None:
        return (f"go into its container, which is kept: runner shell {kept}{more}",)
    first = group.first
    can_be_seen = has_log(first) and first.failure is not None
    return (f"look around in it: runner shell {first.cell}{more}",) if can_be_seen else ()


def _left_out(left_out: LeftOut) -> tuple[str, ...]:
    if not left_out:
        return ()
    lines = ["", f"{counted(len(left_out), 'cell')} left out"]
    for reason, cells in grouped(left_out):
        names = [str(cell) for cell in cells]
        lines += [f"  {clean_line(reason)}:", f"    {first_of(names, 4)}"]
    return tuple(lines)


def _cut(text: str, width: int | None) -> str:
    return text if width is None or len(text) <= width else f"{text[: width - 3]}..."


def _paint(text: str, status: Status, *, colour: bool) -> str:
    code = 32 if status.is_success else 31 if status is Status.FAILED else 33
    return f"\x1b[{code}m{text}\x1b[0m" if colour else text
