"""The tutorial's first steps, which start nothing."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from runner_process import NO_ENGINE
from tutorial import missing, project, shown

from matrix_runner.cli import cli


def test_the_plan_is_as_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`runner plan` of the tutorial's project begins as the page says."""
    monkeypatch.chdir(project(tmp_path / "dice"))
    planned = CliRunner().invoke(cli, ["plan"], env=NO_ENGINE)
    lines, _, rest = shown("3. Look before you build").partition("...\n")
    assert rest == ""
    assert planned.exit_code == 0, planned.output
    assert planned.output.startswith(lines)
    assert "left out" in planned.output


@pytest.mark.parametrize("time", ["0.4s", "42s", "1m05s", "1h02m"])
def test_times_are_not_compared(time: str) -> None:
    """A slow machine's run is the tutorial's still; another wheel is not."""
    line = "passed  cp313  11s  3.5 KiB  a.whl"
    assert missing(line, f"waiting {time}\npassed  cp313  {time}  12.0 KiB  a.whl\n") == []
    assert missing(line, f"passed  cp313  {time}  3.5 KiB  b.whl") != []
