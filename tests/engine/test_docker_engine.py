"""What the Docker engine promises beyond the contract of all engines."""

import contextlib
import io
import json
import os
import secrets
import signal
import subprocess
import sys
import tarfile
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import certifi
import pytest
from engine_harness import Harness, run, tar_of, untar
from engine_surroundings import surroundings
from msgspec.structs import replace

from matrix_runner.engine.api import ContainerSpec, Ending, Engine, ExecRequest, ImageMetadata, Volume
from matrix_runner.engine.docker.sdk.sdk_engine import DockerEngine
from matrix_runner.engine.hearing import Hearing
from matrix_runner.engine.leasing.leases import LABEL_RUN, LABEL_SNAPSHOT
from matrix_runner.engine.proxies import CA_IN_CONTAINER
from matrix_runner.errors import EngineError, ImageError
from matrix_runner.model.platforms import Arch

pytestmark = pytest.mark.containers
ROOT = Path(__file__).parents[2]
HOSTS = {name: value for name, value in os.environ.items() if name.startswith("DOCKER_")}
"""The variables that name the daemon under test."""


def docker(*argv: str) -> str:
    """Ask the daemon by its own command, as an independent witness."""
    return subprocess.run(("docker", *argv), capture_output=True, text=True, check=True).stdout.strip()


def containers_of(run_id: str) -> list[str]:
    """Return the ids of a run's containers, running or not."""
    return docker("ps", "--all", "--quiet", "--filter", f"label={LABEL_RUN}={run_id}").split()


def wait_until_gone(run_id: str, seconds: float) -> list[str]:
    """Wait for a run's containers to go; return those that have not."""
    until = time.monotonic() + seconds
    while (left := containers_of(run_id)) and time.monotonic() < until:
        time.sleep(0.05)
    return left


@pytest.fixture
def run_id(tmp_path: Path) -> str:
    """Return a run's id of this test alone."""
    return f"test-{tmp_path.name[:20]}-{os.getpid()}"


@pytest.fixture
def docker_engine(docker_harness: Harness, run_id: str) -> Iterator[Engine]:
    """Make an engine, and close it."""
    with contextlib.closing(docker_harness.make(run_id)) as made:
        yield made


def test_everything_says_the_cells_machine(docker_harness: Harness, docker_engine: Engine) -> None:
    """`uname -m` is the cell's architecture in every command, also in children and after a limit was hit."""
    with docker_engine.open(docker_harness.spec()) as container:
        run(container, "sleep", "100", timeout=0.2)
        assert run(container, "sh", "-c", "uname -m")[1].decode().strip() == docker_harness.arch.tag


def test_container_is_labelled_and_has_no_mounts(docker_harness: Harness, docker_engine: Engine, run_id: str) -> None:
    """A container can be found by its run, and no path of the host is in it."""
    with docker_engine.open(docker_harness.spec("cp311-manylinux_x86_64")):
        (identity,) = containers_of(run_id)
        facts = json.loads(docker("inspect", identity))[0]
    assert facts["Mounts"] == []
    assert not facts["HostConfig"]["Binds"]
    assert facts["Config"]["Labels"]["matrix-runner.cell"] == "cp311-manylinux_x86_64"
    assert not facts["HostConfig"]["Privileged"]
    assert "cp311-manylinux_x86_64" in facts["Name"]
    assert containers_of(run_id) == []


DRIVER = """
    import os, sys
    from pathlib import Path
    from matrix_runner.engine.api import ContainerSpec, ExecRequest, ImageMetadata
    from matrix_runner.engine.docker.sdk.sdk_engine import DockerEngine
    from matrix_runner.engine.surroundings import EngineSurroundings
    from matrix_runner.model.platforms import Arch

    state = Path(sys.argv[2])
    surroundings = EngineSurroundings(environ=os.environ, state_dir=state, work_dir=state / "work")
    engine = DockerEngine(run=sys.argv[1], surroundings=surroundings)
    with engine.open(ContainerSpec(image=sys.argv[3], arch=Arch.parse(sys.argv[4]), name="cell")) as container:
        container.snapshot(ImageMetadata(name=None))
        request = ExecRequest(argv=("sh", "-c", "trap '' TERM INT HUP; echo up; setsid sleep 1000 & sleep 1000"))
        container.exec(request, lambda data: os.write(1, data))
"""


