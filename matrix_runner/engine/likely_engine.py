"""The engine that a build would choose, foreseen without a query, for plan and explain; words for the choice."""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matrix_runner.config.kinds.values import EngineChoice
from matrix_runner.errors import EngineError

if TYPE_CHECKING:
    from matrix_runner.engine.docker.endpoint import Endpoint


@dataclass(frozen=True, kw_only=True, slots=True)
class LikelyEngine:
    """The engine that a build would probably choose, determined without a query.

    `choice`: never `auto`. `endpoint`: URL of a container engine, None if it is unclear. `remark`: as in
    `ChosenEngine`.
    """

    choice: EngineChoice
    endpoint: str | None = None
    remark: str | None = None

    @property
    def is_local(self) -> bool:
        """Whether this machine itself would be the engine."""
        return self.choice is EngineChoice.LOCAL


def likely_engine(choice: EngineChoice, environ: Mapping[str, str]) -> LikelyEngine:
    """Return the engine that `choose_engine` would return, without a query: an existing socket counts as an answer.

    `environ`: the caller's variables. A named engine is returned even without a socket.
    """
    from matrix_runner.engine.docker.endpoint import resolve_endpoint, resolve_podman_endpoint

    if choice is EngineChoice.LOCAL:
        return LikelyEngine(choice=choice)
    if choice is EngineChoice.AUTO:
        try:
            return _likely_containers(environ)
        except EngineError as error:
            return LikelyEngine(choice=EngineChoice.LOCAL, remark=remark_on(EngineChoice.LOCAL, error))
    resolve = resolve_endpoint if choice is EngineChoice.DOCKER else resolve_podman_endpoint
    with suppress(EngineError):
        return LikelyEngine(choice=choice, endpoint=resolve(environ).url)
    return LikelyEngine(choice=choice)


def _likely_containers(environ: Mapping[str, str]) -> LikelyEngine:
    """Return the result of `choose_container_engine` for `auto`, with sockets in place of answers."""
    from matrix_runner.engine.docker.endpoint import resolve_endpoint, resolve_podman_endpoint

    try:
        return LikelyEngine(choice=EngineChoice.DOCKER, endpoint=_usable(resolve_endpoint(environ)).url)
    except EngineError as error:
        why = error
    try:
        endpoint = resolve_podman_endpoint(environ)
    except EngineError:
        raise why from None
    try:
        url = _usable(endpoint).url
    except EngineError as error:
        raise neither(why, error) from error
    return LikelyEngine(choice=EngineChoice.PODMAN, endpoint=url, remark=remark_on(EngineChoice.PODMAN, why))


def neither(docker: EngineError, podman: EngineError) -> EngineError:
    """Return the error for two engines of which none can be used."""
    return EngineError(f"{docker.message}; {podman.message}", hint=docker.hint)


def remark_on(choice: EngineChoice, why: EngineError) -> str:
    """Return the reason for an engine that the user has not named: `why` another one cannot be used."""
    return f"container-engine = {choice}: {why.message}"


def _usable(endpoint: "Endpoint") -> "Endpoint":
    """Return the endpoint. Raise the EngineError of a failed query if its socket cannot be opened.

    A socket file without a listener is not detected: that takes a connection, which may start a service.
    """
    from matrix_runner.engine.docker.daemon_errors import unreachable

    path = endpoint.socket_path
    if path is not None:
        try:
            is_there = path.is_socket()
        except OSError as error:
            raise unreachable(endpoint, error) from error
        if not is_there:
            raise unreachable(endpoint, FileNotFoundError())
        if not os.access(path, os.R_OK | os.W_OK):
            raise unreachable(endpoint, PermissionError())
    return endpoint
