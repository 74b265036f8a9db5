"""The engines that the contract suite runs on: one row in `HARNESSES` each, and what their tests share."""

import io
import os
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine_surroundings import surroundings

from matrix_runner.engine.api import Container, ContainerSpec, Engine, ExecRequest, ExecResult
from matrix_runner.engine.docker.endpoint import Endpoint, resolve_endpoint
from matrix_runner.engine.docker.sdk.sdk_engine import DockerEngine
from matrix_runner.engine.fake.fake_engine import ANY_IMAGE, FakeCall, FakeEngine, FakeHost, FakeResult
from matrix_runner.engine.local.local_engine import IMAGE, LocalEngine
from matrix_runner.model.platforms import Arch


@dataclass(frozen=True, kw_only=True, slots=True)
class Harness:
    """One kind of engine under the contract.

    `make`: an engine for a run's id; all made by one harness see each other's leftovers. `die`: let its run end as a
    killed process does.
    """

    make: Callable[[str], Engine]
    die: Callable[[Engine], None]
    image: str
    arch: Arch

    def spec(self, name: str = "cell", env: tuple[tuple[str, str], ...] = ()) -> ContainerSpec:
        """Return what to open."""
        return ContainerSpec(image=self.image, arch=self.arch, name=name, env=env)


# What the contract's shell commands do, for the engine that runs none.
_SCRIPT = {
    "exit 7": FakeResult(status=7),
    "kill -9 $$": FakeResult(status=137),
    "printf 'one'; printf 'two' >&2; printf 'three'": FakeResult(output=(b"one", b"two", b"three")),
    "printf '\\000\\377\\376\\036a\\036 no newline'": FakeResult(output=(b"\x00\xff\xfe\x1ea\x1e no newline",)),
    "echo before; sleep 1000": FakeResult(output=(b"before\n",), hangs=True),
    "sleep 1000 & sleep 1000": FakeResult(hangs=True),
    "sleep 30 & echo now": FakeResult(output=(b"now\n",)),
    "head -c 200000000 /dev/zero": FakeResult(output=(bytes(1_000_000),) * 200),
    "echo usable": FakeResult(output=(b"usable\n",)),
}


def _fake_script(call: FakeCall) -> FakeResult:
    argv, env = call.request.argv, dict(call.env)
    match argv:
        case ("sh", "-c", text) if text in _SCRIPT:
            result = _SCRIPT[text]
        case ("sh", "-c", text) if "$ADDED" in text:
            result = FakeResult(output=(f"{env.get('ADDED', '')} {env.get('GIVEN', '')}\n".encode(),))
        case ("pwd",):
            result = FakeResult(output=(f"{call.request.cwd}\n".encode(),))
        case ("cat",):
            result = FakeResult()
        case ("cat", path) if path in call.files:
            result = FakeResult(output=(call.files[path],))
        case ("cp", source, target) if source in call.files:
            result = FakeResult(files=((target, call.files[source]),))
        case ("printf", _, text):
            result = FakeResult(output=(text.encode(),))
        case _:
            result = FakeResult(status=127)
    return result


def _fake(_: Path) -> Harness:
    host = FakeHost()

    def die(engine: Engine) -> None:
        assert isinstance(engine, FakeEngine)
        engine.die()

    return Harness(
        make=lambda run: FakeEngine(_fake_script, run=run, host=host),
        die=die,
        image=ANY_IMAGE,
        arch=Arch.X86_64,
    )


def _local(directory: Path) -> Harness:
    def make(run: str) -> Engine:
        return LocalEngine(
            run=run,
            surroundings=surroundings(directory),
            interpreters=(),
        )

    def die(engine: Engine) -> None:
        assert isinstance(engine, LocalEngine)
        _drop_lock(engine)

    arch = Arch.of_machine(os.uname().machine) or Arch.X86_64
    return Harness(make=make, die=die, image=IMAGE, arch=arch)


def contract_image(arch: Arch) -> str:
    """Return the image for the contract: the one of scripts/contract-images, unless the environment says.

    A small one: with containerd's store Docker walks through all of an image to commit a container. Any image with
    coreutils, util-linux and bash will do: MATRIX_RUNNER_TEST_IMAGE_X86_64=debian:12, for instance.
    """
    return os.environ.get(f"MATRIX_RUNNER_TEST_IMAGE_{arch.tag.upper()}", f"matrix-runner-contract:{arch}")


def _docker(arch: Arch) -> Callable[[Path], Harness]:
    return lambda directory: daemon_harness(arch, directory, resolve_endpoint(os.environ))


def daemon_harness(arch: Arch, directory: Path, endpoint: Endpoint) -> Harness:
    """Return the harness of a daemon's containers."""

    def make(run: str) -> Engine:
        return DockerEngine(run=run, surroundings=surroundings(directory), endpoint=endpoint)

    def die(engine: Engine) -> None:
        assert isinstance(engine, DockerEngine)
        _drop_lock(engine)

    return Harness(make=make, die=die, image=contract_image(arch), arch=arch)


def _drop_lock(engine: DockerEngine | LocalEngine) -> None:
    """Release the lock and leave its file, as the kernel does for a killed process."""
    lock = engine._leases._lock
    assert lock is not None
    lock.release()


HARNESSES: dict[str, Callable[[Path], Harness]] = {
    "fake": _fake,
    "local": _local,
    "docker-x86_64": _docker(Arch.X86_64),
    "docker-i686": _docker(Arch.I686),
}
PODMAN_ARCHS = {"podman-x86_64": Arch.X86_64, "podman-i686": Arch.I686}
"""The same under Podman, whose service has to be started first: see the fixture `podman_endpoint`."""


def run(container: Container, *argv: str, **limits: float) -> tuple[ExecResult, bytes]:
    """Run a command; return how it ended and what it printed."""
    output: list[bytes] = []
    request = ExecRequest(argv=argv, timeout=limits.get("timeout"), silence=limits.get("silence"))
    result = container.exec(request, output.append)
    return result, b"".join(output)


def tar_of(**files: bytes) -> bytes:
    """Return an archive of files; `__` in a name stands for a slash."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name.replace("__", "/"))
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def untar(data: bytes) -> dict[str, bytes]:
    """Return the regular files of an archive."""
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {member.name: file.read() for member in tar if (file := tar.extractfile(member)) is not None}
