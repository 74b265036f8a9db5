"""`environment` is evaluated by a shell, and what fails in it fails the cell: real `sh`, no engine."""

import subprocess
from pathlib import Path

import pytest
from planning import job_for, recipe_for, settings_with

from matrix_runner.catalog import load
from matrix_runner.config.options.build_options import ENVIRONMENT
from matrix_runner.model.outcomes import StepKind


def evaluate(directory: Path, *variables: tuple[str, str]) -> "subprocess.CompletedProcess[bytes]":
    """Run the step that evaluates the variables."""
    (directory / "project").mkdir()
    settings = settings_with({ENVIRONMENT: variables})
    recipe = recipe_for(job_for("cp311-manylinux_x86_64", load(), settings), root=str(directory))
    (step,) = (step for step in recipe.build() if step.kind is StepKind.ENVIRONMENT)
    return subprocess.run(step.request.argv, cwd=step.request.cwd, capture_output=True, check=False, timeout=60)


@pytest.mark.parametrize("value", ["$(exit 3)", "x$(exit 3)y", "`exit 3`"])
def test_a_substitution_that_fails_fails_the_step(value: str, tmp_path: Path) -> None:
    """`PREFIX = "$(pkg-config ...)"` without pkg-config is an error there and then, not an empty prefix later."""
    assert evaluate(tmp_path, ("PREFIX", value), ("LATER", "x")).returncode == 3


def test_substitutions_that_succeed_pass(tmp_path: Path) -> None:
    """A value that is computed is kept for later steps, exported."""
    assert evaluate(tmp_path, ("PREFIX", "$(echo /opt)/x")).returncode == 0
    assert "export PREFIX='/opt/x'" in (tmp_path / "matrix/environment.sh").read_text().replace('"', "'")
