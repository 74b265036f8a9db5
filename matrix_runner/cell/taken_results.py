"""The results that a cell's tests have written (`test-results`): taken out of its container, read, masked, kept."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from matrix_runner.cell.steps import CellFailed, StepRunner
from matrix_runner.engine.answer import Answer
from matrix_runner.engine.api import SHORT_COMMAND_SECONDS, Container, ExecRequest
from matrix_runner.errors import EngineError, OutputError, WheelRejected
from matrix_runner.files import cause_of, write_whole
from matrix_runner.model.outcomes import Failure, Reason, StepKind
from matrix_runner.redaction.redactor import Redactor
from matrix_runner.results.file_patterns import matches
from matrix_runner.results.junit_reading import NotJunit, read_suites
from matrix_runner.results.junit_writing import junit_document
from matrix_runner.results.suites import ResultSuite, counts_of, counts_text
from matrix_runner.wheelhouse import Expected, receive
from matrix_runner.wording import first_of

if TYPE_CHECKING:
    # Only a run in which something fails needs it.
    from matrix_runner.cell.causes.command_cause import Surroundings

_LARGEST: Final = 32 * 1024**2
"""Bytes of a file: GitLab takes no larger ones, and the results of 200,000 tests are no larger."""

_MOST: Final = 100
"""Files of a cell."""

_MOST_TOGETHER: Final = 64 * 1024**2
"""Bytes of a cell's files."""

_LONGEST_LISTING: Final = 1024**2

# By their last names: the patterns as a whole are for us, as `find` knows none across directories.
_FIND: Final = 'cd "$1" && shift && exec find . -type f \\( "$@" \\) -print 2>/dev/null'

_RESULTS = Expected(article="a", noun="file of results", suffix="", check=lambda _: None, origin="the test command")
_OPTION: Final = "test-results"


class ResultsOfTests(msgspec.Struct, frozen=True, kw_only=True):
    """Where a cell's results come from, and where they go.

    `patterns`: the files, relative to `directory`, where the tests run in the container. `staging`: a directory of the
    cell's alone. `target`: the file that keeps them. `around`: what causes of failures are found by.
    """

    container: Container
    directory: str
    patterns: tuple[str, ...]
    steps: StepRunner
    redactor: Redactor
    staging: Path
    target: Path
    around: "Callable[[], Surroundings]"

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Let the tests run; then take their results, whether they passed or not. Whatever is wrong is warned of.

        Their failure says which test failed, if their output did not.
        """
        self.steps.test_results = None
        if not self.patterns:
            yield
            return
        try:
            yield
        except CellFailed as failed:
            failure = failed.failure
            if failure.step is not StepKind.TEST:
                raise
            # Tests that were stopped had no time to write any.
            suites = self._take(warns=failure.reason is Reason.COMMAND)
            raise CellFailed(self._explained(failure, suites)) from failed
        self._take(warns=True)

    def _take(self, *, warns: bool) -> tuple[ResultSuite, ...]:
        """Take all files, keep them as one, and return what they have."""
        names = self._names(warns=warns)
        suites: list[ResultSuite] = []
        room = _MOST_TOGETHER
        for name in names:
            try:
                data = self._fetched(name, min(_LARGEST, room))
                found = read_suites(data)
            except (WheelRejected, EngineError, OutputError, OSError) as error:
                self._warn(f"{name} cannot be taken: {error}")
                continue
            except NotJunit as error:
                self._warn(f"{name} is no JUnit file: {error}")
                continue
            room -= len(data)
            # Of several files each suite may have the same name, that of the test runner.
            suites += found if len(names) == 1 else (replace(each, name=_with_file(each, name)) for each in found)
        mask = self.redactor.text
        masked = tuple(suite.with_texts(mask, mask) for suite in suites) if self.redactor.has_secrets else tuple(suites)
        self._keep(masked, names)
        return masked

    def _names(self, *, warns: bool) -> tuple[str, ...]:
        """Return the files that the patterns match, sorted; warn of a pattern that matches none."""
        last = dict.fromkeys(pattern.rpartition("/")[2] for pattern in self.patterns)
        words = [word for name in last for word in ("-o", "-name", name)][1:]
        listing = Answer(_LONGEST_LISTING)
        request = ExecRequest(
            argv=("sh", "-c", _FIND, "sh", self.directory, *words), cwd="/", timeout=SHORT_COMMAND_SECONDS
        )
        self.container.exec(request, listing.hear)
        there = sorted(name.removeprefix("./") for name in listing.text.splitlines())
        found: dict[str, None] = {}
        for pattern in self.patterns:
            matched = [name for name in there if matches(pattern, name)]
            if not matched and warns:
                self._warn(f"{pattern} matches no file in the directory where test-command started")
            found |= dict.fromkeys(matched)
        names = tuple(found)
        if len(names) > _MOST:
            self._warn(f"{len(names)} files match, of which the first {_MOST} are taken")
        return names[:_MOST]

    def _fetched(self, name: str, limit: int) -> bytes:
        self.staging.mkdir(parents=True, exist_ok=True)
        with self.container.get(f"{self.directory}/{name}") as stream:
            path = receive(stream, self.staging, limit=limit, expected=_RESULTS)
        try:
            return path.read_bytes()
        finally:
            path.unlink()

    def _keep(self, suites: Sequence[ResultSuite], names: Sequence[str]) -> None:
        if not suites:
            return
        try:
            write_whole(self.target, junit_document(suites))
        except OSError as error:
            self._warn(f"{self.target} cannot be written: {cause_of(error)}")
            return
        counts = counts_of(suites)
        self.steps.test_results = counts
        self.steps.print(f"{_OPTION}: {counts_text(counts)}, in {first_of(names, 3)}\n")

    def _explained(self, failure: Failure, suites: Sequence[ResultSuite]) -> Failure:
        """Return a failure with what the results say of the first failed test, as far as the output did not say it."""
        from matrix_runner.cell.causes.failed_results import explain_results

        is_told = failure.excerpt and failure.place is not None
        if failure.reason is not Reason.COMMAND or is_told:
            return failure
        told = explain_results(suites, self.around().files)
        if told is None:
            return failure
        place = failure.place or told.place
        if failure.excerpt:
            return replace(failure, place=place)
        return replace(failure, message=f"{failure.message}: {told.cause}", place=place, excerpt=told.excerpt)

    def _warn(self, text: str) -> None:
        self.steps.warn(f"{_OPTION}: {text}")


def _with_file(suite: ResultSuite, name: str) -> str:
    return f"{suite.name} ({name})" if suite.name else name
