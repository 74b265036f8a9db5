"""The engine for which plan and explain are made, where nobody named one."""

import os
import platform
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from runner_process import NO_ENGINE

from matrix_runner.cli import cli
from matrix_runner.engine import likely_engine


@pytest.fixture(name="project")
def _project(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "demo"\nversion = "1"\n')
    return tmp_path


def run(*arguments: str | Path, **variables: str) -> Result:
    """Run a command within this process, without settings of the caller's environment."""
    own = {name: None for name in os.environ if name.startswith(("MATRIX_RUNNER_", "CIBW_", "DOCKER_"))}
    return CliRunner().invoke(cli, list(map(str, arguments)), env={**own, **NO_ENGINE, "NO_COLOR": "1", **variables})


NOWHERE = {"DOCKER_HOST": "unix:///nonexistent/docker.sock"}


@pytest.mark.parametrize("command", [("plan",), ("explain", "cp312-manylinux_s390x")])
def test_plans_are_made_where_nothing_is_built(project: Path, command: tuple[str, ...]) -> None:
    """Without an engine that answers the plan is for containers, as it will be where the build is; it says so."""
    flags = ("--archs", "all", "--allow-empty")
    without = run(*command, project, *flags, **NOWHERE)
    elsewhere = run(*command, project, *flags)
    assert without.stderr.startswith("no engine answers yet: there is no Docker socket at unix:///")
    assert elsewhere.stderr == ""
    assert without.stdout == elsewhere.stdout != ""


def test_a_machine_without_an_engine_is_planned_for_containers(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing names an engine a build would be this machine's own: the plan says so."""
    monkeypatch.setattr(likely_engine, "named_engines", lambda _: ())
    alone = run("plan", project, "--archs", "all")
    assert alone.stderr.startswith(
        f"planned for containers, although a build here would have {likely_engine.NOT_NAMED}"
    )
    assert alone.stdout == run("plan", project, "--archs", "all").stdout


@pytest.mark.parametrize("command", [("plan",), ("explain", "cp312-manylinux_s390x")])
def test_this_machine_is_planned_for_if_it_is_named(project: Path, command: tuple[str, ...]) -> None:
    """Its interpreters are the matrix."""
    named = run(*command, project, "--archs", "all", "--allow-empty", "--engine", "local", **NOWHERE)
    assert named.stderr == ""
    assert "this machine runs " in named.stdout


def test_a_cell_of_this_machine_is_not_looked_for_in_the_cache(project: Path) -> None:
    """With `--engine local` explain says so of the cache."""
    python, arch = f"cp{sys.version_info.major}{sys.version_info.minor}", platform.machine()
    cell = (f"{python}-manylinux_{arch}", project, "--archs", "native", "--engine", "local")
    assert "what is built on this machine itself is not kept" in run("explain", *cell).stdout
