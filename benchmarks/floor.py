"""The floor: containers in which everything is ready, so that only what cannot be avoided is left to measure."""

import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from timing import timed
from workload import ARCHS, BenchmarkError, Workload, command

_SCRIPT = Path(__file__).with_name("floor.sh")


@dataclass(frozen=True, kw_only=True, slots=True)
class _ReadyContainer:
    """A running container that holds the project and, for each Python, an environment with what its build needs."""

    name: str
    arch: str

    def prepare(self, workload: Workload, log: Path) -> None:
        """Put everything in place; raise BenchmarkError."""
        command(("docker", "cp", "--quiet", f"{workload.source}/.", f"{self.name}:/floor/source"))
        command(("docker", "cp", "--quiet", str(_SCRIPT), f"{self.name}:/floor/floor.sh"))
        if workload.ca_bundle is not None:
            command(("docker", "cp", "--quiet", str(workload.ca_bundle), f"{self.name}:/floor/ca.pem"))
        with log.open("a", encoding="utf-8") as stream:
            stream.write(command(self.exec(workload, "prepare")))

    def exec(self, workload: Workload, *action: str) -> tuple[str, ...]:
        """Return the command that does something for all Pythons of the workload."""
        # `docker exec` bypasses the image's entrypoint, which would have seen to it.
        personality = ("linux32",) if self.arch == "i686" else ()
        bundle = () if workload.ca_bundle is None else ("--env", "SSL_CERT_FILE=/floor/ca.pem")
        tags = (f"{name}-{name}" for name in workload.pythons)
        return (
            "docker",
            "exec",
            *bundle,
            self.name,
            *personality,
            "sh",
            "/floor/floor.sh",
            *action,
            workload.test,
            *tags,
        )


def measure_floor(workload: Workload, per_container: int, place: Path) -> float:
    """Return the seconds of the bare commands: a container for each architecture, in each so many Pythons at once."""
    with _ready_containers(workload, place) as containers:
        loops = (container.exec(workload, "build", str(per_container)) for container in containers)
        return timed(*loops, log=place / "log")


@contextmanager
def _ready_containers(workload: Workload, place: Path) -> Iterator[tuple[_ReadyContainer, ...]]:
    """Open a container for each architecture, ready; remove them in the end. Raise BenchmarkError."""
    with ExitStack() as stack:
        containers = tuple(stack.enter_context(_container(workload, arch)) for arch in ARCHS)
        for container in containers:
            container.prepare(workload, place / "log")
        yield containers


@contextmanager
def _container(workload: Workload, arch: str) -> Iterator[_ReadyContainer]:
    name = f"matrix-runner-floor-{arch}-{uuid.uuid4().hex[:8]}"
    make = 'mkdir -p /floor/source; exec sleep "$0"'
    try:
        command(("docker", "run", "--detach", "--name", name, workload.image(arch), "sh", "-c", make, "3600"))
        command(("docker", "exec", name, "mkdir", "-p", "/floor/source"))
        yield _ReadyContainer(name=name, arch=arch)
    finally:
        try:
            command(("docker", "rm", "--force", "--volumes", name))
        except BenchmarkError as error:
            print(f"could not remove {name}: {error}")
