"""What the doctor says of machines elsewhere: sockets, TLS and ssh that fail, and a real Dask cluster."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from dask_cluster import certificates, dask_cluster
from examined import Examined, examine, quiet_environ
from played_daemon import certify, played_daemon, played_tls_daemon
from runner_process import NO_ENGINE
from sample_projects import extension_project, write_project
from ssh_server import ssh_server

from matrix_runner import __version__

ARCHS = ("--archs", "aarch64", "--only", "cp31{1,2}-manylinux_aarch64")


@pytest.fixture(name="project")
def _project(tmp_path: Path) -> Path:
    return write_project(tmp_path / "project", extension_project())


@pytest.fixture(name="mute")
def _mute() -> Iterator[int]:
    """Return a port that accepts connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def of_engines(project: Path, *engines: str, flags: tuple[str, ...] = (), **variables: str) -> Examined:
    """Examine the project with several engines."""
    words = [word for engine in engines for word in ("--engine-endpoint", engine)]
    return examine(project, quiet_environ(project.parent, **variables), *words, *flags)


def of_cluster(project: Path, address: str, *flags: str, **variables: str) -> Examined:
    """Examine the project with a cluster."""
    return examine(project, quiet_environ(project.parent, **variables), "--cluster", address, *flags)


def about(seen: Examined, name: str) -> dict[str, dict[str, object]]:
    """Return the verdicts of a name, by what they are about."""
    return {str(one["about"]): one for one in seen.verdicts if one["name"] == name}


def test_engines_that_do_not_answer(project: Path, mute: int) -> None:
    """Each is asked for itself, and each has its own reason; all of it within the time of the slowest."""
    dead = project.parent / "dead.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(dead))
    certificates_of_another = project.parent / "another"
    certificates_of_another.mkdir()
    certify(certificates_of_another)
    (project.parent / "tls").mkdir()
    (project.parent / "ssh").mkdir()
    began = time.monotonic()
    with (
        played_tls_daemon(project.parent / "tls") as tls,
        ssh_server(project.parent / "ssh") as (port, programs),
    ):
        (project.parent / "ssh/known").write_text("")
        seen = of_engines(
            project,
            f"none=unix://{project.parent}/none.sock",
            f"dead=unix://{dead}",
            f"mute=tcp://127.0.0.1:{mute}",
            f"foreign={tls['DOCKER_HOST']},tls={certificates_of_another}",
            f"lacking={tls['DOCKER_HOST']},tls={project}",
            f"stranger=ssh://root@127.0.0.1:{port}",
            "refused=ssh://127.0.0.1:9",
            PATH=f"{programs}:{os.environ['PATH']}",
        )
    assert time.monotonic() - began < 30
    silent = about(seen, "engine-silent")
    said = {name: str(verdict["text"]) for name, verdict in silent.items()}
    assert "there is no Docker socket" in said["none"]
    assert "nothing listens at unix://" in said["dead"]
    assert "accepts connections but does not answer" in said["mute"]
    assert "its certificate is not trusted" in said["foreign"]
    assert f"{project}, which is to have its certificates, has no ca.pem" in said["lacking"]
    assert "Host key verification failed" in said["stranger"]
    assert "Connection refused" in said["refused"]
    assert {str(verdict["level"]) for verdict in silent.values()} == {"error"}
    assert all(verdict["remedy"] for verdict in silent.values())
    assert seen.code == 4
    # This machine's own engines are of no importance then, and not asked.
    assert {
        str(one["about"]) for one in seen.verdicts if one["topic"] == "engines" and one["name"] == "engine"
    } == set()
    assert "docker" not in said


def test_an_engine_that_is_left_out(project: Path) -> None:
    """One of another machine with the same architecture is enough: a warning, and exit code 0."""
    certificates_of_it = project.parent / "tls"
    certificates_of_it.mkdir()
    with played_tls_daemon(certificates_of_it) as tls:
        own = f"own={tls['DOCKER_HOST']},tls={certificates_of_it}"
        seen = of_engines(project, own, f"gone=unix://{project.parent}/gone.sock,arch=aarch64", flags=ARCHS)
        wrong = of_engines(project, f"{own},arch=x86_64", flags=ARCHS)
        lacking = of_engines(project, own, flags=("--archs", "aarch64,armv7l,s390x"))
    assert seen.code == 0
    assert about(seen, "engine-silent")["gone"]["level"] == "warning"
    assert about(seen, "engine")["own"]["facts"] == {
        "version": "9.9",
        "endpoint": tls["DOCKER_HOST"],
        "machine": "aarch64",
        "memory": 1 << 30,
        "processors": None,
        "slots": 1,
    }
    assert about(seen, "images-missing")["own"]["facts"] == {"images": 1, "missing": 1}
    assert about(seen, "cells-served")["aarch64"]["facts"] == {"cells": 2, "execution": "native"}
    # A mistake in the configuration, which the machine shows.
    assert about(wrong, "engine-arch-wrong")["own"]["level"] == "error"
    assert wrong.code == 2
    assert set(about(lacking, "cells-served")) == {"aarch64", "armv7l"}
    # Its emulators are not seen from here.
    assert about(lacking, "cells-uncertain")["s390x"]["level"] == "unknown"


def test_engines_and_a_cluster(project: Path) -> None:
    """As a build says: a mistake, and neither is asked."""
    seen = of_engines(project, "own=unix:///none", flags=("--cluster", "tcp://127.0.0.1:9"))
    assert seen.code in {2, 4}
    assert "engines are named, and a cluster" in str(seen.of("project")["configuration-wrong"]["text"])
    assert about(seen, "scheduler-silent") == {}


