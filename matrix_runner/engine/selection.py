"""The choice of engine (`auto`: Docker, Podman, this machine), for all commands.

`choose_engine` queries engines until one answers; `likely_engine` predicts that choice without a query. The modules of
engines are imported on creation.
"""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matrix_runner.config.create_args.container_arguments import ContainerArguments
from matrix_runner.config.kinds.values import EngineChoice
from matrix_runner.engine.likely_engine import neither, remark_on
from matrix_runner.errors import EngineError, MachineError

if TYPE_CHECKING:
    from matrix_runner.engine.api import Engine, EngineInfo, ImageEngine
    from matrix_runner.engine.docker.sdk.sdk_engine import DockerEngine
    from matrix_runner.engine.local.local_engine import LocalEngine
    from matrix_runner.engine.surroundings import EngineSurroundings
    from matrix_runner.matrix import Host


@dataclass(frozen=True, kw_only=True, slots=True)
class ChosenContainers:
    """A container engine that has answered. `remark`: the reason for it, None if the user named it or it is Docker."""

    engine: "ImageEngine"
    info: "EngineInfo"
    remark: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ChosenEngine:
    """The engine of a run, which has answered.

    `host`: the machine on which its cells run. `images`: the same engine, as one in which images can be made; None
    for the local one. `remark`: the reason for the choice, None if the user named the engine or it is Docker.
    """

    engine: "Engine"
    info: "EngineInfo"
    host: "Host"
    images: "ImageEngine | None" = None
    remark: str | None = None

    @property
    def is_local(self) -> bool:
        """Whether this machine itself is the engine."""
        return self.images is None


@dataclass(frozen=True, kw_only=True, slots=True)
class AnsweringEngine:
    """A container engine that has answered. `choice`: `docker` or `podman`."""

    choice: EngineChoice
    engine: "ImageEngine"
    info: "EngineInfo"


@dataclass(frozen=True, kw_only=True, slots=True)
class SilentEngine:
    """A container engine that has not answered. `was_asked`: False if it has no socket to query."""

    choice: EngineChoice
    error: MachineError
    was_asked: bool


def docker_engine(run: str, surroundings: "EngineSurroundings") -> "DockerEngine":
    """Create the engine of the Docker daemon without a request. Raise EngineError for an unusable address."""
    from matrix_runner.engine.docker.sdk.sdk_engine import DockerEngine

    return DockerEngine(run=run, surroundings=surroundings)


def podman_engine(run: str, surroundings: "EngineSurroundings") -> "DockerEngine":
    """Create the engine of Podman's Docker-compatible service without a request.

    Raise EngineError if there is no socket, or for an unusable address.
    """
    from matrix_runner.engine.docker.endpoint import resolve_podman_endpoint
    from matrix_runner.engine.docker.sdk.sdk_engine import DockerEngine

    endpoint = resolve_podman_endpoint(surroundings.environ)
    return DockerEngine(run=run, surroundings=surroundings, endpoint=endpoint)


def local_engine(run: str, surroundings: "EngineSurroundings") -> "LocalEngine":
    """Create the engine that is this machine itself."""
    from matrix_runner.engine.local.local_engine import LocalEngine

    return LocalEngine(run=run, surroundings=surroundings)


_CONTAINER_ENGINES = {EngineChoice.DOCKER: docker_engine, EngineChoice.PODMAN: podman_engine}
"""The factories of container engines, in the order of `auto`."""


def choose_engine(choice: EngineChoice, run: str, surroundings: "EngineSurroundings") -> ChosenEngine:
    """Return an engine that answers. `auto`: Docker, else Podman, else this machine.

    Raise EngineError if the named engine does not answer, UsageError if no wheel platform is known for its machine.
    """
    from matrix_runner.engine.planning_host import container_host, local_host

    remark = None
    if choice is not EngineChoice.LOCAL:
        try:
            found = choose_container_engine(choice, run, surroundings)
        except EngineError as error:
            if choice is not EngineChoice.AUTO:
                raise
            remark = remark_on(EngineChoice.LOCAL, error)
        else:
            host = container_host(machine=found.info.machine, endpoint=found.info.endpoint)
            return ChosenEngine(
                engine=found.engine, info=found.info, host=host, images=found.engine, remark=found.remark
            )
    local = local_engine(run, surroundings)
    return ChosenEngine(engine=local, info=local.check(), host=local_host(local), remark=remark)


def choose_container_engine(choice: EngineChoice, run: str, surroundings: "EngineSurroundings") -> ChosenContainers:
    """Return a container engine that answers. `auto`: Docker, else Podman if its socket exists.

    `choice`: not `local`. Raise EngineError if none answers, with the reasons of all that were queried.
    """
    if choice is not EngineChoice.AUTO:
        engine = _CONTAINER_ENGINES[choice](run, surroundings)
        return ChosenContainers(engine=engine, info=engine.check())
    try:
        docker = docker_engine(run, surroundings)
        return ChosenContainers(engine=docker, info=docker.check())
    except EngineError as error:
        why = error
    try:
        podman = podman_engine(run, surroundings)
    except EngineError:
        # Without a Podman socket, the error mentions Docker only.
        raise why from None
    try:
        return ChosenContainers(engine=podman, info=podman.check(), remark=remark_on(EngineChoice.PODMAN, why))
    except EngineError as error:
        raise neither(why, error) from error


def container_engines(run: str, surroundings: "EngineSurroundings") -> Iterator[AnsweringEngine | SilentEngine]:
    """Query each container engine; each is closed before the next one is queried."""
    for choice, make in _CONTAINER_ENGINES.items():
        try:
            engine = make(run, surroundings)
        except EngineError as error:
            yield SilentEngine(choice=choice, error=error, was_asked=False)
            continue
        with closing(engine):
            try:
                info = engine.check()
            except MachineError as error:
                yield SilentEngine(choice=choice, error=error, was_asked=True)
                continue
            yield AnsweringEngine(choice=choice, engine=engine, info=info)


def argument_notices(arguments: Iterable[ContainerArguments], *, is_local: bool) -> tuple[str, ...]:
    """Return notices for the user on `create-args`, each once: ignored ones, and surprising ones.

    `arguments`: those of each cell. `is_local`: whether this machine itself is the engine.
    """
    given = tuple(dict.fromkeys(arguments))
    if is_local:
        ignored = any(not each.asks_nothing for each in given)
        return ("create-args are ignored: this machine itself is the engine, and there is no container",) * ignored
    return tuple(dict.fromkeys(warning for each in given for warning in each.warnings))
