"""The list of a finished run's renderings: files in the report directory, and summaries.

Another format takes a module with a function from the finished run to text, and a row here.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import msgspec
from msgspec.structs import replace

from matrix_runner.config.kinds.values import LogFolds, Progress
from matrix_runner.model.outcomes import Report, Status
from matrix_runner.report.ci.detection import has_github_files
from matrix_runner.report.sanitize import clean_line
from matrix_runner.report.summary.report_json import ReportExtra, earlier_report, report_json
from matrix_runner.report.summary.text_summary import RunDirectories, summary_lines, totals
from matrix_runner.report.terminal import LineWriter, is_ci
from matrix_runner.wheelhouse.report_directory import SUMMARY, TESTS, ReportDirectory


class FinishedRun(msgspec.Struct, frozen=True, kw_only=True):
    """All that files are made of. `logs`: the directory of the logs, beside which the results of tests are.

    `earlier`: the report of the run before.

    `output`: the output directory, as the user would name it.
    """

    report: Report
    extra: ReportExtra
    logs: Path
    earlier: Report | None = None
    output: str = "the output directory"

    @property
    def has_news(self) -> bool:
        """Whether a cell ran, or failed; else all came from the cache."""
        return any(outcome.status is not Status.CACHED for outcome in self.report.outcomes)


class ReportFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file in the report directory. `render`: its content. `is_for_reading`: made for people and other programs.

    Such a file is not made anew if nothing was, outside CI: it takes as long as the rest of such a run.
    """

    name: str
    render: Callable[[FinishedRun], bytes]
    is_for_reading: bool = True


def _json(run: FinishedRun) -> bytes:
    return report_json(run.report, run.extra)


def _junit(run: FinishedRun) -> bytes:
    from matrix_runner.report.summary.junit import junit_xml

    return junit_xml(run.report, run.extra, run.logs.with_name(TESTS))


def _markdown(run: FinishedRun) -> bytes:
    from matrix_runner.report.summary.markdown_summary import markdown_summary

    return markdown_summary(run.report, directories=_directories(run), left_out=run.extra.left_out).encode()


def _page(run: FinishedRun) -> bytes:
    from matrix_runner.report.page import page_html

    return page_html(run.report, run.extra, run.logs, run.earlier)


REPORT = "report.json"
"""The report that later runs and other programs read."""

FILES: tuple[ReportFile, ...] = (
    ReportFile(name=REPORT, render=_json, is_for_reading=False),
    ReportFile(name="junit.xml", render=_junit),
    ReportFile(name=SUMMARY, render=_markdown),
    ReportFile(name="report.html", render=_page),
)
"""The files of each run in the report directory, apart from SHA256SUMS."""


def rendered(run: FinishedRun, form: str) -> bytes:
    """Return a run in one of its forms: `text`, `md`, `html`, `junit`, `json`."""
    match form:
        case "json":
            return _json(run)
        case "junit":
            return _junit(run)
        case "html":
            return _page(run)
        case "md":
            return _markdown(run)
        case _:
            return "".join(f"{line}\n" for line in text_lines(run, colour=False, width=None)).encode()


def text_lines(run: FinishedRun, *, colour: bool, width: int | None) -> tuple[str, ...]:
    """Return a run as at its end on the console, and what changed since the one it is compared with."""
    from matrix_runner.report.page.comparison import compare

    lines = summary_lines(run.report, directories=_directories(run), colour=colour, width=width)
    earlier = run.earlier
    if earlier is None:
        return lines
    changes = [f"  {each.kind!s:<10}  {each.cell}  {each.text}" for each in compare(run.report, earlier)]
    return (*lines, "", f"changes since run {clean_line(earlier.run)}", *(changes or ["  none worth telling"]))


def _directories(run: FinishedRun) -> RunDirectories:
    return RunDirectories(output=run.output, report=str(run.logs.parent))


def write_files(run: FinishedRun, directory: ReportDirectory, environ: Mapping[str, str]) -> None:
    """Write the files of a run, which replace those of the run before. Raise OutputError."""
    is_read = run.has_news or is_ci(environ)
    if is_read:
        run = replace(run, earlier=earlier_report(directory.read_file(REPORT)))
    for file in FILES:
        if is_read or not file.is_for_reading:
            directory.write_file(file.name, file.render(run))


class Summary(Protocol):
    """Shows a finished run to the user."""

    def show(self, report: Report, directories: RunDirectories, left_out: int) -> None:
        """Show the summary. `left_out`: the number of cells outside the plan."""
        ...


class ConsoleSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The table, the failures and the totals; only the totals if `is_quiet`.

    `width`: columns of the console, None if it is no terminal.
    """

    out: LineWriter
    colour: bool
    width: int | None
    is_quiet: bool = False

    def show(self, report: Report, directories: RunDirectories, left_out: int) -> None:
        """Print the summary."""
        if self.is_quiet:
            self.out.write(*totals(report, directories))
            return
        self.out.write(*summary_lines(report, directories=directories, colour=self.colour, width=self.width))
        if left_out:
            self.out.write(f"{left_out} other cells were not in the plan: `runner plan` says why")


class Streams(msgspec.Struct, frozen=True, kw_only=True):
    """The streams of the command. `colour`, `width`: properties of `out`."""

    out: LineWriter
    errors: LineWriter
    colour: bool
    width: int | None


def summaries(
    progress: Progress, environ: Mapping[str, str], streams: Streams, system: LogFolds = LogFolds.NONE
) -> tuple[Summary, ...]:
    """Return the summaries of a run on a CI system.

    With events as JSON on standard output, nothing else is printed there.
    """
    found: list[Summary] = []
    if progress is not Progress.JSON:
        is_quiet = progress is Progress.QUIET
        found.append(ConsoleSummary(out=streams.out, colour=streams.colour, width=streams.width, is_quiet=is_quiet))
    # By variables, not by the system: GitHub's files hold what no log has.
    if system is not LogFolds.NONE or has_github_files(environ):
        from matrix_runner.report.summary.ci_pages import ci_pages

        out = None if progress is Progress.JSON else streams.out
        found += ci_pages(system, environ, out, streams.errors)
    return tuple(found)