def test_a_cluster_with_tls(project: Path) -> None:
    """Workers that can, and those that cannot with each reason; what the plan needs and nobody offers."""
    root = project.parent
    with (
        played_daemon(root / "d.sock"),
        played_daemon(root / "p.sock", is_podman=True),
        dask_cluster(root / "cluster", tls=True) as cluster,
    ):
        empty = of_cluster(project, cluster.address, **cluster.variables)
        docker, podman = f"unix://{root}/d.sock", f"unix://{root}/p.sock"
        nowhere = NO_ENGINE["CONTAINER_HOST"]
        for name, resources, host in (
            ("one", "aarch64=2", docker),
            ("two", "aarch64=2", docker),
            ("few", "aarch64=8", podman),
            ("none", "x86_64=1", NO_ENGINE["DOCKER_HOST"]),
            ("typo", "arm64=2", docker),
            ("hung", "x86_64=1", docker),
        ):
            cluster.add(name, resources, DOCKER_HOST=host, CONTAINER_HOST=nowhere)
        os.kill(cluster.workers["hung"].process.pid, signal.SIGSTOP)
        flags = ("--archs", "aarch64,x86_64", "--only", "cp311-manylinux_{aarch64,x86_64}")
        seen = of_cluster(project, cluster.address, *flags, **cluster.variables)
        os.kill(cluster.workers["hung"].process.pid, signal.SIGCONT)
        stranger = of_cluster(project, cluster.address)
        other = of_cluster(project, cluster.address, **certificates(root / "another"))
        plain = of_cluster(project, cluster.address.replace("tls://", "tcp://"))
    assert (empty.code, about(empty, "no-worker")[cluster.address]["level"]) == (4, "error")
    facts = about(seen, "scheduler")[cluster.address]["facts"]
    assert isinstance(facts, dict)
    assert facts["version"] == __version__
    assert set(about(seen, "worker")) == {"one two", "few"}
    assert about(seen, "worker")["few"]["text"] == "worker few: Podman 9.9, aarch64; offers aarch64=2"
    left = {name: str(one["text"]) for name, one in about(seen, "worker-left-out").items()}
    assert set(left) == {"none", "typo", "hung"}
    assert "nothing listens at tcp://127.0.0.1:9" in left["none"]
    assert "did you mean aarch64?" in left["typo"]
    assert "it does not answer: no answer within 10 s" in left["hung"]
    assert set(about(seen, "worker-threads")) == {"few"}
    (image,) = about(seen, "worker-image-missing").values()
    assert "aarch64" in str(image["text"])
    assert about(seen, "architecture-offered")["aarch64"]["facts"] == {"slots": 6, "workers": 3}
    unoffered = about(seen, "architecture-unoffered")["x86_64"]
    assert (unoffered["level"], unoffered["facts"]) == ("error", {"cells": 1})
    assert "hung, none would, and cannot" in str(unoffered["text"])
    assert seen.code == 4
    assert about(seen, "versions-differ") == about(seen, "cluster-unencrypted") == {}
    for refused, words in (
        (stranger, "Dask's configuration names no certificates"),
        (other, "TLS certificate does not match"),
        (plain, "it ends the connection"),
    ):
        (silent,) = about(refused, "scheduler-silent").values()
        assert words in str(silent["text"])
        assert silent["remedy"]
        assert refused.code == 4


def test_schedulers_that_do_not_answer(project: Path, mute: int) -> None:
    """Within five seconds and the start of the program, each with its reason."""
    (project.parent / "scheduler.json").write_text("{}")
    for address, words in (
        ("tcp://127.0.0.1:9", "Timed out"),
        (f"tcp://127.0.0.1:{mute}", "no answer within 5 s"),
        ("tcp://no-such-host.invalid:8786", "its name cannot be resolved"),
        ("127.0.0.1:8786", "there is no scheduler file"),
        (str(project.parent / "scheduler.json"), "is no scheduler file"),
    ):
        began = time.monotonic()
        seen = of_cluster(project, address)
        assert time.monotonic() - began < 15
        silent = about(seen, "scheduler-silent")[address]
        assert words in str(silent["text"])
        assert (seen.code, silent["level"]) == (4, "error")
        # What does not depend on it is told all the same.
        assert about(seen, "plan")


def test_a_cluster_without_dask(project: Path) -> None:
    """What is to be installed is said."""
    shadow = project.parent / "shadow"
    shadow.mkdir()
    (shadow / "distributed.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'distributed'\", name='distributed')"
    )
    environ = quiet_environ(project.parent)
    environ["PYTHONPATH"] = f"{shadow}:{environ['PYTHONPATH']}"
    seen = examine(project, environ, "--cluster", "tcp://127.0.0.1:9")
    (silent,) = about(seen, "scheduler-silent").values()
    assert "a cluster needs Dask, and distributed is not installed" in str(silent["text"])
    assert "pip install 'matrix-runner[dask]'" in str(silent["remedy"])


def test_a_sdist_by_a_cluster(project: Path) -> None:
    """It is refused as a build refuses it."""
    seen = of_cluster(project, "tcp://127.0.0.1:9", "--sdist")
    assert "a cluster does not make the sdist" in str(seen.of("project")["configuration-wrong"]["text"])
