"""Cells on a real Dask cluster, in real containers: with TLS, with workers and a scheduler that are killed."""

import os
import re
import signal
import subprocess
import time
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from dask_cluster import DaskCluster, dask_cluster
from rig import Running, started
from runner_process import run_build, runner_argv
from sample_projects import extension_project, stable_abi_project, write_project
from sample_workspace import sample_workspace
from started_build import wait_for

pytestmark = pytest.mark.containers

CELLS = "cp3{11,13}-manylinux_{x86_64,i686}"
TESTED = """
test-command = "python -c 'import answer; assert answer.answer() == 42'"
"""
SLOW = f'{TESTED}before-build = "echo before-build begins; sleep 12"\n'


def flags(cluster: DaskCluster, only: str = CELLS) -> tuple[str, ...]:
    """Return the flags of a run on the cluster."""
    return ("--cluster", cluster.address, "--image", "debian", "--only", only)


def start(cluster: DaskCluster, project: Path, output: Path) -> AbstractContextManager[Running]:
    """Start a run on the cluster."""
    argv = runner_argv("build", project, "--output-dir", output, *flags(cluster))
    return started(argv, output, output.with_name("printed"), **cluster.variables)


def is_clean(running: Running) -> bool:
    """Whether no container of the run is left; others may run beside it. Workers add something to the run's id."""
    match = re.search(r" run ([0-9a-f]{12})", running.spool.read_text())
    assert match is not None
    argv = ("docker", "ps", "--all", "--format", '{{.Label "matrix-runner.run"}}')
    labels = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()
    return not any(label.startswith(match[1]) for label in labels)


def test_three_workers_with_tls(tmp_path: Path) -> None:
    """Cells of both widths are spread over them; each wheel has the bytes of one that was built without a cluster."""
    project = write_project(tmp_path / "project", extension_project(settings=TESTED))
    with dask_cluster(tmp_path / "cluster", tls=True) as cluster:
        for name in ("one", "two", "three"):
            cluster.add(name)
        run = run_build(project, tmp_path / "out", *flags(cluster), **cluster.variables)
        # Nobody without a certificate has a way in.
        stranger = run_build(project, tmp_path / "stranger", *flags(cluster))
    assert run.code == 0, run.output
    assert {str(cell["node"]) for cell in run.cells.values()} == {"one", "two", "three"}
    assert [str(cell["status"]) for cell in run.cells.values()] == ["passed"] * 4
    alone = run_build(project, tmp_path / "alone", "--image", "debian", "--only", CELLS)
    assert alone.code == 0, alone.output
    assert len(run.wheels) == len(alone.wheels) == 4
    for one, other in zip(run.wheels, alone.wheels, strict=True):
        assert one.name == other.name
        assert one.read_bytes() == other.read_bytes()
    for name in ("logs", "provenance"):
        assert len(list((run.report_directory / name).iterdir())) >= 4
    assert stranger.code == 4
    assert "does not answer" in stranger.output
    assert "Traceback" not in stranger.output


def test_a_worker_is_killed_in_mid_cell(tmp_path: Path) -> None:
    """Its cell is built by another one, it leaves no container, and a worker that comes takes part."""
    project = write_project(tmp_path / "project", extension_project(settings=SLOW))
    with dask_cluster(tmp_path / "cluster") as cluster:
        cluster.add("one")
        cluster.add("two")
        with start(cluster, project, tmp_path / "out") as running:
            running.printed("  on two", seconds=120)
            running.reached("before-build begins")
            time.sleep(1)
            cluster.workers["two"].kill()
            running.printed("worker two is lost; another one begins the cell anew")
            cluster.add("three")
            run = running.ended()
    assert run.code == 0, run.output
    assert len(run.wheels) == 4
    assert {str(cell["node"]) for cell in run.cells.values()} == {"one", "three"}
    wait_for(lambda: is_clean(running), 10, "a container is left")


