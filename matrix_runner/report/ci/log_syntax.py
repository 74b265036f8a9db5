"""The interface to a CI system's log: folds, annotations, progress. By default that of a plain log, which has none."""

from enum import Enum
from typing import ClassVar

import msgspec

from matrix_runner.model.outcomes import Place


class Fold(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the log under a title.

    `name`: unique in the log, of letters, digits, `_`, `.` and `-`. `began`, `ended`: the work that it tells of, in
    seconds since 1970. `is_open`: it is read without a click.
    """

    name: str
    title: str
    began: float
    ended: float
    is_open: bool = False


class Severity(Enum):
    """How grave an annotation is."""

    ERROR = "error"
    WARNING = "warning"

    def __str__(self) -> str:
        return self.value


class Annotation(msgspec.Struct, frozen=True, kw_only=True):
    """What a CI system shows on a page of its own.

    `place`: in the repository, not in the project's directory. `identity`: the same for the same problem in other runs.
    """

    severity: Severity
    title: str
    message: str
    place: Place | None = None
    identity: str = ""


class LogSyntax:
    """The log of a CI system: what is special in it, as lines to print, and its limits.

    Titles and texts are safe already (`report.sanitize`); each system escapes what its own syntax needs.
    """

    system: ClassVar[str] = ""
    """The name of the system."""
    has_folds: ClassVar[bool] = False
    defers_failures: ClassVar[bool] = True
    """Whether the logs of failed cells stand at the end of the run, where a page of CI opens a log."""
    shows_colour: ClassVar[bool] = True
    """Whether colours (SGR) are shown though the stream is no terminal."""
    log_limit: ClassVar[int | None] = None
    """The bytes of a job's log beyond which the system ends the job, drops the rest or hides it; None: none known."""
    limit_rule: ClassVar[str] = ""
    """The rule behind `log_limit`, as the clause of a sentence."""
    line_overhead: ClassVar[int] = 0
    """Bytes that the system itself puts before each line, where they count for the limit."""
    has_annotations: ClassVar[bool] = False
    most_annotations: ClassVar[int | None] = None
    """The number of annotations of a severity that the system shows; None: all."""

    def opening(self, fold: Fold) -> tuple[str, ...]:
        """Return the lines before a fold's content, with its title."""
        return (fold.title,)

    def closing(self, fold: Fold) -> tuple[str, ...]:  # noqa: ARG002  for those that have one
        """Return the lines behind a fold's content."""
        return ()

    def outside(self, title: str) -> tuple[str, ...]:  # noqa: ARG002
        """Return the lines that lead out of the last fold, where a fold ends only with the next title."""
        return ()

    def annotation(self, annotation: Annotation) -> tuple[str, ...]:  # noqa: ARG002
        """Return the lines that annotate the run, the file or the build, if the system has such a thing."""
        return ()

    def commands_off(self, token: str) -> tuple[str, ...]:  # noqa: ARG002
        """Return the lines that disable commands until `commands_on` with the same secret token.

        It supplements `ci_commands.neutralise`, which knows only today's forms of commands.
        """
        return ()

    def commands_on(self, token: str) -> tuple[str, ...]:  # noqa: ARG002
        """Return the lines that enable commands again."""
        return ()

    def progress(self, done: int, total: int) -> tuple[str, ...]:  # noqa: ARG002
        """Return the lines that move the system's progress bar."""
        return ()

    def heartbeat(self, text: str) -> tuple[str, ...]:
        """Return the lines of a sign of life."""
        return (text,)

    def summary_file(self, path: str) -> tuple[str, ...]:  # noqa: ARG002
        """Return the lines that put a Markdown file on the page of the build. `path`: absolute."""
        return ()


class ClosedFolds(LogSyntax):
    """A log whose folds are closed at first and cannot be open: what must be open is a title without a fold."""

    has_folds = True

    def opening(self, fold: Fold) -> tuple[str, ...]:
        """Return the start of a closed fold, or only the title."""
        return (fold.title if fold.is_open else self.start(fold),)

    def closing(self, fold: Fold) -> tuple[str, ...]:
        """Return the end of a closed fold."""
        return () if fold.is_open else (self.end(fold),)

    def start(self, fold: Fold) -> str:
        """Return the line that starts a fold."""
        raise NotImplementedError

    def end(self, fold: Fold) -> str:
        """Return the line that ends a fold."""
        raise NotImplementedError


class PlainLog(LogSyntax):
    """A log that a person reads in a terminal, a pipe or a file: a failure is explained at once, beside its cell."""

    defers_failures = False
    shows_colour = False
