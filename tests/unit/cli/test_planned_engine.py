"""Plan and explain are for the engine that a build would take, and say which where nobody named it."""

import os
import platform
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from runner_process import NO_ENGINE

from matrix_runner.cli import cli


@pytest.fixture(name="project")
def _project(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "demo"\nversion = "1"\n')
    return tmp_path


def run(*arguments: str | Path, **variables: str) -> Result:
    """Run a command within this process, without settings of the caller's environment."""
    own = {name: None for name in os.environ if name.startswith(("MATRIX_RUNNER_", "CIBW_", "DOCKER_"))}
    return CliRunner().invoke(cli, list(map(str, arguments)), env={**own, **NO_ENGINE, "NO_COLOR": "1", **variables})


@pytest.mark.parametrize("command", [("plan",), ("explain", "cp312-manylinux_s390x")])
def test_planning_is_for_the_engine_that_a_build_would_take(project: Path, command: tuple[str, ...]) -> None:
    """Where `auto` will be this machine, plan and explain are for it, in the words of a build, and say so."""
    nowhere = {"DOCKER_HOST": "unix:///nonexistent/docker.sock"}
    flags = ("--archs", "all", "--allow-empty")
    foreseen = run(*command, project, *flags, **nowhere)
    named = run(*command, project, *flags, "--engine", "local", **nowhere)
    elsewhere = run(*command, project, *flags)
    assert foreseen.stderr.splitlines()[0].startswith("container-engine = local: there is no Docker socket at unix:///")
    assert named.stderr == elsewhere.stderr == ""
    assert _without_origin(foreseen.stdout) == _without_origin(named.stdout) != _without_origin(elsewhere.stdout)
    assert "this machine runs " in foreseen.stdout


def test_a_cell_of_this_machine_is_not_looked_for_in_the_cache(project: Path) -> None:
    """Where `auto` will be this machine, explain says of the cache what it says with `--engine local`."""
    python, arch = f"cp{sys.version_info.major}{sys.version_info.minor}", platform.machine()
    cell = (f"{python}-manylinux_{arch}", project, "--archs", "native")
    foreseen = run("explain", *cell, DOCKER_HOST="unix:///nonexistent/docker.sock").stdout
    assert "what is built on this machine itself is not kept" in foreseen
    assert _without_origin(foreseen) == _without_origin(run("explain", *cell, "--engine", "local").stdout)


def _without_origin(text: str) -> list[str]:
    """Return the lines but those that say who named the engine."""
    return [line for line in text.splitlines() if "container-engine = " not in line and "--engine" not in line]
