"""The log of GitLab CI (docs.gitlab.com, "Job logs": custom collapsible sections)."""

from matrix_runner.report.ci.log_syntax import Fold, LogSyntax

_ERASE = "\x1b[0K"


class GitlabLog(LogSyntax):
    """Sections: whether one is collapsed is said where it begins (gitlab-org/gitlab#440405). Times are its duration."""

    system = "GitLab"
    has_folds = True
    log_limit = 4 * 1024 * 1024
    limit_rule = "GitLab collects 4 MiB of a job's log unless its runner is told otherwise"
    # The header with the time, by default from Runner 18.7 on: "2026-01-31T12:00:00.000000Z 00O ".
    line_overhead = 32

    def opening(self, fold: Fold) -> tuple[str, ...]:
        """Return the start of a section, which erases itself from the line of its title."""
        options = "" if fold.is_open else "[collapsed=true]"
        return (f"{_ERASE}section_start:{int(fold.began)}:{fold.name}{options}\r{_ERASE}{fold.title}",)

    def closing(self, fold: Fold) -> tuple[str, ...]:
        """Return the end of a section."""
        return (f"{_ERASE}section_end:{int(fold.ended)}:{fold.name}\r{_ERASE}",)
