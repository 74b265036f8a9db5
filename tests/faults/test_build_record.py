"""A run whose wheels are delivered but whose record cannot be written says both."""

from pathlib import Path

import pytest
from fake_run import FakeRun, what
from planning import settings_with
from report_story import DIRECTORIES

from matrix_runner.engine.fake.fake_engine import FakeResult
from matrix_runner.errors import ExitCode
from matrix_runner.model.outcomes import Status
from matrix_runner.report.summary.text_summary import summary_lines

A, B = "cp39-manylinux_x86_64", "cp311-manylinux_x86_64"


@pytest.mark.parametrize("name", ["report.json", "SHA256SUMS"])
def test_a_record_that_cannot_be_written_loses_no_summary(name: str, tmp_path: Path) -> None:
    """Exit code 4 and a line that says why; the table of what was delivered is still there."""
    fake = FakeRun(directory=tmp_path, identifiers=(A, B), settings=settings_with(project_name="demo"))
    (fake.report_dir / name).mkdir(parents=True)
    report = fake.run()
    assert [each.status for each in report.outcomes] == [Status.PASSED] * 2
    assert len(list(fake.wheelhouse.glob("*.whl"))) == 2
    assert report.exit_code is ExitCode.ENVIRONMENT
    *_, trouble, verdict = summary_lines(report, directories=DIRECTORIES)
    assert trouble.startswith(f"the record of the run is not complete: cannot write {fake.report_dir / name}: ")
    assert verdict.startswith("2 of 2 cells passed; exit code 4: ")


def test_a_failed_cell_outranks_the_record(tmp_path: Path) -> None:
    """Failures of several kinds give the general code, as ever."""
    fake = FakeRun(directory=tmp_path, identifiers=(A, B), settings=settings_with(project_name="demo"))
    fake.override = lambda call: FakeResult(status=1) if what(call) == "build" else None
    (fake.report_dir / "report.json").mkdir(parents=True)
    assert fake.run().exit_code is ExitCode.CELL_FAILED
