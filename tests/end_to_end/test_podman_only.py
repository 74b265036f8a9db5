"""A machine with Podman and without Docker: real containers, and no variable or flag that names an engine.

Each command runs in a mount namespace of its own. There /run is empty but for Podman's socket, where the machine's is.
"""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from podman_service import podman_service
from runner_process import Ended, runner_argv, runner_environ
from sample_projects import extension_project, write_project

pytestmark = pytest.mark.own_images

CELL = "cp311-manylinux_x86_64"
IMAGE = "matrix-runner/manylinux_2_31_x86_64"
WHY = "container-engine = podman: there is no Docker socket at unix:///var/run/docker.sock (the default)"
_HIDE = """set -eu
mount -t tmpfs tmpfs /run
mkdir /run/podman
touch /run/podman/podman.sock
mount --bind "$1" /run/podman/podman.sock
shift
exec "$@"
"""


@pytest.fixture(name="socket", scope="module")
def _socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Start Podman's service, with our image in its store; return its socket."""
    with podman_service(tmp_path_factory.mktemp("podman"), [IMAGE]) as endpoint:
        assert endpoint.socket_path is not None
        yield endpoint.socket_path


@pytest.fixture(name="environ")
def _environ(tmp_path: Path) -> dict[str, str]:
    """Return variables that name no engine, and directories of the test's own."""
    own = {name: str(tmp_path / name) for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME")}
    named = ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "CONTAINER_HOST", "XDG_RUNTIME_DIR")
    return {name: value for name, value in runner_environ(**own).items() if name not in named}


def run(socket: Path, environ: dict[str, str], *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command where only Podman can be reached."""
    # As an ordinary user it takes a user namespace as well, in which that user is root.
    namespace = ("unshare", "--mount", *(() if os.geteuid() == 0 else ("--map-root-user",)), "--propagation", "private")
    argv = (*namespace, "sh", "-c", _HIDE, "sh", str(socket), *runner_argv(*arguments))
    return subprocess.run(argv, env=environ, capture_output=True, text=True, check=False, timeout=600)


def test_the_doctor_finds_podman(socket: Path, environ: dict[str, str]) -> None:
    """With its version, its address and the images in it; that there is no Docker is one line."""
    done = run(socket, environ, "doctor")
    assert done.returncode == 0, done.stderr
    docker, _, podman = done.stdout.partition("\nDocker\n")[2].partition("Podman\n")
    assert docker == "  there is no Docker socket at unix:///var/run/docker.sock (the default)\n"
    assert podman.startswith("  podman ")
    assert " at unix:///run/podman/podman.sock, " in podman.splitlines()[0]
    assert [line for line in podman.splitlines() if line.startswith(f"  {IMAGE}:latest: ") and "cp311-cp311" in line]


def test_images_are_listed_from_podman(socket: Path, environ: dict[str, str]) -> None:
    """By their own names, without the registry that Podman puts before them."""
    done = run(socket, environ, "image", "list")
    assert (done.returncode, done.stderr) == (0, f"{WHY}\n")
    assert [line for line in done.stdout.splitlines() if line.startswith(f"{IMAGE}:latest  ")]


def test_a_wheel_is_built_and_explained(socket: Path, environ: dict[str, str], tmp_path: Path) -> None:
    """The cell runs in a container of Podman's, in the image that explain names, for the reason that both give."""
    command = """test-command = "python -c 'import answer; assert answer.answer() == 42'" """
    project = write_project(tmp_path / "project", extension_project(settings=command))
    flags = ("--image", "debian", "--only", CELL)
    explained = run(socket, environ, "explain", CELL, project, *flags)
    assert (explained.returncode, explained.stderr) == (0, f"{WHY}\n")
    assert f"✓ {IMAGE} (" in explained.stdout
    output = tmp_path / "out"
    done = run(socket, environ, "build", project, "--output-dir", output, *flags)
    ended = Ended(code=done.returncode, output=done.stdout + done.stderr, directory=output)
    assert ended.code == 0, ended.output
    assert done.stderr.splitlines()[0] == WHY
    assert [wheel.name.split("-")[2] for wheel in ended.wheels] == ["cp311"]
    engine = ended.report["engine"]
    assert isinstance(engine, dict)
    assert (engine["name"], engine["endpoint"]) == ("podman", "unix:///run/podman/podman.sock")
