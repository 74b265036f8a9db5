"""The cause of a failed command, by its last output: one line, the lines that show it, the place, what to do. Pure.

In this order: what a test runner says of its first failed test; what no command says and goes on, unless a compiler's
error comes after it; a compiler's error; an exception; the last line that calls itself an error. If it is a
requirement's build that failed, that comes first.
"""

import re
from typing import Final

import msgspec
from msgspec.structs import replace

from matrix_runner.catalog.system_packages import PackageManager, installation
from matrix_runner.cell.causes.cause_rules import Match, Searched, Weight, cut_off_remedy
from matrix_runner.cell.causes.compiler_errors import CompilerError, compiler_error, rust_error
from matrix_runner.cell.causes.failed_requirement import FailedRequirement, failed_requirement
from matrix_runner.cell.causes.failed_tests import FailedTests, failed_tests
from matrix_runner.cell.causes.failure_line import LONGEST_CAUSE, error_line, is_epitaph, strong_line
from matrix_runner.cell.causes.output_lines import MOST_SHOWN, Lines, lines_of, shown
from matrix_runner.cell.causes.project_places import ProjectFiles, first_place
from matrix_runner.cell.causes.tracebacks import Told, crash_places, last_traceback
from matrix_runner.model.outcomes import Place, StepKind

_TAIL: Final = 40
"""Lines at the end of an output in which a thing said in passing is taken for the cause."""

_STACK = re.compile(r"(?P<file>[^\s:][^:\n]{0,400}):(?P<line>\d{1,8})(?::(?P<column>\d{1,8}))?(?: \(|:|$)")
_LONGEST_STACK: Final = 20

_SIGNALS: Final = {
    132: "a program was ended by SIGILL: an instruction that this processor does not have",
    134: "a program ended itself (SIGABRT)",
    136: "a program was ended by SIGFPE: a division by zero, or the like",
    137: "a program was killed (SIGKILL), as the kernel does for lack of memory",
    139: "a program was ended by SIGSEGV: it crashed",
}
"""Signals behind the exit statuses of programs that said nothing (a shell adds 128 to the number)."""

_SURE: Final = frozenset({Weight.SURE})
_OF_COMPILERS: Final = frozenset({Weight.COMPILER})
_PASSING: Final = frozenset({Weight.TEST, Weight.WEAK})
_OF_TESTS: Final = frozenset({Weight.SURE, Weight.TEST, Weight.WEAK})


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a command besides its output. `manager`: the image's package manager, if it is known.

    `cut_off`: the value of `network` by which the command had none, or "". `is_clean`: whether it ran where nothing is
    installed by `before-all`.
    """

    files: ProjectFiles = msgspec.field(default_factory=ProjectFiles)
    manager: PackageManager | None = None
    cut_off: str = ""
    is_clean: bool = False


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """A cause. `cause`: one line, at most 300 characters, "" if the output tells none. `remedy`: what to do.

    `place`, `excerpt`: as in a failure. `rule`: the name of the rule that knows it, "" for none. `is_transient`: a
    failure of the network that may be over a moment later.
    """

    cause: str
    remedy: str | None = None
    place: Place | None = None
    excerpt: tuple[str, ...] = ()
    rule: str = ""
    is_transient: bool = False


def explain_output(output: bytes, kind: StepKind, status: int | None, around: Surroundings) -> Explanation:
    """Return the cause of a command's failure. `output`: the last of its; `kind`, `status`: of the step."""
    lines = lines_of(output)
    requirement = failed_requirement(lines, kind)
    if requirement is not None:
        # No file of the project is meant, whatever name it has.
        alone = replace(around, files=ProjectFiles())
        return _of_requirement(requirement, kind, _Cause(lines, kind, status, alone).found())
    return _Cause(lines, kind, status, around).found()


def _of_requirement(requirement: FailedRequirement, kind: StepKind, found: Explanation) -> Explanation:
    text = f"{requirement} has no wheel for this cell, and its build failed"
    cause = f"{text}: {found.cause}" if found.cause else text
    other = f"or require a version of {requirement.name} that has a wheel"
    if kind in {StepKind.INSTALL, StepKind.TEST, StepKind.BEFORE_TEST}:
        other += "; or leave the cell's tests out by `test-skip`"
    remedy = f"{found.remedy}; {other}" if found.remedy else other.removeprefix("or ")
    return replace(found, cause=cause[:LONGEST_CAUSE], remedy=remedy, place=None)


