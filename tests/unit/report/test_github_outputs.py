"""The outputs of a GitHub Actions step."""

from pathlib import Path

from report_story import CP39, CP311, CP313T, failed, passed

from matrix_runner.model.outcomes import Outcome, Report, SdistRecord, Status
from matrix_runner.report.ci.github_outputs import outputs_at_end, outputs_at_start, write_github_outputs


def values(text: str) -> dict[str, str]:
    """Read the file as the runner does: `name<<end`, lines of the value, `end`."""
    found: dict[str, str] = {}
    lines = text.splitlines()
    while lines:
        name, end = lines.pop(0).split("<<")
        length = lines.index(end)
        found[name] = "\n".join(lines[:length])
        del lines[: length + 1]
    return found


def test_later_steps_learn_the_directories(tmp_path: Path) -> None:
    """Both are appended to what the step has said before; a name of several lines ends nothing early."""
    file = tmp_path / "outputs"
    file.write_text("earlier<<x\n1\nx\n")
    outputs = outputs_at_start(output_dir="a\nevil=1", report_dir="b")
    assert write_github_outputs(outputs, {"GITHUB_OUTPUT": str(file)}) is None
    assert values(file.read_text()) == {"earlier": "1", "output-dir": "a\nevil=1", "report-dir": "b"}


def test_elsewhere_nothing_is_written(tmp_path: Path) -> None:
    """No variable, no file; a file that cannot be written is a warning."""
    outputs = outputs_at_start(output_dir="a", report_dir="b")
    assert write_github_outputs(outputs, {}) is None
    problem = write_github_outputs(outputs, {"GITHUB_OUTPUT": str(tmp_path / "no" / "file")})
    assert problem is not None
    assert problem.startswith("GITHUB_OUTPUT: ")


def test_a_run_that_is_over_tells_what_became_of_its_cells() -> None:
    """Lists are JSON, as `fromJSON` reads them; a wheel that two cells share is named once."""
    wheel = passed(CP39)
    outcomes = (wheel, wheel, failed(CP311), Outcome(cell=CP313T, status=Status.CANCELLED))
    sdist = SdistRecord(name="demo-1.0.tar.gz", size=1, sha256="0f" * 32, made_in=CP39)
    assert outputs_at_end(Report(run="r", outcomes=outcomes, seconds=1.0, sdists=(sdist,))) == {
        "wheels": '["demo-1.0-cp39-cp39-manylinux_2_31_x86_64.whl"]',
        "sdist": "demo-1.0.tar.gz",
        "passed-cells": f'["{CP39}", "{CP39}"]',
        "failed-cells": f'["{CP311}"]',
        "passed": "false",
    }
    assert outputs_at_end(Report(run="r", outcomes=(), seconds=0.0))["passed"] == "true"
