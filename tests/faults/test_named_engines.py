"""Engines that are named and not there, or not what they are said to be: told before anything is built."""

import socket
import time
from pathlib import Path

import pytest
from runner_process import Ended, run_build
from sample_projects import extension_project, write_project

OWN = "own=unix:///var/run/docker.sock"
CELL = "cp311-manylinux_x86_64"


def ended(directory: Path, *engines: str, settings: str = "") -> Ended:
    """Run on engines; `image`: nothing that could be pulled."""
    project = write_project(directory / "project", extension_project(settings=settings))
    flags = [word for engine in engines for word in ("--engine-endpoint", engine)]
    return run_build(project, directory / "out", *flags, "--image", "debian", "--only", CELL)


def test_one_that_is_needed(tmp_path: Path) -> None:
    """Its architecture is not known, so its cells could be missing: the run ends, and names it."""
    run = ended(tmp_path, f"gone=unix://{tmp_path}/none.sock", OWN)
    assert run.code == 4
    assert "engine gone: " in run.output
    assert "Traceback" not in run.output


@pytest.mark.containers
def test_one_whose_architecture_another_has(tmp_path: Path) -> None:
    """It is left out, and told; the report names the one that built."""
    run = ended(tmp_path, f"gone=unix://{tmp_path}/none.sock,arch=x86_64", OWN)
    assert run.code == 0, run.output
    assert "engine gone is left out: " in run.output
    assert run.cells[CELL]["node"] == "own"


@pytest.mark.containers
def test_one_of_another_architecture_than_is_said(tmp_path: Path) -> None:
    """A mistake in the configuration, with both."""
    run = ended(tmp_path, f"{OWN},arch=aarch64")
    assert run.code == 2
    assert "is a machine of x86_64, and its arch in the configuration is aarch64" in run.output


def test_beside_this_machine_itself(tmp_path: Path) -> None:
    """The local engine is no node of a run."""
    run = ended(tmp_path, OWN, settings='container-engine = "local"')
    assert run.code == 2
    assert "container-engine = local, and engines is set" in run.output


def test_a_scheduler_that_says_nothing(tmp_path: Path) -> None:
    """Whatever accepts a connection there, such as another program, keeps nobody waiting."""
    project = write_project(tmp_path / "project", extension_project())
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"tcp://127.0.0.1:{mute.getsockname()[1]}"
        began = time.monotonic()
        run = run_build(project, tmp_path / "out", "--cluster", address, "--only", CELL)
        seconds = time.monotonic() - began
    assert run.code == 4
    assert f"the cluster's scheduler at {address} does not answer: no answer within 5 s" in run.output
    assert "Traceback" not in run.output
    assert seconds < 20
