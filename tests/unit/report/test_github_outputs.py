"""The outputs of a GitHub Actions step."""

from pathlib import Path

from report_story import DIRECTORIES

from matrix_runner.report.github_outputs import write_github_outputs
from matrix_runner.report.summary.text_summary import RunDirectories


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
    assert write_github_outputs(RunDirectories(output="a\nevil=1", report="b"), {"GITHUB_OUTPUT": str(file)}) is None
    assert values(file.read_text()) == {"earlier": "1", "output-dir": "a\nevil=1", "report-dir": "b"}


def test_elsewhere_nothing_is_written(tmp_path: Path) -> None:
    """No variable, no file; a file that cannot be written is a warning."""
    assert write_github_outputs(DIRECTORIES, {}) is None
    problem = write_github_outputs(DIRECTORIES, {"GITHUB_OUTPUT": str(tmp_path / "no" / "file")})
    assert problem is not None
    assert problem.startswith("GITHUB_OUTPUT: ")