def test_a_worker_hangs(tmp_path: Path) -> None:
    """It keeps its connection and answers nothing: it is left out and named, and the run ends without it."""
    project = write_project(tmp_path / "project", extension_project(settings=TESTED))
    with dask_cluster(tmp_path / "cluster") as cluster:
        cluster.add("one")
        cluster.add("hung")
        os.kill(cluster.workers["hung"].process.pid, signal.SIGSTOP)
        began = time.monotonic()
        run = run_build(project, tmp_path / "out", *flags(cluster, "cp311-manylinux_x86_64"))
        seconds = time.monotonic() - began
    assert run.code == 0, run.output
    assert "worker hung: it does not answer: no answer within 10 s; it is left out" in run.output
    assert len(run.wheels) == 1
    assert seconds < 90


def test_the_scheduler_is_killed(tmp_path: Path) -> None:
    """The run ends with a message; finished wheels stay, no container does."""
    slow = f'{TESTED}[[tool.matrix-runner.overrides]]\nselect = "*_i686"\nbefore-build = "sleep 60"\n'
    project = write_project(tmp_path / "project", extension_project(settings=slow))
    with dask_cluster(tmp_path / "cluster") as cluster:
        for name in ("one", "two", "three", "four"):
            cluster.add(name)
        with start(cluster, project, tmp_path / "out") as running:
            running.wait_until(lambda: len(list((tmp_path / "out").glob("*.whl"))) == 2, "two wheels are not there")
            cluster.scheduler.kill()
            killed = time.monotonic()
            run = running.ended(seconds=60)
            assert time.monotonic() - killed < 30
    assert run.code == 4, run.output
    assert "the cluster's scheduler at " in run.output
    assert "is lost" in run.output
    assert "Traceback" not in run.output
    assert len(run.wheels) == 2
    wait_for(lambda: is_clean(running), 15, "a container is left")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_the_run_is_stopped(tmp_path: Path, number: signal.Signals) -> None:
    """Whether it can still say so or not: no worker goes on, and no container is left."""
    project = write_project(tmp_path / "project", extension_project(settings=SLOW.replace("12", "60")))
    with dask_cluster(tmp_path / "cluster") as cluster:
        cluster.add("one")
        with start(cluster, project, tmp_path / "out") as running:
            running.reached("before-build begins")
            assert not is_clean(running)
            running.process.send_signal(number)
            asked = time.monotonic()
            run = running.ended(seconds=20)
            assert time.monotonic() - asked < 7
        wait_for(lambda: is_clean(running), 15, "a container is left")
        assert cluster.workers["one"].process.poll() is None
    assert run.code == (130 if number is signal.SIGINT else -9)
    assert "Traceback" not in run.output


def test_what_no_worker_offers(tmp_path: Path) -> None:
    """It is refused before anything is built, and not waited for."""
    project = write_project(tmp_path / "project", extension_project())
    with dask_cluster(tmp_path / "cluster") as cluster:
        empty = run_build(project, tmp_path / "empty", *flags(cluster))
        cluster.add("idle", resources="")
        unable = run_build(project, tmp_path / "unable", *flags(cluster))
        cluster.add("one")
        began = time.monotonic()
        run = run_build(project, tmp_path / "out", *flags(cluster, "cp311-manylinux_aarch64"), "--archs", "aarch64")
        assert time.monotonic() - began < 5
    assert (empty.code, unable.code, run.code) == (4, 4, 4)
    assert "has no workers" in empty.output
    assert "worker idle: it offers no architecture" in unable.output
    assert (
        "no worker of the cluster offers aarch64, which cp311-manylinux_aarch64 needs; offered: x86_64=1" in run.output
    )
    assert "--resources 'aarch64=1'" in run.output


def test_a_cell_fails(tmp_path: Path) -> None:
    """Its failure and its log are those of any cell; the others are built."""
    override = '[[tool.matrix-runner.overrides]]\nselect = "cp311-*_x86_64"\nbefore-build = "echo broken; exit 3"\n'
    broken = TESTED + override
    project = write_project(tmp_path / "project", extension_project(settings=broken))
    with dask_cluster(tmp_path / "cluster") as cluster:
        cluster.add("one", "x86_64=2")
        run = run_build(project, tmp_path / "out", *flags(cluster))
    assert run.code == 1, run.output
    assert len(run.wheels) == 3
    log = run.report_directory / "logs" / "cp311-manylinux_x86_64.log"
    assert "broken" in log.read_text()


