"""The driver is interrupted or killed in the middle of its work: nothing leaks, nothing finished is lost."""

import os
import signal
import subprocess
import time
import zipfile
from pathlib import Path

import pytest
import started_build
from engine_relay import engine_relay
from runner_process import report_dir
from sample_projects import extension_project, write_project
from started_build import containers, containers_of, run_id, wait_for

from matrix_runner.engine.leasing.leases import Leases

pytestmark = pytest.mark.containers

# The second cell's test waits for a file that nobody makes: by then the first cell has delivered.
SETTINGS = """
test-command = "python -c 'import answer, sys; sys.exit(0)' && sh {project}/wait.sh"
"""
WAIT = 'case "$MATRIX_RUNNER_IDENTIFIER" in cp313-*) echo waiting; sleep 600;; esac\n'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Make a project of which one cell is quick and the other never ends."""
    return write_project(tmp_path / "project", extension_project(settings=SETTINGS) | {"wait.sh": WAIT})


def start(project: Path, output: Path, **variables: str) -> subprocess.Popen[bytes]:
    """Start a build of one quick and one endless cell."""
    return started_build.start(
        project, output, "--image", "debian", "--only", "cp3{11,13}-manylinux_x86_64", variables=variables
    )


def is_waiting(output: Path) -> bool:
    """Whether the quick wheel is there and the endless test has begun."""
    log = report_dir(output) / "logs" / "cp313-manylinux_x86_64.log"
    return bool(list(output.glob("*.whl"))) and log.exists() and b"\nwaiting" in log.read_bytes()


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143), (signal.SIGKILL, -signal.SIGKILL)],
    ids=lambda value: value.name if isinstance(value, signal.Signals) else str(value),
)
def test_nothing_leaks_and_finished_wheels_are_whole(
    project: Path, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    """Two seconds after a kill no container is left, an interrupt ends within five, and the finished wheel is whole."""
    output = tmp_path / "out"
    process = start(project, output)
    try:
        run = run_id(process)
        wait_for(lambda: is_waiting(output), 120, "the second cell never came to its test")
        assert containers(run)
        os.kill(process.pid, number)
        assert process.wait(5) == code
        wait_for(lambda: not containers(run), 2, "a container was left")
        (wheel,) = output.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            assert archive.testzip() is None
        assert not list(output.glob("*.partial"))
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("request_name", ["create", "attach", "start"])
def test_a_container_without_a_lifeline_does_not_stay(project: Path, tmp_path: Path, request_name: str) -> None:
    """The driver is killed between a container's creation and its start: nothing of the container's own ends it."""
    socket, state = tmp_path / "engine.sock", tmp_path / "state"
    variables = {"DOCKER_HOST": f"unix://{socket}", "XDG_STATE_HOME": str(state)}
    with engine_relay(socket) as relay:
        process = relay.killed_at(request_name, lambda: start(project, tmp_path / "out", **variables))
        try:
            assert process.wait(60) == -signal.SIGKILL
            assert relay.was_reached
            owner = Leases(state / "matrix-runner", "").owner
            wait_for(lambda: not containers_of(owner), 4, "a container was left")
            # Nor does a request that the daemon was still busy with.
            time.sleep(2)
            assert not containers_of(owner)
        finally:
            process.kill()
            process.communicate()


def test_an_interrupted_run_reports_what_was_done(project: Path, tmp_path: Path) -> None:
    """After Ctrl-C the summary and report.json tell the passed cell from the cancelled one, and name the exit code."""
    output = tmp_path / "out"
    process = start(project, output)
    try:
        wait_for(lambda: is_waiting(output), 120, "the second cell never came to its test")
        os.kill(process.pid, signal.SIGINT)
        printed = process.communicate(timeout=10)[0].decode()
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Traceback" not in printed
    assert "passed     cp311-manylinux_x86_64" in printed
    assert "cancelled  cp313-manylinux_x86_64" in printed
    assert '"exit_code": 130' in (report_dir(output) / "report.json").read_text("utf-8")


def test_the_next_run_sweeps_what_a_killed_one_left(project: Path, tmp_path: Path) -> None:
    """After SIGKILL the same command, run again, finds no lock, no half-written file, and completes what can be."""
    output = tmp_path / "out"
    process = start(project, output)
    try:
        wait_for(lambda: is_waiting(output), 120, "the second cell never came to its test")
    finally:
        process.kill()
        process.communicate()
    (project / "wait.sh").write_text("true\n")
    again = start(project, output)
    printed = again.communicate(timeout=120)[0].decode()
    assert again.returncode == 0, printed
    assert len(list(output.glob("*.whl"))) == 2
