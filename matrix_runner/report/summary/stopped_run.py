"""An error that stops a build before it has a report: told where a CI system shows what became of a job."""

from collections.abc import Mapping

from matrix_runner.config.kinds.values import LogFolds
from matrix_runner.errors import RunnerError
from matrix_runner.report.ci.detection import ci_system, log_syntax
from matrix_runner.report.ci.log_syntax import Annotation, Severity
from matrix_runner.report.ci.step_summary import append_step_summary
from matrix_runner.report.sanitize import clean_line, clean_lines
from matrix_runner.report.summary.markdown_summary import stopped_summary
from matrix_runner.report.terminal import LineWriter


def tell_ci(error: RunnerError, environ: Mapping[str, str], folds: LogFolds, errors: LineWriter) -> None:
    """Annotate the run with the error, and append it to GitHub's summary; nothing outside of CI.

    `errors`: standard error. With `--progress json`, standard output is for events alone; GitHub and Azure read both.
    """
    hint = (error.hint,) if error.hint else ()
    problem = append_step_summary(environ, lambda room: stopped_summary(error.message, error.hint, room))
    if problem is not None:
        errors.write(f"warning: {clean_line(problem)}")
    message = "\n".join(line for text in (error.message, *hint) for line in clean_lines(text))
    annotation = Annotation(severity=Severity.ERROR, title="matrix-runner", message=message)
    errors.write(*log_syntax(ci_system(environ, folds)).annotation(annotation))
