"""The tutorial's first steps, which start nothing."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from runner_process import NO_ENGINE
from tutorial import project, shown

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