def test_sigkill_of_the_driver_removes_the_container(docker_harness: Harness, tmp_path: Path, run_id: str) -> None:
    """A driver killed with SIGKILL in mid-command takes its container along within two seconds.

    What is left, a snapshot of that run, is removed by the next sweep, which says so.
    """
    argv = (sys.executable, "-c", textwrap.dedent(DRIVER), run_id, str(tmp_path / "state"))
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        (*argv, docker_harness.image, docker_harness.arch.tag), env=environ, stdout=subprocess.PIPE
    ) as driver:
        assert driver.stdout is not None
        assert driver.stdout.readline() == b"up\n"
        assert len(containers_of(run_id)) == 1
        driver.send_signal(signal.SIGKILL)
        driver.wait()
        assert wait_until_gone(run_id, 2) == []
    assert docker("images", "--quiet", "--filter", f"label={LABEL_SNAPSHOT}={run_id}") != ""
    with contextlib.closing(docker_harness.make(f"{run_id}-next")) as engine:
        told = engine.sweep()
    assert len(told) == 1
    assert run_id in told[0]
    assert docker("images", "--quiet", "--filter", f"label={LABEL_SNAPSHOT}={run_id}") == ""


def test_bash_as_the_shell(docker_harness: Harness, docker_engine: Engine) -> None:
    """The machinery works with bash as /bin/sh too, which is what the images of the manylinux project have."""
    spec = docker_harness.spec()
    with docker_engine.open(spec) as container:
        assert run(container, "ln", "-sf", "bash", "/bin/sh")[0].is_success
        image = container.snapshot(ImageMetadata(name=None))
    with docker_engine.open(ContainerSpec(image=image, arch=spec.arch, name="bash")) as container:
        assert run(container, "sh", "-c", 'echo "${BASH_VERSION%%.*}"; kill -9 $$')[1].strip().isdigit()
        result, output = run(container, "sh", "-c", "trap '' TERM; echo x; sleep 90 & sleep 90", silence=0.3)
        assert (result.ending, output) == (Ending.WENT_SILENT, b"x\n")
        assert run(container, "cat", "/no/such")[0].status == 1
        assert run(container, "printf", "%s", "it's\na 'test'")[1] == b"it's\na 'test'"
        container.put("/new", [tar_of(file=b"exit 3\n" * 50_000)])
        assert run(container, "wc", "-c", "/new/file")[1] == b"350000 /new/file\n"


def test_a_file_of_holes_is_as_large_as_it_reads(docker_harness: Harness, docker_engine: Engine) -> None:
    """What takes no room on the disk comes out whole all the same."""
    with docker_engine.open(docker_harness.spec()) as container:
        assert run(container, "truncate", "-s", "12M", "/holes")[0].is_success
        with container.get("/holes") as stream:
            assert untar(b"".join(stream)) == {"holes": bytes(12 * 1024**2)}


def test_another_state_directory_is_another_owner(
    docker_harness: Harness, docker_engine: Engine, tmp_path: Path
) -> None:
    """A sweep with other locks touches nothing of ours: it cannot know whether our run lives."""
    with docker_engine.open(docker_harness.spec()) as container:
        other = DockerEngine(run="other", surroundings=surroundings(tmp_path / "elsewhere"))
        with contextlib.closing(other):
            assert other.sweep() == ()
        assert run(container, "true")[0].is_success


@pytest.mark.rootful
def test_out_of_memory_is_told(docker_harness: Harness, docker_engine: Engine) -> None:
    """A command that the kernel kills for memory says so; the container survives it."""
    spec = docker_harness.spec()
    small = ContainerSpec(image=spec.image, arch=spec.arch, name="small", memory=32 * 1024 * 1024)
    with docker_engine.open(small) as container:
        result, _ = run(container, "sh", "-c", "head -c 100000000 /dev/zero | tail -n 1 >/dev/null; exit 1")
        assert (result.ending, result.status) == (Ending.OUT_OF_MEMORY, None)
        assert run(container, "sh", "-c", "exit 9")[0].status == 9


