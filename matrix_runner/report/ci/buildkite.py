"""The log of Buildkite (buildkite.com/docs, "Managing log output")."""

from matrix_runner.report.ci.log_syntax import Fold, LogSyntax


class BuildkiteLog(LogSyntax):
    """A group begins with a title, `---` closed or `+++` open, and ends only where the next one begins."""

    system = "Buildkite"
    has_folds = True

    def opening(self, fold: Fold) -> tuple[str, ...]:
        """Return the title of a group."""
        return (f"{'+++' if fold.is_open else '---'} {fold.title}",)

    def outside(self, title: str) -> tuple[str, ...]:
        """Return the title of an open group: what follows would be hidden in the last one."""
        return (f"+++ {title}",)
