"""The results that a cell's tests write: taken whatever became of the tests, kept, masked; what is wrong is told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fake_run import TESTED, FakeRun, outcome, what
from junit_files import PYTEST, UNITTEST
from junitparser import JUnitXml
from planning import settings_with

from matrix_runner.config.options.build_options import ENVIRONMENT_PASS
from matrix_runner.config.options.option import Option
from matrix_runner.config.options.output_options import OVERWRITE
from matrix_runner.config.options.test_options import TEST_COMMAND, TEST_RESULTS
from matrix_runner.engine.api import Ending
from matrix_runner.engine.fake.fake_engine import FakeCall, FakeFaults, FakeResult
from matrix_runner.errors import EngineError
from matrix_runner.model.outcomes import Outcome, Place, Reason, ResultCounts, Status
from matrix_runner.results.junit_reading import read_suites

CELL = "cp311-manylinux_x86_64"


@dataclass(kw_only=True, slots=True)
class Tests:
    """A run of one cell whose tests write files. `ending`, `status`, `output`: of the test command."""

    directory: Path
    files: Mapping[str, str]
    patterns: tuple[str, ...] = ("*.xml",)
    status: int = 0
    output: str = ""
    ending: Ending = Ending.EXITED
    values: Mapping[Option[object], object] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)
    faults: FakeFaults = field(default_factory=FakeFaults)

    __test__ = False

    def run(self) -> tuple[Outcome, FakeRun]:
        """Run; return the cell's outcome, and the run."""
        given = {TEST_COMMAND: TESTED, TEST_RESULTS: self.patterns, OVERWRITE: True, **self.values}
        project = self.directory / "project"
        (project / "tests").mkdir(parents=True, exist_ok=True)
        (project / "tests" / "test_answer.py").write_text("")
        fake = FakeRun(
            directory=self.directory, identifiers=(CELL,), settings=settings_with(given), override=self._answer
        )
        fake.environ, fake.faults = self.environ, self.faults
        return outcome(fake.run(), CELL), fake

    def _answer(self, call: FakeCall) -> FakeResult | None:
        if what(call) == "test":
            # Not by the result: a command that was stopped has written files too.
            call.files.update({f"/matrix/test/{name}": text.encode() for name, text in self.files.items()})
            return FakeResult(status=self.status, ending=self.ending, output=(self.output.encode(),))
        if "find ." in " ".join(call.request.argv[2:3]):
            assert call.request.argv[4] == "/matrix/test"
            names = [name.removeprefix("/matrix/test/") for name in call.files if name.startswith("/matrix/test/")]
            return FakeResult(output=("".join(f"./{name}\n" for name in names).encode(),))
        return None


def kept(fake: FakeRun) -> Path:
    """Return the file that keeps the cell's results."""
    return fake.report_dir / "tests" / f"{CELL}.xml"


def test_results_of_tests_that_passed(tmp_path: Path) -> None:
    """They are kept, counted, told in the log, and merged into junit.xml with the cell in their names."""
    ended, fake = Tests(directory=tmp_path, files={"junit.xml": PYTEST}).run()
    assert ended.status is Status.PASSED
    assert ended.test_results == ResultCounts(tests=4, failures=1, errors=1, skipped=1)
    assert read_suites(kept(fake).read_bytes()) == read_suites(PYTEST.encode())
    assert "test-results: 4 tests, 1 failed, 1 error, 1 skipped, in junit.xml\n" in fake.recorder.log(ended.cell)
    merged = JUnitXml.fromstring((fake.report_dir / "junit.xml").read_bytes())
    own, tests = merged
    assert (own.name, tests.name) == (CELL, f"{CELL}: pytest")
    assert [case.classname for case in tests][2] == f"{CELL}.tests.test_answer.TestN"
    assert (merged.tests, merged.failures, merged.errors, merged.skipped) == (own.tests + 4, 1, 1, 1)
    assert fake.recorder.notices() == []


def test_results_of_tests_that_failed(tmp_path: Path) -> None:
    """They are kept too; what the output says of the failure stays as it is."""
    output = "FAILED tests/test_answer.py::test_n - boom\n=== 1 failed, 1 passed in 0.1s ===\n"
    ended, fake = Tests(directory=tmp_path, files={"junit.xml": PYTEST}, status=1, output=output).run()
    assert ended.failure is not None
    assert ended.failure.message == "exit status 1: 1 of 2 tests failed: tests/test_answer.py::test_n: boom"
    assert ended.test_results is not None
    assert kept(fake).exists()


def test_a_failure_in_silence_is_explained_by_the_results(tmp_path: Path) -> None:
    """Tests whose output goes elsewhere: the first that failed, what it said, where, and the lines."""
    ended, _ = Tests(directory=tmp_path, files={"junit.xml": PYTEST}, status=1).run()
    failure = ended.failure
    assert failure is not None
    name = "tests.test_answer.TestN.test_n[1-a b]"
    assert failure.message == f"exit status 1: 2 of 4 tests failed: {name}: assert 42 == 1"
    assert failure.place == Place(path="tests/test_answer.py", line=8)
    assert failure.excerpt == (
        ">       assert answer() == n",
        "E       assert 42 == 1",
        "E        +  where 42 = answer()",
        "",
        "tests/test_answer.py:8: AssertionError",
    )


def test_a_failure_in_silence_of_unittest(tmp_path: Path) -> None:
    """The traceback tells the place."""
    ended, _ = Tests(directory=tmp_path, files={"junit.xml": UNITTEST}, status=1).run()
    failure = ended.failure
    assert failure is not None
    assert failure.message == "exit status 1: 1 of 2 tests failed: test_answer.TestAnswer.test_bad: 42 != 1"
    assert failure.place == Place(path="tests/test_answer.py", line=9)
    assert failure.excerpt[-1] == "AssertionError: 42 != 1"


