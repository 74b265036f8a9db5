"""The suites of the cells' own tests in junit.xml: from the report directory, safe, with the cell in their names."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec
from msgspec.structs import replace

from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import Outcome
from matrix_runner.report.phrases import is_failed
from matrix_runner.report.sanitize import clean_line, sanitized_lines
from matrix_runner.results.junit_reading import NotJunit, read_suites
from matrix_runner.results.junit_writing import xml_text
from matrix_runner.results.suites import ResultSuite

_ROOM: Final = 28_000_000
"""Bytes of results in junit.xml: GitLab takes no file of 30 MB (docs.gitlab.com, "Unit test reports")."""


class OwnTests(msgspec.Struct, frozen=True, kw_only=True):
    """What junit.xml has of a cell's own tests. `remark`: why it has none of them, although there are some; or ""."""

    suites: tuple[ResultSuite, ...] = ()
    remark: str = ""


def own_tests(outcomes: Iterable[Outcome], tests: Path | None) -> dict[Cell, OwnTests]:
    """Return the results of each cell that has some. `tests`: the directory of their files, None if there is none.

    As many as a CI system takes in one file, those of failed cells first; their files may be anybody's.
    """
    wanted = [(outcome, outcome.test_results) for outcome in outcomes if outcome.test_results is not None]
    if tests is None:
        return {}
    found: dict[Cell, OwnTests] = {}
    room = _ROOM
    for outcome, counts in sorted(wanted, key=lambda each: not is_failed(each[0])):
        path = tests / f"{outcome.cell.stem}.xml"
        try:
            # The cell's name comes into each of its cases.
            size = path.stat().st_size + max(counts.tests, 0) * (len(str(outcome.cell)) + 1)
            if size > room:
                limit = "this file would else be larger than the 30 MB that GitLab takes"
                found[outcome.cell] = OwnTests(remark=f"the results of its tests are in {path.name} alone: {limit}")
                continue
            suites = tuple(_safe_suites(read_suites(path.read_bytes()), outcome.cell))
        except OSError as error:
            found[outcome.cell] = OwnTests(remark=f"the results of its tests cannot be read: {error.strerror}")
        except NotJunit as error:
            found[outcome.cell] = OwnTests(remark=f"the results of its tests are damaged: {error}")
        else:
            room -= size
            found[outcome.cell] = OwnTests(suites=suites)
    return found


def _safe_suites(suites: Sequence[ResultSuite], cell: Cell) -> Iterator[ResultSuite]:
    """Yield the suites with safe texts, and with the cell in the names by which CI systems tell tests apart.

    GitLab goes by `classname` and `name` of a case, Jenkins by the packages that `classname` begins with.
    """
    for suite in suites:
        safe = suite.with_texts(_line, _text)
        cases = tuple(
            replace(case, classname=f"{cell}.{case.classname}" if case.classname else str(cell)) for case in safe.cases
        )
        yield replace(safe, name=f"{cell}: {safe.name or 'tests'}", cases=cases)


def _line(text: str) -> str:
    return xml_text(clean_line(text)) if text else ""


def _text(text: str) -> str:
    # Most tests say nothing. Not `clean_lines`, which takes the indentation of the first line away.
    return xml_text("\n".join(sanitized_lines((text.encode(errors="replace"),)))) if text else ""
