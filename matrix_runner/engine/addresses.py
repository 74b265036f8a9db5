"""The addresses that name a container engine to `auto`: variables, Docker contexts, and sockets that exist."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from matrix_runner.config.kinds.values import EngineChoice
from matrix_runner.errors import EngineError

if TYPE_CHECKING:
    from matrix_runner.engine.docker.endpoint import Endpoint


class NamedEngine(msgspec.Struct, frozen=True, kw_only=True):
    """A container engine that something on this machine names, so that containers are wanted.

    `choice`: docker or podman. `endpoint`: its address, or the error of an unusable one.
    """

    choice: EngineChoice
    endpoint: "Endpoint | EngineError"


def named_engines(environ: Mapping[str, str], root: Path = Path("/")) -> tuple[NamedEngine, ...]:
    """Return the container engines that this machine names, in the order of `auto`; empty: `auto` is this machine.

    A variable or a context names one, and so does a socket at its usual place, whether it can be opened or not. Where
    Docker is named by a variable or a context, a socket of Podman does not count; in a manylinux image no socket does:
    CI systems mount the daemon's into the containers of their jobs. `root`: of the file system, for tests.
    """
    counts_sockets = not is_manylinux_container(environ, root)
    docker = _docker(environ)
    is_docker_named = isinstance(docker, EngineError) or not docker.is_default
    found: list[NamedEngine] = []
    if is_docker_named or (counts_sockets and _has_socket(docker)):
        found.append(NamedEngine(choice=EngineChoice.DOCKER, endpoint=docker))
    if environ.get("CONTAINER_HOST") or (counts_sockets and not is_docker_named):
        podman = _podman(environ)
        # Without a variable the only error is that there is no socket.
        if environ.get("CONTAINER_HOST") or not isinstance(podman, EngineError):
            found.append(NamedEngine(choice=EngineChoice.PODMAN, endpoint=podman))
    return tuple(found)


def is_manylinux_container(environ: Mapping[str, str], root: Path = Path("/")) -> bool:
    """Whether this process runs in a manylinux or musllinux image: they set AUDITWHEEL_PLAT, and have /opt/python."""
    return bool(environ.get("AUDITWHEEL_PLAT")) and (root / "opt/python").is_dir()


def _docker(environ: Mapping[str, str]) -> "Endpoint | EngineError":
    from matrix_runner.engine.docker.endpoint import resolve_endpoint

    try:
        return resolve_endpoint(environ)
    except EngineError as error:
        return error


def _podman(environ: Mapping[str, str]) -> "Endpoint | EngineError":
    from matrix_runner.engine.docker.endpoint import resolve_podman_endpoint

    try:
        return resolve_podman_endpoint(environ)
    except EngineError as error:
        return error


def _has_socket(endpoint: "Endpoint | EngineError") -> bool:
    if isinstance(endpoint, EngineError) or endpoint.socket_path is None:
        return True
    try:
        return endpoint.socket_path.is_socket()
    except OSError:
        return True