def test_an_image_that_nobody_has(tmp_path: Path) -> None:
    """Its cells fail with what the engine said, as on one machine; so does a wheel's test in such a system."""
    project = write_project(tmp_path / "project", extension_project(settings=TESTED))
    missing = "127.0.0.1:9/none/manylinux:latest"
    with dask_cluster(tmp_path / "cluster") as cluster:
        cluster.add("one")
        words = ("--cluster", cluster.address, "--image", missing, "--only", "cp311-manylinux_x86_64")
        run = run_build(project, tmp_path / "out", *words)
    assert run.code == 4, run.output
    assert "127.0.0.1:9/none/manylinux" in run.output
    assert "Traceback" not in run.output
    assert "KeyError" not in run.output


def test_a_worker_without_an_engine(tmp_path: Path) -> None:
    """A worker without an engine is left out, and told."""
    project = write_project(tmp_path / "project", extension_project(settings=TESTED))
    with dask_cluster(tmp_path / "cluster") as cluster:
        cluster.add("none", DOCKER_HOST=f"unix://{tmp_path}/none.sock")
        cluster.add("one")
        run = run_build(project, tmp_path / "out", *flags(cluster, "cp311-manylinux_x86_64"))
    assert run.code == 0, run.output
    assert "worker none: " in run.output
    assert "it is left out" in run.output
    assert run.cells["cp311-manylinux_x86_64"]["node"] == "one"


def test_a_second_run_is_taken_from_the_cache(tmp_path: Path) -> None:
    """Finished cells are kept where the run was started; nothing is given to the workers then."""
    project = write_project(tmp_path / "project", extension_project(settings=TESTED))
    variables = {"MATRIX_RUNNER_NO_CACHE": "0", "MATRIX_RUNNER_CACHE_DIR": str(tmp_path / "cache")}
    with dask_cluster(tmp_path / "cluster") as cluster:
        cluster.add("one", "x86_64=2")
        first = run_build(project, tmp_path / "out", *flags(cluster), **variables)
        second = run_build(project, tmp_path / "again", *flags(cluster), **variables)
    assert (first.code, second.code) == (0, 0), second.output
    assert [str(cell["status"]) for cell in second.cells.values()] == ["cached"] * 4
    assert [one.read_bytes() for one in first.wheels] == [one.read_bytes() for one in second.wheels]


def test_wheels_that_others_need_travel_along(tmp_path: Path) -> None:
    """A package of a workspace is built against another one's wheel, wherever that was built."""
    project = write_project(tmp_path / "project", sample_workspace())
    with dask_cluster(tmp_path / "cluster") as cluster:
        cluster.add("one")
        cluster.add("two")
        run = run_build(project, tmp_path / "out", *flags(cluster, "cp311-manylinux_*"))
    assert run.code == 0, run.output
    assert len(run.wheels) == 6
    assert {str(cell["node"]) for cell in run.cells.values()} == {"one", "two"}


def test_a_wheel_that_serves_several_cells(tmp_path: Path) -> None:
    """One cell builds it, the others test that one."""
    tested = "test-command = 'python -c \"import stable\"'\n"
    project = write_project(tmp_path / "project", stable_abi_project(settings=tested))
    with dask_cluster(tmp_path / "cluster") as cluster:
        cluster.add("one")
        cluster.add("two")
        run = run_build(project, tmp_path / "out", *flags(cluster, "cp3{11,13}-manylinux_x86_64"))
    assert run.code == 0, run.output
    assert len(run.wheels) == 1
    assert run.cells["cp313-manylinux_x86_64"]["reused_from"] == "cp311-manylinux_x86_64"


def test_before_all_is_run_once_on_each_machine(tmp_path: Path) -> None:
    """Two cells of one worker share it, whichever comes first; and a stable-ABI wheel is built once for all."""
    settings = f'{TESTED}before-all = "echo prepared-once; touch /prepared"\nbefore-build = "ls /prepared"\n'
    project = write_project(tmp_path / "project", extension_project(settings=settings))
    with dask_cluster(tmp_path / "cluster") as cluster:
        cluster.add("one", "x86_64=2")
        run = run_build(project, tmp_path / "out", *flags(cluster, "cp3{11,13}-manylinux_x86_64"))
    assert run.code == 0, run.output
    logs = [path.read_text() for path in (run.report_directory / "logs").glob("*.log")]
    assert sum("\nprepared-once" in text for text in logs) == 1
