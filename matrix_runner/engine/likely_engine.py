"""The engine that a build would choose, foreseen without a query, for plan and explain; words for the choice."""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from matrix_runner.config.kinds.values import EngineChoice
from matrix_runner.engine.addresses import NamedEngine, named_engines
from matrix_runner.errors import EngineError

if TYPE_CHECKING:
    from matrix_runner.engine.docker.endpoint import Endpoint


NOT_NAMED: Final = "container-engine = local: nothing on this machine names a container engine"
"""The reason for the local engine with `auto`."""


class LikelyEngine(msgspec.Struct, frozen=True, kw_only=True):
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
        found = _likely_containers(named_engines(environ))
        if found is not None and found.choice is EngineChoice.PODMAN and found.remark is None:
            return replace(found, remark=why_not_docker(environ))
        return found or LikelyEngine(choice=EngineChoice.LOCAL, remark=NOT_NAMED)
    resolve = resolve_endpoint if choice is EngineChoice.DOCKER else resolve_podman_endpoint
    with suppress(EngineError):
        return LikelyEngine(choice=choice, endpoint=resolve(environ).url)
    return LikelyEngine(choice=choice)


def _likely_containers(named: Sequence[NamedEngine]) -> LikelyEngine | None:
    """Return the first engine with a usable address, else the first, for which a build would wait; None without any."""
    why: EngineError | None = None
    for each in named:
        try:
            url = _usable(each.endpoint).url
        except EngineError as error:  # noqa: PERF203  two at most
            why = why or error
        else:
            remark = None if why is None else remark_on(each.choice, why)
            return LikelyEngine(choice=each.choice, endpoint=url, remark=remark)
    return None if why is None else LikelyEngine(choice=named[0].choice, remark=f"no engine answers yet: {why.message}")


def remark_on(choice: EngineChoice, why: EngineError) -> str:
    """Return the reason for an engine that the user has not named: `why` another one cannot be used."""
    return f"container-engine = {choice}: {why.message}"


def why_not_docker(environ: Mapping[str, str]) -> str | None:
    """Return the reason for Podman where `auto` had only that to ask; None if Docker has a socket after all."""
    from matrix_runner.engine.docker.endpoint import resolve_endpoint

    try:
        _usable(resolve_endpoint(environ))
    except EngineError as error:
        return remark_on(EngineChoice.PODMAN, error)
    return None


def _usable(endpoint: "Endpoint | EngineError") -> "Endpoint":
    """Return the endpoint. Raise the EngineError of a failed query if it is unusable or its socket cannot be opened.

    A socket file without a listener is not detected: that takes a connection, which may start a service.
    """
    from matrix_runner.engine.docker.daemon_errors import unreachable

    if isinstance(endpoint, EngineError):
        raise endpoint
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
