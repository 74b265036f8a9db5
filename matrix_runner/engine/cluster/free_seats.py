"""The free seats of a cluster's workers, by how many slots are free: the best one for a cell without a look at all.

A thousand workers have a thousand offers, and each cell wants one: to look at every offer for every cell, and for every
cell that waits, took most of a processor beyond a hundred workers (benchmarks/cluster_overhead.py).
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from matrix_runner.engine.api import EngineInfo
from matrix_runner.engine.cluster.dask_client import ClusterWorker
from matrix_runner.model.platforms import Arch

AHEAD: Final = 1
"""Cells that a worker makes ready before slots are free, if it has a thread for them: containers and source are there
when their turn comes (six cells of MarkupSafe on one machine: 1.11 to 1.16 in place of 1.25 of the time without a
cluster)."""


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """A worker that can run cells. `slots`: by architecture. `engine`: of its machine."""

    worker: ClusterWorker
    slots: tuple[tuple[Arch, int], ...]
    engine: EngineInfo

    @property
    def address(self) -> str:
        """Its address."""
        return self.worker.address

    def resource(self, arch: Arch) -> Arch | None:
        """Return the resource that a cell of an architecture takes here; None if it cannot run here."""
        offered = dict(self.slots)
        return arch if arch in offered else arch.wider if arch.wider in offered else None

    def seats(self, arch: Arch) -> int:
        """Return how many cells may be here at once: as many as have slots, and those that are made ready ahead."""
        slots = dict(self.slots)[arch]
        return slots + max(min(AHEAD, self.worker.threads - slots), 0)


class Seat(msgspec.Struct, frozen=True, kw_only=True):
    """A cell's place at a worker. `resource`: by which it is counted there. `slots`: those that it gets in its turn.

    `claim`: the part of the resource that it takes, so that those that are made ready ahead fit in as well.
    """

    offer: Offer
    resource: Arch
    slots: int

    @property
    def claim(self) -> float:
        """See above. Rounded down: sums of claims must not exceed what there is."""
        slots, seats = dict(self.offer.slots)[self.resource], self.offer.seats(self.resource)
        return int(self.slots * slots / seats * 1e6) / 1e6


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """A cell's wish for a seat.

    `slots`: more than a worker has are all of it. `refused`: addresses of workers that cannot run it. `preferred`: of
    the one where something is ready for it.
    """

    arch: Arch
    slots: int = 1
    refused: frozenset[str] = frozenset()
    preferred: str = ""


class _Count(msgspec.Struct):
    """What is free of a worker's resource. `offered`: its slots. `kept`: seats that are only for cells ahead.

    `now`: slots that are free; negative where cells ahead have seats as well.
    """

    offered: int
    kept: int
    now: int


class FreeSeats:
    """All workers and what is free of them. Not thread-safe."""

    def __init__(self) -> None:
        """Know no worker."""
        self._offers: dict[Arch, dict[str, Offer]] = {arch: {} for arch in Arch}
        self._counts: dict[tuple[str, Arch], _Count] = {}
        self._by_count: dict[Arch, dict[int, dict[str, None]]] = {arch: {} for arch in Arch}
        self.slots = 0

    def able(self, arch: Arch) -> dict[str, Offer]:
        """Return the workers that can run cells of an architecture, by address; not a copy."""
        return self._offers[arch]

    def add(self, offer: Offer) -> None:
        """Count a worker in, all of whose seats are free."""
        for arch, slots in offer.slots:
            self._counts[offer.address, arch] = _Count(offered=slots, kept=offer.seats(arch) - slots, now=slots)
            self.slots += slots
        for arch, resource in _served(offer):
            self._offers[arch][offer.address] = offer
            self._file(arch, offer.address, self._counts[offer.address, resource].now)

    def remove(self, offer: Offer) -> None:
        """Count a worker out."""
        for arch, resource in _served(offer):
            del self._offers[arch][offer.address]
            self._unfile(arch, offer.address, self._counts[offer.address, resource].now)
        for arch, slots in offer.slots:
            del self._counts[offer.address, arch]
            self.slots -= slots

    def change(self, seat: Seat, slots: int) -> None:
        """Count slots of a seat's worker as free, or as taken if there are fewer than none."""
        address, count = seat.offer.address, self._counts[seat.offer.address, seat.resource]
        for arch, resource in _served(seat.offer):
            if resource is seat.resource:
                self._unfile(arch, address, count.now)
                self._file(arch, address, count.now + slots)
        count.now += slots

    def best(self, wish: Wish, *, ahead: bool) -> Seat | None:
        """Return the best free seat, None if there is none: one that is preferred, else at a worker with many free.

        `ahead`: whether one will do whose slots are taken as yet; one with slots at once is better.
        """
        for is_ahead in (False, True) if ahead else (False,):
            found = self._first(wish, is_ahead=is_ahead)
            if found is not None:
                return found
        return None

    def _first(self, wish: Wish, *, is_ahead: bool) -> Seat | None:
        preferred = self._offers[wish.arch].get(wish.preferred)
        if preferred is not None and preferred.address not in wish.refused:
            seat = self._seat(preferred, wish, is_ahead=is_ahead)
            if seat is not None:
                return seat
        for address in self._from_the_freest(wish.arch, is_ahead=is_ahead):
            if address not in wish.refused:
                seat = self._seat(self._offers[wish.arch][address], wish, is_ahead=is_ahead)
                if seat is not None:
                    return seat
        return None

    def _from_the_freest(self, arch: Arch, *, is_ahead: bool) -> Iterator[str]:
        """Yield the addresses of workers at which anything is free."""
        filed, least = self._by_count[arch], 1 - AHEAD if is_ahead else 1
        for now in sorted((count for count in filed if count >= least), reverse=True):
            yield from filed[now]

    def _seat(self, offer: Offer, wish: Wish, *, is_ahead: bool) -> Seat | None:
        resource = offer.resource(wish.arch)
        assert resource is not None  # noqa: S101  others are not filed
        count = self._counts[offer.address, resource]
        slots = min(max(wish.slots, 1), count.offered)
        if count.now + (count.kept if is_ahead else 0) < slots:
            return None
        return Seat(offer=offer, resource=resource, slots=slots)

    def _file(self, arch: Arch, address: str, now: int) -> None:
        self._by_count[arch].setdefault(now, {})[address] = None

    def _unfile(self, arch: Arch, address: str, now: int) -> None:
        filed = self._by_count[arch][now]
        del filed[address]
        if not filed:
            del self._by_count[arch][now]


def _served(offer: Offer) -> Iterator[tuple[Arch, Arch]]:
    """Yield the architectures whose cells can run at a worker, each with the resource that they take."""
    for arch in Arch:
        resource = offer.resource(arch)
        if resource is not None:
            yield arch, resource
