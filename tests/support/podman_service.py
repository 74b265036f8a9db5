"""Podman's service for the tests, on a socket of its own, with images taken from Docker's store."""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from filelock import FileLock

from matrix_runner.engine.docker.endpoint import Endpoint, Product

_LOCK = Path("/tmp/matrix-runner-tests-podman.lock")  # noqa: S108  the same for all test processes


@contextlib.contextmanager
def podman_service(directory: Path, images: Iterable[str]) -> Iterator[Endpoint]:
    """Start a service that ends with the context. The store is the machine's own, so an image is copied only once.

    Within a rig (`scripts/engine-rig podman-5`) it is the rig's.
    """
    if os.environ.get("ENGINE_RIG", "").startswith("podman"):
        yield Endpoint(url=os.environ["CONTAINER_HOST"], origin="the rig", product=Product.PODMAN)
        return
    conf = directory / "containers.conf"
    # By itself Podman asks for a million of each, which not every root may have.
    conf.write_text('[containers]\ndefault_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]\n', encoding="utf-8")
    environ = {**os.environ, "CONTAINERS_CONF": str(conf)}
    with FileLock(_LOCK):
        for image in images:
            _copy(image, environ)
    socket = directory / "podman.sock"
    command = ("podman", "system", "service", "--time=0", f"unix://{socket}")
    with (directory / "service.log").open("wb") as log, subprocess.Popen(command, env=environ, stderr=log) as service:
        try:
            _wait(socket, service)
            yield Endpoint(url=f"unix://{socket}", origin="the tests", product=Product.PODMAN)
        finally:
            service.send_signal(signal.SIGTERM)


def _copy(image: str, environ: dict[str, str]) -> None:
    """Copy an image unless Podman has it. Ids differ from store to store; the second of its creation does not."""
    if _created("docker", image, None) != _created("podman", image, environ):
        with subprocess.Popen(("docker", "save", image), stdout=subprocess.PIPE) as save:
            subprocess.run(("podman", "load", "--quiet"), stdin=save.stdout, env=environ, check=True)


def _created(program: str, image: str, environ: dict[str, str] | None) -> str | None:
    command = (program, "image", "inspect", image)
    found = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    return str(json.loads(found.stdout)[0]["Created"])[:19] if found.returncode == 0 else None


def _wait(socket: Path, service: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 30
    while not socket.is_socket():
        assert service.poll() is None, "podman system service ended at once"
        assert time.monotonic() < until, "podman system service does not listen"
        time.sleep(0.05)
