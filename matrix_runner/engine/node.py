"""The class `Node`: one of the engines on which the cells of a run are spread."""

from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from matrix_runner.engine.api import Engine, EngineInfo
from matrix_runner.matrix import Host
from matrix_runner.model.platforms import Arch


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """An engine that has answered, as one of those that run a run's cells.

    `name`: as the user calls it, unique in the run; "" for an engine that is alone. `slots`: the cells that it runs at
    once, at least one. `ahead`: those that others may besides make ready there, which then wait for their slots there.
    `host`: its machine, if known. `arch`: the only one that it runs, besides its 32-bit one; None: all that its machine
    can.
    """

    name: str = ""
    engine: Engine
    info: EngineInfo
    slots: int
    ahead: int = 0
    arch: Arch | None = None
    host: Host | None = None


def joined_host(nodes: tuple[Node, ...]) -> Host | None:
    """Return the machines of nodes as one host of a plan; None if none is known."""
    return joined_hosts(node.host for node in nodes)


def joined_hosts(hosts: Iterable[Host | None]) -> Host | None:
    """Return machines as one host of a plan: the first, with the others; None if none is known."""
    known = [host for host in hosts if host is not None]
    return replace(known[0], others=tuple(known[1:])) if known else None
