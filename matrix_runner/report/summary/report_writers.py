"""The list of a finished run's renderings: files in the report directory, and summaries.

Another format (JUnit, HTML) takes a module with a function from the report to text, and a row here.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import msgspec

from matrix_runner.config.kinds.values import Progress
from matrix_runner.model.outcomes import Report
from matrix_runner.report.summary.report_json import ReportExtra, report_json
from matrix_runner.report.summary.text_summary import RunDirectories, summary_lines, totals
from matrix_runner.report.terminal import LineWriter


class ReportFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file in the report directory. `render`: its content."""

    name: str
    render: Callable[[Report, ReportExtra], bytes]


REPORT = "report.json"
"""The report that later runs and other programs read."""

FILES: tuple[ReportFile, ...] = (ReportFile(name=REPORT, render=report_json),)
"""The files of each run in the report directory, apart from SHA256SUMS."""


class Summary(Protocol):
    """Shows a finished run to the user."""

    def show(self, report: Report, directories: RunDirectories, left_out: int) -> None:
        """Show the summary. `left_out`: the number of cells outside the plan."""
        ...


class ConsoleSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The table, the failures and the totals; only the totals if `is_quiet`.

    `width`: columns of the console.
    """

    out: LineWriter
    colour: bool
    width: int
    is_quiet: bool = False

    def show(self, report: Report, directories: RunDirectories, left_out: int) -> None:
        """Print the summary."""
        if self.is_quiet:
            self.out.write(*totals(report, directories))
            return
        self.out.write(*summary_lines(report, directories=directories, colour=self.colour, width=self.width))
        if left_out:
            self.out.write(f"{left_out} other cells were not in the plan: `runner plan` says why")


class GithubSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The summary on the page of a GitHub Actions run: appended to the file named by GITHUB_STEP_SUMMARY."""

    path: Path
    errors: LineWriter

    def show(self, report: Report, directories: RunDirectories, left_out: int) -> None:
        """Append the summary."""
        from matrix_runner.report.summary.markdown_summary import markdown_summary

        del left_out
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(markdown_summary(report, directories=directories))
        except OSError as error:
            # The variable may reach a job's container without the file.
            self.errors.write(f"warning: GITHUB_STEP_SUMMARY: {error}")


class Streams(msgspec.Struct, frozen=True, kw_only=True):
    """The streams of the command. `colour`, `width`: properties of `out`."""

    out: LineWriter
    errors: LineWriter
    colour: bool
    width: int


def summaries(progress: Progress, environ: Mapping[str, str], streams: Streams) -> tuple[Summary, ...]:
    """Return the summaries of a run. With events as JSON on standard output, nothing else is printed there."""
    found: list[Summary] = []
    if progress is not Progress.JSON:
        is_quiet = progress is Progress.QUIET
        found.append(ConsoleSummary(out=streams.out, colour=streams.colour, width=streams.width, is_quiet=is_quiet))
    step_summary = environ.get("GITHUB_STEP_SUMMARY")
    if step_summary:
        found.append(GithubSummary(path=Path(step_summary), errors=streams.errors))
    return tuple(found)