def test_abort_is_fast(docker_harness: Harness, docker_engine: Engine, run_id: str) -> None:
    """Eight busy containers are gone two seconds after an abort, and each command has ended as lost."""
    endings = []
    ready = threading.Barrier(9)

    def work() -> None:
        with docker_engine.open(docker_harness.spec()) as container:
            ready.wait(60)
            endings.append(container.exec(ExecRequest(argv=("sleep", "1000")), lambda _: None).ending)

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    ready.wait(60)
    docker_engine.abort()
    assert wait_until_gone(run_id, 2) == []
    for worker in workers:
        worker.join()
    assert endings == [Ending.LOST] * 8


def test_removal_by_someone_else_is_a_loss(docker_harness: Harness, docker_engine: Engine, run_id: str) -> None:
    """`docker rm -f` in mid-command is LOST, not success, and leaving the context complains of nothing."""
    with docker_engine.open(docker_harness.spec()) as container:

        def remove(_: bytes) -> None:
            docker("rm", "--force", *containers_of(run_id))

        result = container.exec(ExecRequest(argv=("sh", "-c", "echo x; sleep 1000")), remove)
    assert result.ending is Ending.LOST


def test_named_images(docker_harness: Harness, docker_engine: Engine, run_id: str) -> None:
    """A named snapshot keeps its labels, variables and the original command, not our PID 1, and outlives the engine."""
    name = f"matrix-runner-test:{run_id}"
    nasty = "a \"b\" 'c' $HOME \\ d"
    metadata = ImageMetadata(name=name, labels=(("matrix-runner.test", nasty),), env=(("NASTY", nasty),))
    try:
        with docker_engine.open(docker_harness.spec(env=(("SECRET", "x"),))) as container:
            identity = container.snapshot(metadata)
        docker_engine.close()
        facts = json.loads(docker("image", "inspect", name))[0]
        original = json.loads(docker("image", "inspect", docker_harness.image))[0]
        assert facts["Id"] == identity
        assert (facts["Config"]["Cmd"] or []) == (original["Config"]["Cmd"] or [])
        assert (facts["Config"]["Entrypoint"] or []) == (original["Config"]["Entrypoint"] or [])
        assert facts["Config"]["Labels"]["matrix-runner.test"] == nasty
        added = set(facts["Config"]["Env"] or ()) - set(original["Config"]["Env"] or ())
        assert added - {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"} == {f"NASTY={nasty}"}
        assert isinstance(docker_engine, DockerEngine)
        assert [image.reference for image in docker_engine.images("matrix-runner.test")] == [name]
    finally:
        subprocess.run(("docker", "image", "rm", "--force", name), capture_output=True, check=False)


def test_import_of_a_root(docker_engine: Engine, tmp_path: Path, run_id: str) -> None:
    """A tar file becomes an image with its name, labels and variables; removing it twice is no error."""
    assert isinstance(docker_engine, DockerEngine)
    name = f"matrix-runner-test:{run_id}"
    nasty = "a \"b\" 'c' $HOME \\ d"
    archive = tmp_path / "root.tar"
    archive.write_bytes(tar_of(etc__hostname=b"x"))
    metadata = ImageMetadata(
        name=name, labels=(("matrix-runner.test", nasty),), env=(("NASTY", nasty),), entrypoint=("/a b", "c")
    )
    try:
        identity = docker_engine.import_root(archive, Arch.I686, metadata)
        facts = json.loads(docker("image", "inspect", name))[0]
        assert facts["Id"] == identity
        assert facts["Config"]["Labels"] == {"matrix-runner.test": nasty}
        assert f"NASTY={nasty}" in facts["Config"]["Env"]
        assert facts["Config"]["Entrypoint"] == ["/a b", "c"]
    finally:
        docker_engine.remove_image(name)
    docker_engine.remove_image(name)


def test_a_bundle_of_certificates_comes_along(docker_harness: Harness, tmp_path: Path) -> None:
    """The host's bundle is a file in the container, and every command is told where; proxies are too."""
    bundle = tmp_path / "ca.pem"
    bundle.write_bytes(b"certificates")
    environ = {**HOSTS, "SSL_CERT_FILE": str(bundle), "https_proxy": "http://proxy.example:3128"}
    engine = DockerEngine(run="ca", surroundings=surroundings(tmp_path, environ))
    with contextlib.closing(engine), engine.open(docker_harness.spec()) as container:
        assert run(container, "sh", "-c", 'cat "$PIP_CERT"; echo " $HTTPS_PROXY"')[1] == (
            b"certificates http://proxy.example:3128\n"
        )


def test_a_current_bundle_is_there_in_any_case(docker_harness: Harness, tmp_path: Path) -> None:
    """Where the host names none it is certifi's; commands are told of it one by one, by their recipe."""
    engine = DockerEngine(run="certifi", surroundings=surroundings(tmp_path, {**HOSTS, "LANG": "C"}))
    with contextlib.closing(engine), engine.open(docker_harness.spec()) as container:
        said = run(container, "sh", "-c", f'cat {CA_IN_CONTAINER}; echo "told: $PIP_CERT"')[1]
    assert said == Path(certifi.where()).read_bytes() + b"told: \n"


def test_an_unreachable_registry(docker_engine: Engine) -> None:
    """An image that cannot be fetched says why and how to go on without a registry."""
    with pytest.raises(ImageError, match="cannot be reached") as caught:
        docker_engine.resolve("127.0.0.1:9/nothing:here", Arch.X86_64, Hearing())
    assert "runner image build" in str(caught.value.hint)


def test_a_present_image_is_used_as_it_is(docker_harness: Harness, docker_engine: Engine) -> None:
    """No registry is asked for an image that is there, whatever its metadata says of its architecture."""
    notices: list[str] = []
    image = docker_engine.resolve(docker_harness.image, docker_harness.arch, Hearing(on_notice=notices.append))
    assert notices == []
    assert image.id == docker("image", "inspect", "--format", "{{.Id}}", docker_harness.image)
    layers = docker("image", "inspect", "--format", "{{json .RootFS.Layers}}", docker_harness.image)
    assert list(image.layers) == json.loads(layers) != []


def test_no_daemon(tmp_path: Path) -> None:
    """A socket that does not exist is an error with a hint, at the first question."""
    environ = {"DOCKER_HOST": f"unix://{tmp_path}/none"}
    engine = DockerEngine(run="r", surroundings=surroundings(tmp_path, environ))
    with pytest.raises(EngineError, match="no Docker socket") as caught:
        engine.check()
    assert caught.value.hint


def test_files_come_out_as_they_are(docker_harness: Harness, docker_engine: Engine) -> None:
    """A 30 MB file passes both ways in pieces."""
    data = os.urandom(1 << 20) * 30
    with docker_engine.open(docker_harness.spec()) as container:
        container.put("/x", (piece for piece in [tar_of(big=data)]))
        with container.get("/x/big") as stream, tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as tar:
            file = tar.extractfile("big")
            assert file is not None
            assert file.read() == data


def test_an_empty_volume_keeps_its_owner(docker_harness: Harness, docker_engine: Engine) -> None:
    """A further container does not give it that of the image's directory at its place, while another one uses it."""
    shared = Volume(name=f"matrix-runner-test-{secrets.token_hex(4)}", target="/shared", is_run_only=True)
    with docker_engine.open(docker_harness.spec()) as maker:
        assert run(maker, "mkdir", "/shared")[0].is_success
        image = maker.snapshot(ImageMetadata(name=None))
    spec = replace(docker_harness.spec(), image=image, volumes=(shared,))
    with docker_engine.open(spec) as first:
        assert run(first, "sh", "-c", "chown 1000:1000 /shared && chmod 700 /shared")[0].is_success
        with docker_engine.open(spec) as second:
            for each in (first, second):
                assert run(each, "stat", "-c", "%u:%g %a", "/shared")[1] == b"1000:1000 700\n"


def test_a_volume_can_be_read_only_in_one_container(docker_harness: Harness, docker_engine: Engine) -> None:
    """It sees what another container writes, and can neither write itself nor mount it anew."""
    shared = Volume(name=f"matrix-runner-test-{secrets.token_hex(4)}", target="/shared", is_run_only=True)
    spec = docker_harness.spec()
    with (
        docker_engine.open(replace(spec, volumes=(shared,))) as writer,
        docker_engine.open(replace(spec, volumes=(replace(shared, is_read_only=True),))) as reader,
    ):
        assert run(writer, "sh", "-c", "echo content >/shared/file")[0].is_success
        assert run(reader, "cat", "/shared/file")[1] == b"content\n"
        for command in ("echo x >/shared/file", "rm /shared/file", "mount -o remount,rw /shared"):
            assert not run(reader, "sh", "-c", command)[0].is_success
        assert run(writer, "cat", "/shared/file")[1] == b"content\n"
