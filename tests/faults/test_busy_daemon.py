"""A daemon that accepts connections and never answers: what was asked for is not replaced by something else."""

import socket
import subprocess
from pathlib import Path

import pytest
from runner_process import EXAMPLE, runner_argv, runner_environ


@pytest.mark.parametrize("asked", [("--image", "debian"), ("--archs", "x86_64 i686"), ()])
def test_a_build_waits_and_then_fails(tmp_path: Path, asked: tuple[str, ...]) -> None:
    """Exit code 4, with the daemon's name and the wait; nothing is built by this machine's own Pythons."""
    with socket.socket(socket.AF_UNIX) as daemon:
        daemon.bind(str(tmp_path / "docker.sock"))
        daemon.listen(64)
        environ = runner_environ(
            DOCKER_HOST=f"unix://{tmp_path}/docker.sock", MATRIX_RUNNER_ENGINE_TIMEOUT="6", CONTAINER_HOST=""
        )
        argv = runner_argv("build", EXAMPLE, *asked, "--only", "cp311-manylinux_*", "--output-dir", tmp_path / "out")
        done = subprocess.run(argv, env=environ, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 4, done.stderr
    assert "accepts connections but does not answer; waiting up to 6 s for it" in done.stderr
    assert "container-engine = local" not in done.stderr + done.stdout
    assert not (tmp_path / "out").exists()
