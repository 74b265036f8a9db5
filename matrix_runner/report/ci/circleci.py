"""The log of CircleCI, which has no syntax of its own within a step."""

from matrix_runner.report.ci.log_syntax import LogSyntax


class CircleciLog(LogSyntax):
    """No folds; a step is ended after ten minutes of silence (`no_output_timeout`)."""

    system = "CircleCI"
    log_limit = 400_000
    limit_rule = "CircleCI shows the last 400,000 characters of a step"
