"""The nodes of a run: the engines that the option `engines` names, each asked whether it is there."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from msgspec.structs import replace

from matrix_runner.config.kinds.values import EngineEntry
from matrix_runner.engine.docker.endpoint import Endpoint, named_endpoint
from matrix_runner.engine.docker.sdk.sdk_engine import DockerEngine
from matrix_runner.engine.node import Node, joined_host
from matrix_runner.engine.planning_host import container_host
from matrix_runner.engine.remote.named_machines import is_spared, wrong_arch
from matrix_runner.engine.remote.ssh_tunnel import SshTunnel
from matrix_runner.engine.selection import FIRST_ANSWER_SECONDS, ChosenEngine, Patience, answering, close_engine
from matrix_runner.errors import EngineError, MachineError
from matrix_runner.matrix import Host

if TYPE_CHECKING:
    from matrix_runner.engine.surroundings import EngineSurroundings


@contextmanager
def open_nodes(
    entries: Sequence[EngineEntry],
    run: str,
    surroundings: "EngineSurroundings",
    patience: Patience,
    *,
    jobs: int,
) -> Iterator[tuple[ChosenEngine, tuple[Node, ...]]]:
    """Give the first engine, with the machines of all, and all that answer; close them at the end.

    `jobs`: the cells at once on an engine whose entry does not say it; 0: as many as it has processors.

    One that does not answer is told, and left out if another one has its architecture. Raise EngineError without it:
    what is built must not depend on which machines happen to be up.
    """
    with ExitStack() as stack:
        found: list[tuple[DockerEngine, Node]] = []
        silent: list[tuple[EngineEntry, MachineError]] = []
        for number, entry in enumerate(entries):
            try:
                own = entry if entry.jobs else replace(entry, jobs=jobs)
                found.append(_open(own, f"{run}-{number}", surroundings, patience, stack))
            except EngineError as error:  # noqa: PERF203  few engines
                silent.append((entry, error))
        there = {node.host.machine for _, node in found if node.host is not None}
        for entry, why in silent:
            if not is_spared(entry, there):
                raise EngineError(told_of(entry, why), hint=why.hint) from why
            patience.say(f"engine {entry.name} is left out: {why.message}")
        (engine, first), nodes = found[0], tuple(node for _, node in found)
        host = joined_host(nodes)
        assert host is not None  # noqa: S101  each has one
        yield ChosenEngine(engine=engine, info=first.info, host=host, images=engine), nodes


def told_of(entry: EngineEntry, why: MachineError) -> str:
    """Return an engine's error with its name, once."""
    name = f"engine {entry.name}"
    return why.message if why.message.startswith(name) else f"{name}: {why.message}"


def foreseen_host(entries: Sequence[EngineEntry], own: Host) -> Host:
    """Return the machines of the engines as a plan without queries needs them. `own`: of those without `arch`."""
    first, *others = (own if entry.arch is None else Host(machine=entry.arch, emulated=None) for entry in entries)
    return replace(first, others=tuple(others))


def _open(
    entry: EngineEntry, run: str, surroundings: "EngineSurroundings", patience: Patience, stack: ExitStack
) -> tuple[DockerEngine, Node]:
    """Return an engine that answers. Raise EngineError; UsageError for a machine that is not the one that was named."""
    endpoint = endpoint_of(entry, surroundings.environ, stack)
    engine = DockerEngine(run=run, surroundings=surroundings, endpoint=endpoint)
    stack.callback(close_engine, engine, patience.say)
    info = replace(answering(engine, patience), endpoint=entry.endpoint)
    # An address by a tunnel is a socket here, and the kernel is another.
    host = container_host(machine=info.machine, endpoint=info.endpoint)
    wrong = wrong_arch(entry, host.machine)
    if wrong is not None:
        raise wrong
    return engine, Node(name=entry.name, engine=engine, info=info, slots=entry.jobs or info.processors or 1, host=host)


def endpoint_of(entry: EngineEntry, environ: Mapping[str, str], stack: ExitStack) -> Endpoint:
    """Return an engine's address, for ssh that of a tunnel's near end. `stack`: closes it. Raise EngineError."""
    name = f"engine {entry.name}"
    if not entry.endpoint.startswith("ssh://"):
        return named_endpoint(entry.endpoint, name, entry.tls, environ)
    tunnel = SshTunnel(entry.endpoint, seconds=4 * FIRST_ANSWER_SECONDS)
    stack.callback(tunnel.close)
    return Endpoint(url=tunnel.open(), origin=name, tunnel=entry.endpoint, is_listed=True)
