"""The summary of a finished run on pages of CI systems. Import it only there: a run elsewhere needs none of it."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from matrix_runner.config.kinds.values import LogFolds
from matrix_runner.errors import ExitCode
from matrix_runner.model.outcomes import Report
from matrix_runner.report.ci.buildkite_annotation import annotate_build
from matrix_runner.report.ci.detection import has_github_files, log_syntax
from matrix_runner.report.ci.github_outputs import outputs_at_end, write_github_outputs
from matrix_runner.report.ci.log_syntax import LogSyntax
from matrix_runner.report.ci.step_summary import append_step_summary
from matrix_runner.report.sanitize import clean_line
from matrix_runner.report.summary.markdown_summary import markdown_summary
from matrix_runner.report.summary.text_summary import RunDirectories
from matrix_runner.report.terminal import LineWriter
from matrix_runner.wheelhouse.report_directory import SUMMARY


class GithubSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The summary on the page of a GitHub Actions run, and the outputs of the step."""

    environ: Mapping[str, str]
    errors: LineWriter

    def show(self, report: Report, directories: RunDirectories, left_out: int) -> None:
        """Append the summary and the outputs to GitHub's files."""
        del left_out
        for problem in (
            append_step_summary(
                self.environ, lambda room: markdown_summary(report, directories=directories, room=room)
            ),
            write_github_outputs(outputs_at_end(report), self.environ),
        ):
            if problem is not None:
                self.errors.write(f"warning: {problem}")


class BuildkiteSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The summary on the page of a Buildkite build."""

    environ: Mapping[str, str]
    errors: LineWriter

    def show(self, report: Report, directories: RunDirectories, left_out: int) -> None:
        """Annotate the build."""
        del left_out
        text, is_success = markdown_summary(report, directories=directories), report.exit_code is ExitCode.OK
        problem = annotate_build(text, self.environ, is_success=is_success)
        if problem is not None:
            self.errors.write(f"warning: {clean_line(problem)}")


class FileSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The summary in the report directory, which a line of the log puts on the build's page."""

    out: LineWriter
    syntax: LogSyntax

    def show(self, report: Report, directories: RunDirectories, left_out: int) -> None:
        """Name the file to the CI system."""
        del report, left_out
        path = Path(directories.report).absolute() / SUMMARY
        if path.exists():
            self.out.write(*self.syntax.summary_file(str(path)))


CiPage = GithubSummary | BuildkiteSummary | FileSummary
"""What shows a run on a page of a CI system."""


def ci_pages(
    system: LogFolds, environ: Mapping[str, str], out: LineWriter | None, errors: LineWriter
) -> tuple[CiPage, ...]:
    """Return the pages of a system. `out`: standard output, None if it is for events alone."""
    found: list[CiPage] = []
    if has_github_files(environ):
        found.append(GithubSummary(environ=environ, errors=errors))
    if system is LogFolds.BUILDKITE:
        found.append(BuildkiteSummary(environ=environ, errors=errors))
    if system is LogFolds.AZURE and out is not None:
        found.append(FileSummary(out=out, syntax=log_syntax(system)))
    return tuple(found)
