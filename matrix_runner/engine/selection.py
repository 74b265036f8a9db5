"""The choice of engine (`auto`: Docker, Podman, this machine), for all commands.

`choose_engine` queries the engines that `addresses` names until one answers; `likely_engine` predicts that choice
without a query. The modules of engines are imported on creation.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Final

import msgspec

from matrix_runner.config.create_args.container_arguments import ContainerArguments
from matrix_runner.config.kinds.values import EngineChoice
from matrix_runner.engine.addresses import named_engines
from matrix_runner.engine.likely_engine import NOT_NAMED, remark_on, why_not_docker
from matrix_runner.errors import EngineError, EngineNotReady, MachineError

if TYPE_CHECKING:
    from matrix_runner.engine.api import Engine, EngineInfo, ImageEngine
    from matrix_runner.engine.docker.sdk.sdk_engine import DockerEngine
    from matrix_runner.engine.local.local_engine import LocalEngine
    from matrix_runner.engine.surroundings import EngineSurroundings
    from matrix_runner.matrix import Host


FIRST_ANSWER_SECONDS: Final = 5
"""The time for an engine's first answer; one that needs longer is busy, and the user is told of the wait."""


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How long to wait for an engine that is wanted and does not answer.

    `seconds`: for a busy one; a quarter of it for one that does not listen yet, which is more often a mistake. `say`:
    tells the user about the wait.
    """

    seconds: int
    say: Callable[[str], None]

    @property
    def until_it_listens(self) -> float:
        """Seconds to wait for an engine that does not listen."""
        return self.seconds / 4


class ChosenContainers(msgspec.Struct, frozen=True, kw_only=True):
    """A container engine that has answered. `remark`: the reason for it, None if the user named it or it is Docker."""

    engine: "ImageEngine"
    info: "EngineInfo"
    remark: str | None = None


class ChosenEngine(msgspec.Struct, frozen=True, kw_only=True):
    """The engine of a run, which has answered.

    `host`: the machine on which its cells run. `images`: the same engine, as one in which images can be made; None
    for the local one and for a cluster's. `remark`: the reason for the choice, None if the user named the engine or it
    is Docker.
    """

    engine: "Engine"
    info: "EngineInfo"
    host: "Host"
    images: "ImageEngine | None" = None
    remark: str | None = None

    @property
    def is_local(self) -> bool:
        """Whether this machine itself is the engine."""
        return self.host.local is not None


class AnsweringEngine(msgspec.Struct, frozen=True, kw_only=True):
    """A container engine that has answered. `choice`: `docker` or `podman`."""

    choice: EngineChoice
    engine: "ImageEngine"
    info: "EngineInfo"


class SilentEngine(msgspec.Struct, frozen=True, kw_only=True):
    """A container engine that has not answered. `was_asked`: False if it has no socket to query."""

    choice: EngineChoice
    error: MachineError
    was_asked: bool


def container_engine(choice: EngineChoice, run: str, surroundings: "EngineSurroundings") -> "DockerEngine":
    """Create the engine of a Docker daemon or of Podman's Docker-compatible service, without a request.

    `choice`: docker or podman. Raise EngineError for an unusable address, or if Podman has no socket.
    """
    from matrix_runner.engine.docker.endpoint import resolve_endpoint, resolve_podman_endpoint
    from matrix_runner.engine.docker.sdk.sdk_engine import DockerEngine

    resolve = resolve_podman_endpoint if choice is EngineChoice.PODMAN else resolve_endpoint
    return DockerEngine(run=run, surroundings=surroundings, endpoint=resolve(surroundings.environ))


def local_engine(run: str, surroundings: "EngineSurroundings") -> "LocalEngine":
    """Create the engine that is this machine itself."""
    from matrix_runner.engine.local.local_engine import LocalEngine

    return LocalEngine(run=run, surroundings=surroundings)


def choose_engine(
    choice: EngineChoice, run: str, surroundings: "EngineSurroundings", patience: Patience
) -> ChosenEngine:
    """Return an engine that answers. `auto`: a container engine, if anything on this machine names one; else itself.

    What is built must not depend on how busy a daemon is: where containers are wanted, nothing else takes their place.
    Raise EngineError if no wanted engine answers in time, UsageError if no wheel platform is known for its machine.
    """
    from matrix_runner.engine.planning_host import container_host, local_host

    wanted = _wanted(choice, surroundings.environ)
    if choice is EngineChoice.LOCAL or (choice is EngineChoice.AUTO and not wanted):
        local = local_engine(run, surroundings)
        remark = NOT_NAMED if choice is EngineChoice.AUTO else None
        return ChosenEngine(engine=local, info=local.check(), host=local_host(local), remark=remark)
    found = choose_container_engine(choice, run, surroundings, patience)
    host = container_host(machine=found.info.machine, endpoint=found.info.endpoint)
    return ChosenEngine(engine=found.engine, info=found.info, host=host, images=found.engine, remark=found.remark)


def choose_container_engine(
    choice: EngineChoice, run: str, surroundings: "EngineSurroundings", patience: Patience
) -> ChosenContainers:
    """Return a container engine that answers. `auto`: Docker, else Podman, of those that this machine names.

    `choice`: not `local`. Raise EngineError if none answers in time, with the reasons of all that were queried.
    """
    # Without a name anywhere, the error about Docker's usual socket is the one to read.
    wanted = _wanted(choice, surroundings.environ) or (EngineChoice.DOCKER,)
    deadline = time.monotonic() + patience.until_it_listens
    is_announced = False
    while True:
        errors: list[EngineError] = []
        for each in wanted:
            try:
                engine, info = _ask(each, run, surroundings, patience)
            except EngineError as error:  # noqa: PERF203  two at most
                errors.append(error)
            else:
                remark = remark_on(each, errors[0]) if errors else None
                if remark is None and choice is EngineChoice.AUTO and each is EngineChoice.PODMAN:
                    remark = why_not_docker(surroundings.environ)
                return ChosenContainers(engine=engine, info=info, remark=remark)
        may_start = any(isinstance(error, EngineNotReady) and not error.is_busy for error in errors)
        if not may_start or time.monotonic() >= deadline:
            raise errors[0] if len(errors) == 1 else _neither(errors)
        if not is_announced:
            patience.say(f"{errors[0].message}; waiting up to {patience.until_it_listens:.0f} s for it")
            is_announced = True
        time.sleep(min(1, patience.until_it_listens))


def _wanted(choice: EngineChoice, environ: Mapping[str, str]) -> tuple[EngineChoice, ...]:
    if choice is EngineChoice.AUTO:
        return tuple(each.choice for each in named_engines(environ))
    return (choice,)


def _ask(
    choice: EngineChoice, run: str, surroundings: "EngineSurroundings", patience: Patience
) -> "tuple[DockerEngine, EngineInfo]":
    engine = container_engine(choice, run, surroundings)
    return engine, answering(engine, patience)


def answering(engine: "DockerEngine", patience: Patience) -> "EngineInfo":
    """Return an engine's answer; a busy one is asked again with more time. Raise EngineError."""
    try:
        return engine.check(seconds=FIRST_ANSWER_SECONDS)
    except EngineNotReady as error:
        if not error.is_busy or patience.seconds <= FIRST_ANSWER_SECONDS:
            raise
        patience.say(f"{error.message}; waiting up to {patience.seconds} s for it")
    return engine.check(seconds=patience.seconds)


def close_engine(engine: "Engine", say: Callable[[str], None]) -> None:
    """Close an engine. An error is only told: the next run's sweep removes the leftover objects."""
    try:
        engine.close()
    except MachineError as error:
        say(f"warning: {error.message}")


def _neither(errors: Sequence[EngineError]) -> EngineError:
    return EngineError("; ".join(error.message for error in errors), hint=errors[0].hint)


def container_engines(run: str, surroundings: "EngineSurroundings") -> Iterator[AnsweringEngine | SilentEngine]:
    """Query each container engine; each is closed before the next one is queried."""
    for choice in (EngineChoice.DOCKER, EngineChoice.PODMAN):
        try:
            engine = container_engine(choice, run, surroundings)
        except EngineError as error:
            yield SilentEngine(choice=choice, error=error, was_asked=False)
            continue
        with closing(engine):
            try:
                info = engine.check(seconds=FIRST_ANSWER_SECONDS)
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
