"""The JUnit files of pytest in real cells: taken whether tests pass or fail, merged, kept with a cached cell."""

import shutil
import sys
from pathlib import Path

import pytest
from image_source import ImageSource
from junitparser import Failure, JUnitXml, Skipped, TestSuite
from runner_process import Ended, run_build
from sample_projects import extension_project, write_project

PASSING, FAILING = "cp311-manylinux_x86_64", "cp311-manylinux_i686"

SETTINGS = """
test-requires = ["pytest"]
test-command = "pytest -q --junitxml=results/junit.xml {project}/tests"
test-results = ["results/*.xml", "never.xml"]
"""

TESTS = """
import sys
import pytest
import answer

def test_answer():
    assert answer.answer() == 42

def test_width():
    width = 64 if sys.maxsize > 2**32 else 32
    assert width == 64, "##[error]too narrow"

@pytest.mark.skip(reason="not today")
def test_later():
    pass
"""


def project_in(directory: Path) -> Path:
    """Write a project that one of the two cells fails the tests of."""
    return write_project(directory / "project", extension_project(settings=SETTINGS) | {"tests/test_answer.py": TESTS})


def suites(ended: Ended) -> dict[str, TestSuite]:
    """Return the suites of junit.xml by name."""
    found = JUnitXml.fromstring((ended.report_directory / "junit.xml").read_bytes())
    return {suite.name: suite for suite in found}


@pytest.mark.network
def test_results_of_cells_in_containers(images: ImageSource, tmp_path: Path) -> None:
    """By name in junit.xml, each with its cell; the failed ones too; from the cache as they were."""
    project, kept = project_in(tmp_path), str(tmp_path / "kept")
    flags = images.only(PASSING, FAILING)
    first = run_build(project, tmp_path / "wheelhouse", *flags, "--cache-dir", kept, MATRIX_RUNNER_NO_CACHE="0")
    assert first.code == 1, first.output
    assert {cell: each["status"] for cell, each in first.cells.items()} == {PASSING: "passed", FAILING: "failed"}
    assert first.cells[FAILING]["test_results"] == {"tests": 3, "failures": 1, "errors": 0, "skipped": 1}
    found = suites(first)
    assert set(found) == {PASSING, f"{PASSING}: pytest", FAILING, f"{FAILING}: pytest"}
    good, bad, later = found[f"{FAILING}: pytest"]
    assert [case.classname for case in (good, bad, later)] == [f"{FAILING}.tests.test_answer"] * 3
    assert (good.result, bad.name) == ([], "test_width")
    assert isinstance(bad.result[0], Failure)
    assert "# #[error]too narrow" in bad.result[0].message
    assert isinstance(later.result[0], Skipped)
    assert found[f"{PASSING}: pytest"].failures == 0
    for cell in (PASSING, FAILING):
        assert f"{cell}: test-results: never.xml matches no file" in first.output

    shutil.rmtree(first.report_directory)
    cached = images.only(PASSING)
    second = run_build(
        project, tmp_path / "wheelhouse", *cached, "--cache-dir", kept, MATRIX_RUNNER_NO_CACHE="0", CI="true"
    )
    assert second.code == 0, second.output
    assert second.cells[PASSING]["status"] == "cached"
    assert [case.name for case in suites(second)[f"{PASSING}: pytest"]] == ["test_answer", "test_width", "test_later"]


@pytest.mark.network
def test_results_of_cells_on_the_machine_itself(tmp_path: Path) -> None:
    """Without a container: as there, and a link that leads out of the cell is not followed."""
    cell = f"cp3{sys.version_info.minor}-manylinux_x86_64"
    tests = (
        TESTS
        + """
def test_links():
    import os
    os.makedirs("results", exist_ok=True)
    os.symlink("/etc/passwd", "results/passwd.xml")
    os.symlink("/etc", "results/etc")
"""
    )
    files = extension_project(settings=SETTINGS.replace("never.xml", "results/etc/*")) | {"tests/test_answer.py": tests}
    ended = run_build(
        write_project(tmp_path / "project", files), tmp_path / "wheelhouse", "--engine", "local", "--only", cell
    )
    assert ended.code == 0, ended.output
    assert ended.cells[cell]["test_results"] == {"tests": 4, "failures": 0, "errors": 0, "skipped": 1}
    assert [case.name for case in suites(ended)[f"{cell}: pytest"]][-1] == "test_links"
    assert "root:" not in (ended.report_directory / "tests" / f"{cell}.xml").read_text()