def test_results_in_which_nothing_failed_explain_nothing(tmp_path: Path) -> None:
    """As of tests that passed before the interpreter crashed."""
    files = {"junit.xml": '<testsuite><testcase name="a"/></testsuite>'}
    ended, _ = Tests(directory=tmp_path, files=files, status=139).run()
    assert ended.failure is not None
    assert ended.failure.message == "exit status 139: a program was ended by SIGSEGV: it crashed"


def test_several_files(tmp_path: Path) -> None:
    """By several patterns, each file once, and its name in those of its suites; others stay where they are."""
    files = {"out/unit.xml": PYTEST, "out/deep/more.xml": UNITTEST, "out/other.txt": "x", "junit.xml": PYTEST}
    patterns = ("out/**/*.xml", "junit.xml", "*.xml")
    ended, fake = Tests(directory=tmp_path, files=files, patterns=patterns).run()
    assert ended.test_results == ResultCounts(tests=10, failures=3, errors=2, skipped=2)
    assert [suite.name for suite in read_suites(kept(fake).read_bytes())] == [
        "test_answer.TestAnswer-20261130 (out/deep/more.xml)",
        "pytest (out/unit.xml)",
        "pytest (junit.xml)",
    ]
    assert fake.recorder.notices() == []


@pytest.mark.parametrize(
    ("files", "warning"),
    [
        ({}, "*.xml matches no file in the directory where test-command started"),
        ({"a.xml": ""}, "a.xml cannot be taken: a.xml has 0 bytes"),
        ({"a.xml": "<html/>"}, "a.xml is no JUnit file: its root is <html>, not <testsuites> or <testsuite>"),
        ({"a.xml": PYTEST[:-20]}, "a.xml is no JUnit file: it is no XML, or was cut short: "),
        ({"a.xml": '<!DOCTYPE x [<!ENTITY a "b">]><testsuite/>'}, "a.xml is no JUnit file: it has a document type"),
    ],
)
def test_what_is_wrong_is_a_warning(tmp_path: Path, files: Mapping[str, str], warning: str) -> None:
    """Of the cell, which passes all the same, without results."""
    ended, fake = Tests(directory=tmp_path, files=files).run()
    assert (ended.status, ended.test_results) == (Status.PASSED, None)
    (told,) = fake.recorder.notices()
    assert told.startswith(f"test-results: {warning}")
    assert not kept(fake).exists()


def test_a_damaged_file_spoils_no_other(tmp_path: Path) -> None:
    """Nor does one that is too large, or that the engine cannot give."""

    def refuse(_: object, path: str) -> EngineError | None:
        return EngineError("no such luck") if path.endswith("b.xml") else None

    files = {"a.xml": PYTEST, "b.xml": PYTEST, "c.xml": "x" * (32 * 1024**2 + 1)}
    ended, fake = Tests(directory=tmp_path, files=files, faults=FakeFaults(on_get=refuse)).run()
    assert ended.test_results == ResultCounts(tests=4, failures=1, errors=1, skipped=1)
    assert [text.partition(":")[2] for text in fake.recorder.notices()] == [
        " b.xml cannot be taken: no such luck",
        " c.xml cannot be taken: c.xml has 33554433 bytes; at most 33554432 are taken, and at least one",
    ]


@pytest.mark.parametrize("ending", [Ending.TIMED_OUT, Ending.WENT_SILENT, Ending.OUT_OF_MEMORY])
def test_tests_that_were_stopped(tmp_path: Path, ending: Ending) -> None:
    """They wrote none, which needs no warning; what they had written by then is taken."""
    ended, fake = Tests(directory=tmp_path, files={}, ending=ending).run()
    assert ended.status is Status.FAILED
    assert [text for text in fake.recorder.notices() if "test-results" in text] == []
    ended, _ = Tests(directory=tmp_path, files={"junit.xml": PYTEST}, ending=ending).run()
    assert ended.test_results is not None
    assert ended.failure is not None
    assert ended.failure.reason is not Reason.COMMAND


def test_a_cell_that_does_not_come_to_its_tests(tmp_path: Path) -> None:
    """It has no results, not even those of an earlier run, and no warning of that."""
    _, fake = Tests(directory=tmp_path, files={"junit.xml": PYTEST}).run()
    assert kept(fake).exists()
    fake.override = lambda call: FakeResult(status=1) if what(call) == "build" else None
    ended = outcome(fake.run(), CELL)
    assert (ended.status, ended.test_results) == (Status.FAILED, None)
    assert not kept(fake).exists()
    assert fake.recorder.notices() == []


def test_secrets_in_results_are_masked(tmp_path: Path) -> None:
    """In every text, also where XML writes a value in another way."""
    secret = 'do<not>&tell"it'
    text = '<testsuite name="s"><testcase name="do&lt;not&gt;&amp;tell&quot;it"><failure message="a">'
    text += """x do&lt;not&gt;&amp;tell"it y</failure><system-out><![CDATA[do<not>&tell"it]]></system-out>"""
    text += "</testcase></testsuite>"
    ended, fake = Tests(
        directory=tmp_path,
        files={"junit.xml": text},
        values={ENVIRONMENT_PASS: ("PASSED",)},
        environ={"PASSED": secret},
    ).run()
    assert ended.test_results is not None
    (suite,) = read_suites(kept(fake).read_bytes())
    assert suite.cases[0].name == "***"
    assert suite.cases[0].remarks[0].text == "x *** y"
    assert suite.cases[0].system_out == "***"
    merged = (fake.report_dir / "junit.xml").read_text()
    assert "tell" not in merged
