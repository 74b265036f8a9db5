"""The CI system of a run, from the environment or as asked for (`log-folds`), and the syntax of its log."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from matrix_runner.config.kinds.values import LogFolds

if TYPE_CHECKING:
    from matrix_runner.report.ci.log_syntax import LogSyntax

_VARIABLES = {
    LogFolds.GITHUB: "GITHUB_ACTIONS",
    LogFolds.TRAVIS: "TRAVIS",
    LogFolds.GITLAB: "GITLAB_CI",
    LogFolds.AZURE: "TF_BUILD",
    LogFolds.BUILDKITE: "BUILDKITE",
    LogFolds.CIRCLECI: "CIRCLECI",
    LogFolds.TEAMCITY: "TEAMCITY_VERSION",
}
"""The variable by which each system says that it is it."""


def ci_system(environ: Mapping[str, str], asked: LogFolds = LogFolds.AUTO) -> LogFolds:
    """Return the system that is asked for; for `auto` that of the environment, and `none` outside of CI.

    A variable of a CI system with `false`, `0` or no value is ignored.
    """
    if asked is not LogFolds.AUTO:
        return asked
    for system, variable in _VARIABLES.items():
        if environ.get(variable, "").lower() not in {"", "0", "false"}:
            return system
    return LogFolds.NONE


def has_github_files(environ: Mapping[str, str]) -> bool:
    """Whether GitHub Actions takes a summary or outputs of the step in files."""
    return bool(environ.get("GITHUB_STEP_SUMMARY") or environ.get("GITHUB_OUTPUT"))


def log_syntax(system: LogFolds) -> "LogSyntax":  # noqa: PLR0911  one for each system
    """Return the syntax of a system's log."""
    # Imported when it is met: a run is on one system at most.
    match system:
        case LogFolds.GITHUB:
            from matrix_runner.report.ci.github import GithubLog

            return GithubLog()
        case LogFolds.GITLAB:
            from matrix_runner.report.ci.gitlab import GitlabLog

            return GitlabLog()
        case LogFolds.TRAVIS:
            from matrix_runner.report.ci.travis import TravisLog

            return TravisLog()
        case LogFolds.AZURE:
            from matrix_runner.report.ci.azure import AzureLog

            return AzureLog()
        case LogFolds.BUILDKITE:
            from matrix_runner.report.ci.buildkite import BuildkiteLog

            return BuildkiteLog()
        case LogFolds.CIRCLECI:
            from matrix_runner.report.ci.circleci import CircleciLog

            return CircleciLog()
        case LogFolds.TEAMCITY:
            from matrix_runner.report.ci.teamcity import TeamcityLog

            return TeamcityLog()
        case LogFolds.NONE | LogFolds.AUTO:
            from matrix_runner.report.ci.log_syntax import PlainLog

            return PlainLog()
