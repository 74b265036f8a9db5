"""The log of Travis CI, by the marks that its own scripts print (travis-ci/travis-build)."""

from zlib import crc32

from matrix_runner.report.ci.log_syntax import Fold, LogSyntax

_ERASE = "\r\x1b[0K"


class TravisLog(LogSyntax):
    """Folds are closed at first, and cannot be open; a timer's duration is shown beside the title."""

    system = "Travis CI"
    has_folds = True
    log_limit = 4_000_000
    limit_rule = "Travis CI ends a job whose log exceeds 4 MB"

    def opening(self, fold: Fold) -> tuple[str, ...]:
        """Return the start of a fold and of its timer."""
        if fold.is_open:
            return (fold.title,)
        return (f"travis_fold:start:{fold.name}{_ERASE}travis_time:start:{_timer(fold)}{_ERASE}{fold.title}",)

    def closing(self, fold: Fold) -> tuple[str, ...]:
        """Return the end of the timer, in nanoseconds, and of the fold."""
        if fold.is_open:
            return ()
        start, finish = int(fold.began * 1000) * 1_000_000, int(fold.ended * 1000) * 1_000_000
        times = f"start={start},finish={finish},duration={finish - start}"
        return (f"travis_time:end:{_timer(fold)}:{times}{_ERASE}travis_fold:end:{fold.name}{_ERASE}",)


def _timer(fold: Fold) -> str:
    """Return the timer's name: eight hexadecimal digits, as Travis CI's own have."""
    return f"{crc32(fold.name.encode()):08x}"
