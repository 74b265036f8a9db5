"""The free slots of a cluster's workers: which worker the next cell goes to.

Dask's own scheduler would do it, but it sends work to where its inputs are, and does not count a worker's resources
then: with a source of 300 kB all cells waited in one worker's queue, beside idle ones (distributed 2026.8.0).
"""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from matrix_runner.engine.api import EngineInfo
from matrix_runner.engine.cluster.dask_client import ClusterWorker
from matrix_runner.model.platforms import Arch

_LOOK: Final = 0.5


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


class Placement:
    """The workers of a run, and their free slots. Thread-safe."""

    def __init__(self, offers: Iterable[Offer] = ()) -> None:
        """`offers`: of workers that are known."""
        self._gone: set[str] = set()
        self._changed = threading.Condition()
        self._free: dict[str, dict[Arch, int]] = {}
        self._offers: dict[str, Offer] = {}
        for offer in offers:
            self.join(offer)

    @property
    def offers(self) -> tuple[Offer, ...]:
        """The workers that are there."""
        return tuple(self._offers.values())

    def await_offer(self, arch: Arch, *, refused: frozenset[str], patience: float) -> Offer | None:
        """Return the first worker for an architecture, after waiting for one; None without any."""
        deadline = time.monotonic() + patience
        with self._changed:
            while True:
                able = [offer for offer in self.offers_of(arch) if offer.address not in refused]
                if able or self.offers_of(arch) or time.monotonic() >= deadline:
                    return able[0] if able else None
                self._changed.wait(_LOOK)

    def has(self, address: str) -> bool:
        """Whether a worker is there."""
        return address in self._offers

    def join(self, offer: Offer) -> bool:
        """Count a worker in; return whether that was possible: it may have left since it was asked, or be counted."""
        with self._changed:
            if offer.address in self._gone or offer.address in self._offers:
                return False
            self._offers[offer.address] = offer
            self._free[offer.address] = {arch: offer.seats(arch) for arch, _ in offer.slots}
            self._changed.notify_all()
            return True

    def expect(self, address: str) -> None:
        """Hear that a worker has come, which is asked now: an address may be used again."""
        with self._changed:
            self._gone.discard(address)

    def leave(self, address: str) -> None:
        """Count a worker out; cells that are there have lost their seats."""
        with self._changed:
            self._gone.add(address)
            self._offers.pop(address, None)
            self._free.pop(address, None)
            self._changed.notify_all()

    def offers_of(self, arch: Arch) -> tuple[Offer, ...]:
        """Return the workers that can run cells of an architecture."""
        return tuple(offer for offer in self.offers if offer.resource(arch) is not None)

    def take(
        self,
        wish: Wish,
        *,
        may_wait: Callable[[], bool],
        may_be_ahead: Callable[[], bool] = lambda: False,
        patience: float = 0.0,
    ) -> Seat | None:
        """Return a seat at the worker that has the most of them free, after waiting for one.

        `may_be_ahead`: whether the cell may be made ready where its slots are not free yet. None if no other worker is
        there, or if `may_wait` says no. `patience`: seconds to wait for a worker where none is left at all: one that
        was killed may be started again by its nanny, or by its batch system.
        """
        deadline: float | None = None
        with self._changed:
            while may_wait():
                able = [offer for offer in self.offers_of(wish.arch) if offer.address not in wish.refused]
                if not able:
                    now = time.monotonic()
                    deadline = deadline or now + patience
                    if self.offers_of(wish.arch) or now >= deadline:
                        return None
                    self._changed.wait(_LOOK)
                    continue
                deadline = None
                seats = [self._seat(offer, wish) for offer in able]
                ahead = may_be_ahead()
                free = (seat for seat in seats if self._is_free(seat, ahead=ahead))
                best = max(free, key=lambda seat: self._rank(seat, wish.preferred), default=None)
                if best is not None:
                    self._free[best.offer.address][best.resource] -= best.slots
                    return best
                self._changed.wait(_LOOK)
        return None

    def give_back(self, seat: Seat) -> None:
        """Free a seat. Its worker may have left meanwhile, or come again."""
        with self._changed:
            if self._offers.get(seat.offer.address) is seat.offer:
                self._free[seat.offer.address][seat.resource] += seat.slots
            self._changed.notify_all()

    def _seat(self, offer: Offer, wish: Wish) -> Seat:
        resource = offer.resource(wish.arch)
        assert resource is not None  # noqa: S101  others are not asked
        return Seat(offer=offer, resource=resource, slots=min(max(wish.slots, 1), dict(offer.slots)[resource]))

    def _is_free(self, seat: Seat, *, ahead: bool) -> bool:
        offer, resource = seat.offer, seat.resource
        kept = 0 if ahead else offer.seats(resource) - dict(offer.slots)[resource]
        return self._room(seat) - kept >= seat.slots

    def _rank(self, seat: Seat, preferred: str) -> tuple[bool, bool, int]:
        """Return how good a seat is: one with slots at once, at a worker that is preferred, or has many free."""
        return self._is_free(seat, ahead=False), seat.offer.address == preferred, self._room(seat)

    def _room(self, seat: Seat) -> int:
        return self._free[seat.offer.address][seat.resource]