class _Cause:
    """The search for the cause in an output."""

    def __init__(self, lines: Lines, kind: StepKind, status: int | None, around: Surroundings) -> None:
        self._lines = lines
        self._kind = kind
        self._status = status
        self._around = around

    def found(self) -> Explanation:
        """Return the cause."""
        tests = failed_tests(self._lines)
        if tests is not None:
            return self._of_tests(tests)
        error = compiler_error(self._lines)
        last = error if error is not None and error.is_last else None
        sure = self._match(_SURE)
        if sure is not None and (last is None or last.at <= sure.at):
            return self._by_rule(sure)
        if last is not None:
            return self._of_compiler(last)
        rust = rust_error(self._lines)
        if rust is not None:
            return self._of_compiler(rust)
        explained = self._in_passing() or self._of_exception() or self._last(error)
        return explained if explained.cause else replace(explained, cause=_SIGNALS.get(self._status or 0, ""))

    def _match(self, weights: frozenset[Weight], start: int = 0, end: int | None = None) -> Match | None:
        return Searched(self._lines, start, end).first_match(
            weights, self._kind, self._status, is_cut_off=bool(self._around.cut_off)
        )

    def _of_tests(self, tests: FailedTests) -> Explanation:
        match = self._match(_OF_TESTS, tests.start, tests.end + 1)
        place = first_place(self._around.files, tests.places)
        file, separator, name = tests.test.partition("::")
        test = f"{self._around.files.name_of(file) or file}{separator}{name}"
        said = match.cause if match is not None else tests.said
        text = ": ".join(each for each in (_verdict(tests), test, said) if each)
        if tests.ran is None and tests.test:
            # Not even collected: the file itself is the trouble.
            more = f" (and {tests.failed - 1} more)" if tests.failed > 1 else ""
            text = f"{test}{more} cannot be imported: {said}" if said else f"{test}{more} cannot be imported"
        return Explanation(
            cause=text[:LONGEST_CAUSE],
            remedy=None if match is None else self._remedy(match),
            place=place,
            excerpt=shown(self._lines, tests.first, tests.last),
            rule="" if match is None else match.rule.name,
        )

    def _of_compiler(self, error: CompilerError) -> Explanation:
        # Rules may look at the error's notes too.
        match = self._match(_OF_COMPILERS, error.at, error.last + 1)
        if match is None:
            return self._raw(error)
        return replace(self._by_rule(match), excerpt=shown(self._lines, error.first, error.last))

    def _raw(self, error: CompilerError) -> Explanation:
        text = self._lines[error.at].text
        place = self._around.files.place(error.file, error.line, error.column)
        if place is not None:
            text = text.replace(error.file, place.path, 1)
        return Explanation(cause=text[:LONGEST_CAUSE], place=place, excerpt=shown(self._lines, error.first, error.last))

    def _in_passing(self) -> Explanation | None:
        traceback = last_traceback(self._lines)
        start = len(self._lines) - _TAIL
        match = self._match(_PASSING, start if traceback is None else min(start, traceback.first))
        if match is None or (traceback is not None and match.at < traceback.first):
            return None
        explained = self._by_rule(match)
        if traceback is None or match.at > traceback.last or explained.place is not None:
            return explained
        place = first_place(self._around.files, traceback.places)
        return replace(explained, place=place, excerpt=shown(self._lines, traceback.first, traceback.last))

    def _of_exception(self) -> Explanation | None:
        traceback = last_traceback(self._lines)
        _, at = error_line(self._lines)
        if traceback is None or at > traceback.last:
            return None
        if is_epitaph(self._lines[traceback.at]):
            # Of a program that was started: what that said comes before.
            before = strong_line(self._lines[: traceback.head])
            if before is not None:
                return self._of_line(before, self._lines[before].text[:LONGEST_CAUSE])
        return Explanation(
            cause=self._lines[traceback.at].text[:LONGEST_CAUSE],
            place=first_place(self._around.files, traceback.places),
            excerpt=shown(self._lines, traceback.first, traceback.last),
        )

    def _last(self, error: CompilerError | None) -> Explanation:
        text, at = error_line(self._lines)
        if error is not None and at < error.at:
            return self._of_compiler(error)
        return self._of_line(at, text)

    def _of_line(self, at: int, text: str) -> Explanation:
        # A line alone would only say again what the cause says.
        excerpt = shown(self._lines, at - 2, at + 2) if text else ()
        told = _STACK.match(self._lines[at].text) if text else None
        place = self._around.files.place(told["file"], told["line"], told["column"]) if told else None
        return Explanation(cause=text, place=place, excerpt=excerpt)

    def _by_rule(self, match: Match) -> Explanation:
        place = first_place(self._around.files, self._told(match))
        if place is not None and match.groups.get("file"):
            match = replace(match, groups={**match.groups, "file": place.path})
        return Explanation(
            cause=match.cause[:LONGEST_CAUSE],
            remedy=self._remedy(match),
            place=place,
            excerpt=self._excerpt(match),
            rule=match.rule.name,
            is_transient=match.is_transient and not self._around.cut_off,
        )

    def _told(self, match: Match) -> list[Told]:
        """Return the places that a match tells: its own, then those of a stack below it."""
        groups = match.groups
        own = [(groups["file"], groups.get("line"), groups.get("column"))] if groups.get("file") else []
        if match.rule.name == "crash":
            return [*own, *crash_places(self._lines, match.at)]
        if not match.rule.name.startswith("cmake"):
            return own
        below = (_STACK.match(line.text) for line in self._lines[match.at : match.at + _LONGEST_STACK])
        return [*own, *((each["file"], each["line"], each["column"]) for each in below if each is not None)]

    def _excerpt(self, match: Match) -> tuple[str, ...]:
        rule, last = match.rule, match.at + match.rule.after
        first = match.at - rule.before
        if rule.since:
            numbers = range(match.at, max(match.at - 2 * MOST_SHOWN, -1), -1)
            first = next((n for n in numbers if self._lines[n].text.startswith(rule.since)), match.at)
            first = max(first, match.at - MOST_SHOWN + 1)
        ends = (n for n in range(match.at + 1, last + 1) if n >= len(self._lines) or is_epitaph(self._lines[n]))
        return shown(self._lines, first, next(ends, last + 1) - 1)

    def _remedy(self, match: Match) -> str | None:
        if self._around.cut_off and (match.rule.transient or match.rule.cut_off):
            return cut_off_remedy(self._around.cut_off)
        needs = match.rule.needs
        groups = match.groups
        name = groups.get("name") or groups.get("config") or groups.get("command") or ""
        installed = None if needs is None or self._around.is_clean else installation(needs, name, self._around.manager)
        return installed or match.remedy


def _verdict(tests: FailedTests) -> str:
    if tests.ran is None:
        return f"{tests.failed} tests failed" if tests.failed != 1 else "1 test failed"
    return f"{tests.failed} of {tests.ran} tests failed" if tests.ran != 1 else "1 test failed"
