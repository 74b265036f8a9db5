"""What the engine promises of Podman beyond the contract: where its interface differs from Docker's."""

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import docker
import pytest
from engine_harness import Harness, daemon_harness, tar_of
from msgspec.structs import replace

from matrix_runner.engine.api import ImageMetadata, Volume
from matrix_runner.engine.docker.endpoint import Endpoint
from matrix_runner.engine.docker.sdk.sdk_engine import DockerEngine
from matrix_runner.engine.hearing import Hearing
from matrix_runner.engine.leasing.leases import LABEL_RUN
from matrix_runner.model.platforms import Arch

pytestmark = pytest.mark.containers
ROOT = Path(__file__).parents[2]
NASTY = "a \"b\" 'c' $HOME \\ d"


def podman(*argv: str) -> str:
    """Ask Podman by its own command, as an independent witness."""
    return subprocess.run(("podman", *argv), capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def podman_harness(podman_endpoint: Endpoint, tmp_path: Path) -> Harness:
    """Return the harness of Podman's containers."""
    return daemon_harness(Arch.X86_64, tmp_path, podman_endpoint)


@pytest.fixture
def run_id(tmp_path: Path) -> str:
    """Return a run's id of this test alone."""
    return f"test-{tmp_path.name[:20]}-{os.getpid()}"


@pytest.fixture
def engine(podman_harness: Harness, run_id: str) -> Iterator[DockerEngine]:
    """Make an engine, and close it."""
    made = podman_harness.make(run_id)
    assert isinstance(made, DockerEngine)
    with contextlib.closing(made):
        yield made


def test_podman_says_its_name(engine: DockerEngine) -> None:
    """The report names Podman and its version once, and not Docker."""
    info = engine.check()
    assert (engine.name, info.name) == ("podman", "podman")
    either = "{{if .Server}}{{.Server.Version}}{{else}}{{.Client.Version}}{{end}}"
    assert info.version == podman("version", "--format", either)


def test_sizes_while_containers_come_and_go(
    engine: DockerEngine, podman_harness: Harness, podman_endpoint: Endpoint
) -> None:
    """Volumes are listed with their sizes, although Podman fails over each container that goes while it measures."""
    name = f"matrix-runner-test-{secrets.token_hex(4)}"
    volume = Volume(name=name, target="/matrix/shared", labels=(("matrix-runner.project", engine.owner),))
    is_over = threading.Event()

    def come_and_go() -> None:
        image = podman_harness.spec().image
        other = docker.APIClient(base_url=podman_endpoint.url, version="1.41")
        with contextlib.closing(other):
            while not is_over.is_set():
                other.remove_container(other.create_container(image, "true")["Id"], force=True)

    with engine.open(replace(podman_harness.spec(), volumes=(volume,))):
        pass
    with ThreadPoolExecutor(3) as others:
        busy = [others.submit(come_and_go) for _ in range(3)]
        try:
            listings = [[each for each in engine.persistent_items() if each.name == name] for _ in range(10)]
        finally:
            is_over.set()
        for other in busy:
            other.result()
    (found,) = listings[-1]
    assert [[each.size for each in listing] for listing in listings] == [[0]] * 10
    engine.remove_persistent(found)


def test_named_snapshots(podman_harness: Harness, engine: DockerEngine, run_id: str) -> None:
    """A named snapshot has its labels, variables and name as given; it can be listed, opened and removed by them."""
    name = f"matrix-runner-test:{run_id}"
    metadata = ImageMetadata(name=name, labels=(("matrix-runner.test", NASTY),), env=(("NASTY", NASTY),))
    try:
        with engine.open(podman_harness.spec(env=(("SECRET", "x"),))) as container:
            identity = container.snapshot(metadata)
        (image,) = engine.images("matrix-runner.test")
        assert (image.reference, image.id) == (name, identity)
        assert engine.resolve(name, Arch.X86_64, Hearing()).id == identity
        config = json.loads(podman("image", "inspect", identity))[0]["Config"]
        assert config["Labels"]["matrix-runner.test"] == NASTY
        assert f"NASTY={NASTY}" in config["Env"]
        assert not any(variable.startswith("SECRET=") for variable in config["Env"])
    finally:
        engine.remove_image(name)
    assert engine.images("matrix-runner.test") == ()


def test_import_of_a_root(engine: DockerEngine, tmp_path: Path, run_id: str) -> None:
    """A tar file becomes an image with exactly the name it is given, its labels and its entry point."""
    name = f"matrix-runner-import:{run_id}"
    archive = tmp_path / "root.tar"
    archive.write_bytes(tar_of(etc__hostname=b"x"))
    metadata = ImageMetadata(name=name, labels=(("matrix-runner.test-import", NASTY),), entrypoint=("/a b", "c"))
    try:
        identity = engine.import_root(archive, Arch.X86_64, metadata)
        (image,) = engine.images("matrix-runner.test-import")
        assert (image.reference, image.id) == (name, identity)
        config = json.loads(podman("image", "inspect", identity))[0]["Config"]
        assert config["Labels"]["matrix-runner.test-import"] == NASTY
        assert config["Entrypoint"] == ["/a b", "c"]
    finally:
        engine.remove_image(name)
    engine.remove_image(name)


DRIVER = """
    import os, sys
    from pathlib import Path
    from matrix_runner.engine.api import ContainerSpec, ExecRequest
    from matrix_runner.engine.docker.sdk.sdk_engine import DockerEngine
    from matrix_runner.engine.docker.endpoint import resolve_podman_endpoint
    from matrix_runner.engine.surroundings import EngineSurroundings
    from matrix_runner.model.platforms import Arch

    endpoint = resolve_podman_endpoint(os.environ)
    state = Path(sys.argv[2])
    surroundings = EngineSurroundings(environ=os.environ, state_dir=state, work_dir=state / "work")
    engine = DockerEngine(run=sys.argv[1], surroundings=surroundings, endpoint=endpoint)
    with engine.open(ContainerSpec(image=sys.argv[3], arch=Arch.X86_64, name="cell")) as container:
        request = ExecRequest(argv=("sh", "-c", "trap '' TERM INT HUP; echo up; setsid sleep 1000 & sleep 1000"))
        container.exec(request, lambda data: os.write(1, data))
"""


def test_sigkill_of_the_driver_removes_the_container(
    podman_harness: Harness, podman_endpoint: Endpoint, tmp_path: Path, run_id: str
) -> None:
    """A driver killed with SIGKILL in mid-command takes its container along, as it does under Docker."""
    argv = (sys.executable, "-c", textwrap.dedent(DRIVER), run_id, str(tmp_path / "state"), podman_harness.image)
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "CONTAINER_HOST": podman_endpoint.url}
    listing = ("ps", "--all", "--quiet", "--filter", f"label={LABEL_RUN}={run_id}")
    with subprocess.Popen(argv, env=environ, stdout=subprocess.PIPE) as driver:
        assert driver.stdout is not None
        assert driver.stdout.readline() == b"up\n"
        assert len(podman(*listing).split()) == 1
        driver.send_signal(signal.SIGKILL)
        driver.wait()
    until = time.monotonic() + 10
    while podman(*listing) and time.monotonic() < until:
        time.sleep(0.05)
    assert podman(*listing) == ""
