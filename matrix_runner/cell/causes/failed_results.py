"""The first failed test in the results that tests have written: the cause of a failure in silence. Pure."""

from collections.abc import Sequence

from matrix_runner.cell.causes.command_cause import Explanation
from matrix_runner.cell.causes.failed_tests import failed_test_text
from matrix_runner.cell.causes.failure_line import LONGEST_CAUSE
from matrix_runner.cell.causes.output_lines import OutputLine, lines_of, shown
from matrix_runner.cell.causes.project_places import ProjectFiles, first_place
from matrix_runner.cell.causes.tracebacks import Told, last_traceback
from matrix_runner.results.suites import ResultCase, ResultSuite, Verdict

_EMPTY = OutputLine.of("")


def explain_results(suites: Sequence[ResultSuite], files: ProjectFiles) -> Explanation | None:
    """Return the first failed test as a cause: its name, what it said, its place; None if none has failed."""
    cases = [case for suite in suites for case in suite.cases]
    failed = [case for case in cases if case.has(Verdict.FAILURE, Verdict.ERROR)]
    if not failed:
        return None
    first = failed[0]
    remark = next(each for each in first.remarks if each.verdict is not Verdict.SKIPPED)
    # What is looked for is never in the first line of pytest's sections, which is their heading.
    lines = [_EMPTY, *lines_of((remark.text.strip("\n") or remark.message).encode(errors="replace"))]
    message = next((line.strip() for line in remark.message.splitlines() if line.strip()), "")
    traceback = last_traceback(lines)
    if traceback is None:
        found = failed_test_text(lines)
        said, excerpt, places = found.said, shown(lines, found.first, found.last), found.places
    else:
        said, excerpt = lines[traceback.at].text, shown(lines, traceback.first, traceback.last)
        places = traceback.places
    verdict = f"{len(failed)} of {len(cases)} tests failed" if len(cases) > 1 else "1 test failed"
    return Explanation(
        cause=": ".join(filter(None, (verdict, _name(first), message or said)))[:LONGEST_CAUSE],
        place=first_place(files, (*places, _own_place(first))),
        excerpt=excerpt,
    )


def _name(case: ResultCase) -> str:
    return ".".join(filter(None, (case.classname, case.name)))


def _own_place(case: ResultCase) -> Told:
    return case.file, case.line, None
