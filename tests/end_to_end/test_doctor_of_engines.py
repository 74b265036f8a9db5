"""What the doctor says of real engines elsewhere: by socket, by ssh, Docker and Podman, and of a cluster's workers."""

import os
from pathlib import Path

import pytest
from dask_cluster import dask_cluster
from examined import Examined, examine, quiet_environ
from podman_service import podman_service
from runner_process import leftovers, runner_environ
from sample_projects import extension_project, write_project
from ssh_server import ssh_server

from matrix_runner.engine.docker.endpoint import resolve_endpoint

pytestmark = [pytest.mark.containers, pytest.mark.own_images]

ONLY = ("--image", "debian", "--only", "cp311-manylinux_x86_64")
IMAGE = "matrix-runner/manylinux_2_31_x86_64:latest"


def own_socket() -> str:
    """Return the address of the machine's own Docker."""
    return resolve_endpoint(os.environ).url


def examined(directory: Path, *flags: str, **variables: str) -> Examined:
    """Examine a project with one cell."""
    project = directory / "project"
    if not project.exists():
        write_project(project, extension_project(settings='environment-pass = ["PIP_NO_INDEX"]'))
    seen = examine(project, quiet_environ(directory, **variables), *ONLY, *flags)
    assert [name for name in leftovers() if name.startswith("matrix-runner-doctor-")] == []
    return seen


def about(seen: Examined, name: str) -> dict[str, dict[str, object]]:
    """Return the verdicts of a name, by what they are about."""
    return {str(one["about"]): one for one in seen.verdicts if one["name"] == name}


def test_docker_and_podman_by_socket_and_ssh(tmp_path: Path) -> None:
    """Product, room, clock, images, and a look into a container of each; a tunnel to no socket is no engine."""
    (tmp_path / "ssh").mkdir()
    path = own_socket().removeprefix("unix://")
    with podman_service(tmp_path, [IMAGE]) as podman, ssh_server(tmp_path / "ssh") as (port, programs):
        seen = examined(
            tmp_path,
            *("--engine-endpoint", f"here={own_socket()},jobs=3"),
            *("--engine-endpoint", f"far=ssh://root@127.0.0.1:{port}{path}"),
            *("--engine-endpoint", f"other={podman.url}"),
            *("--engine-endpoint", f"none=ssh://root@127.0.0.1:{port}/run/no-such.sock,arch=x86_64"),
            PATH=f"{programs}:{os.environ['PATH']}",
        )
    answers = about(seen, "engine")
    assert set(answers) == {"here", "far", "other"}
    assert str(answers["here"]["text"]).startswith("docker ")
    assert str(answers["other"]["text"]).startswith("Podman ")
    for verdict in answers.values():
        facts = verdict["facts"]
        assert isinstance(facts, dict)
        assert facts["machine"] == os.uname().machine
        assert facts["processors"]
    here = answers["here"]["facts"]
    assert isinstance(here, dict)
    assert here["slots"] == 3
    assert set(about(seen, "images")) == {"here", "far", "other"}
    # Copied from the one to the other: the same layers, whatever the stores call them.
    assert about(seen, "image-differs") == {}
    assert {str(one["about"]) for one in seen.verdicts if one["topic"] == "clock"} >= {"here", "far", "other"}
    none = about(seen, "engine-silent")["none"]
    assert none["level"] == "warning"
    assert "no engine listens at the far end of " in str(none["text"])
    assert f"ssh://root@127.0.0.1:{port}/run/no-such.sock" in str(none["text"])
    assert "runner-ssh-" not in str(none["text"])
    # The room of an engine elsewhere is seen from within a container.
    disk = " ".join(str(one["text"]) for one in seen.verdicts if one["topic"] == "disk")
    assert "images and volumes of far" in disk
    assert about(seen, "cells-served")["x86_64"]["level"] == "ok"
    assert seen.code == 0, seen.problems


def test_workers_with_real_engines(tmp_path: Path) -> None:
    """What a worker says of its Docker, and which images it lacks."""
    docker = {name: value for name, value in runner_environ().items() if name.startswith(("DOCKER_", "CONTAINER_"))}
    with dask_cluster(tmp_path / "cluster") as cluster:
        for name in ("one", "two"):
            cluster.add(name, "x86_64=2", threads=2)
        seen = examined(tmp_path, "--cluster", cluster.address, **docker)
        other = ("--image", "no/such:1", "--archs", "x86_64")
        lacking = examined(tmp_path, "--cluster", cluster.address, *other, **docker)
    (worker,) = about(seen, "worker").values()
    assert worker["about"] == "one two"
    assert str(worker["text"]).startswith("2 workers (one, two), each: docker ")
    assert about(seen, "architecture-offered")["x86_64"]["facts"] == {"slots": 4, "workers": 2}
    assert {name for name in seen.problems if not name.startswith("disk")} == set()
    assert about(lacking, "worker-image-missing")["one two"]["level"] == "ok"
