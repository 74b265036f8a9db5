"""The nodes of a run on a cluster: one for each architecture that its workers offer, with the slots of all of them."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Final

from msgspec.structs import replace

from matrix_runner.engine.api import EngineInfo
from matrix_runner.engine.cluster.dask_client import Cluster
from matrix_runner.engine.cluster.far_engine import FarEngine
from matrix_runner.engine.cluster.free_seats import Offer
from matrix_runner.engine.cluster.placement import Placement
from matrix_runner.engine.cluster.worker_engine import WorkerPlace, greet, own_version
from matrix_runner.engine.cluster.worker_offers import (
    START,
    able_for,
    archs_of,
    check_scheduler,
    chief_of,
    host_for,
    offer_of,
)
from matrix_runner.engine.node import Node, joined_host
from matrix_runner.engine.selection import ChosenEngine, Patience
from matrix_runner.errors import EngineError
from matrix_runner.model.cells import Cell
from matrix_runner.model.platforms import Arch

_SCHEDULER_LOOK: Final = 10.0
"""Seconds between two questions to the scheduler. A connection to a machine that hangs stays open for very long."""

_LOOKS: Final = 5
_PAUSE: Final = 0.5
"""Seconds between looks for a worker that has just come."""


class JoinedCluster:
    """A cluster of a run. Thread-safe. Workers that are lost leave it, others come."""

    def __init__(self, link: Cluster, place: WorkerPlace) -> None:
        """Hear of workers that come and go from now on."""
        self.link = link
        self.place = place
        self.placement = Placement()
        self._engines: dict[str, EngineInfo] = {}
        self._on_loss: list[Callable[[str], None]] = []
        self._is_over = threading.Event()
        link.hear_of_workers(self._joined, self._left)

    @property
    def engines(self) -> tuple[tuple[str, EngineInfo], ...]:
        """The workers' engines, by the workers' names, of all that have been there."""
        return tuple(self._engines.items())

    @contextmanager
    def watched(self, seconds: float) -> Iterator[None]:
        """Ask the scheduler now and then whether it is there, in this context. `seconds`: the time for its answer."""
        threading.Thread(target=self._watch, args=(seconds,), daemon=True, name="scheduler-watch").start()
        try:
            yield
        finally:
            self._is_over.set()

    def _watch(self, seconds: float) -> None:
        while not self._is_over.wait(_SCHEDULER_LOOK) and self.link.is_there:
            answered = self.link.is_answering(own_version, seconds=seconds)
            if not answered and not self._is_over.is_set():
                self.link.give_up()
                for offer in self.placement.offers:
                    self._left(offer.address)

    def admit(self, offer: Offer) -> None:
        """Count a worker in, unless it has left meanwhile."""
        if self.placement.join(offer):
            self._engines[offer.worker.name] = offer.engine

    def on_loss(self, call: Callable[[str], None]) -> None:
        """Have something called with the address of each worker that is lost; quick, in the client's own thread."""
        self._on_loss.append(call)

    def require(self, wanted: Mapping[Arch, Cell]) -> None:
        """Raise EngineError if no worker offers an architecture. `wanted`: each with a cell of it.

        Dask itself would wait for such a worker for ever.
        """
        lacking = next((arch for arch in wanted if not self.placement.offers_of(arch)), None)
        if lacking is not None:
            sums: dict[Arch, int] = {}
            for offer in self.placement.offers:
                for arch, slots in offer.slots:
                    sums[arch] = sums.get(arch, 0) + slots
            names = ", ".join(f"{arch}={slots}" for arch, slots in sums.items())
            raise EngineError(
                f"no worker of the cluster offers {lacking}, which {wanted[lacking]} needs; offered: {names}",
                hint=f"Start a worker with --resources '{lacking}=1', or leave the architecture out with --archs.",
            )

    def _joined(self, address: str) -> None:
        """Have a worker asked that has come. In the client's own thread."""
        self.placement.expect(address)
        threading.Thread(target=self._ask, args=(address,), daemon=True, name="joined-worker").start()

    def _ask(self, address: str) -> None:
        # Of a run that ends meanwhile, nothing is to be told.
        with suppress(Exception):
            self._count_in(address)

    def _count_in(self, address: str) -> None:
        worker = None
        for _ in range(_LOOKS):
            if worker is not None:
                break
            # The scheduler tells of it before it knows it.
            time.sleep(_PAUSE)
            worker = next((one for one in self.link.workers() if one.address == address), None)
        if worker is not None:
            found = offer_of(worker, self.link.ask_all(greet, self.place, [address]).get(address))
            if isinstance(found, Offer):
                self.admit(found)

    def _left(self, address: str) -> None:
        self.placement.leave(address)
        for call in self._on_loss:
            call(address)


@contextmanager
def open_cluster(
    address: str, place: WorkerPlace, patience: Patience, *, jobs: int
) -> Iterator[tuple[ChosenEngine, tuple[Node, ...], JoinedCluster]]:
    """Connect to a cluster, ask its workers, and give what they offer; disconnect at the end.

    `jobs`: the most cells of an architecture at once; 0: all that is offered. Raise EngineError.
    """
    link = Cluster(address)
    try:
        check_scheduler(link)
        cluster = JoinedCluster(link, place)
        workers = link.workers()
        if not workers:
            raise EngineError(f"the cluster at {address} has no workers", hint=START)
        answers = link.ask_all(greet, place)
        offers: list[Offer] = []
        problems: list[str] = []
        for worker in workers:
            found = offer_of(worker, answers.get(worker.address))
            if isinstance(found, Offer):
                offers.append(found)
            else:
                problems.append(f"worker {worker.name}: {found}")
        if not offers:
            more = f", and {len(problems) - 1} more" if problems[1:] else ""
            raise EngineError(f"no worker of the cluster at {address} can run cells: {problems[0]}{more}", hint=START)
        for problem in problems:
            patience.say(f"{problem}; it is left out")
        for offer in offers:
            cluster.admit(offer)
        nodes = tuple(_node(cluster, offers, arch, jobs) for arch in archs_of(offers))
        host = joined_host(nodes)
        assert host is not None  # noqa: S101  each has one
        with cluster.watched(patience.seconds):
            yield ChosenEngine(engine=nodes[0].engine, info=nodes[0].info, host=host), nodes, cluster
    finally:
        link.close()


def _node(cluster: JoinedCluster, offers: Sequence[Offer], arch: Arch, jobs: int) -> Node:
    able = able_for(arch, offers)
    chief = chief_of(arch, able)
    slots = sum(dict(offer.slots)[arch] for offer in able)
    return Node(
        name=str(arch),
        engine=FarEngine(cluster.link, cluster.place, cluster.placement, arch, chief.engine),
        info=replace(chief.engine, memory=_memory(able)),
        arch=arch,
        slots=min(slots, jobs) if jobs else slots,
        ahead=0 if jobs else sum(offer.seats(arch) for offer in able) - slots,
        host=host_for(arch, offers),
    )


def _memory(able: Sequence[Offer]) -> int | None:
    """Return the memory of all workers; None if that of one is not known."""
    known = [offer.engine.memory for offer in able if offer.engine.memory is not None]
    return sum(known) if len(known) == len(able) else None
