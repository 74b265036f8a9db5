"""The free slots of a cluster's workers: which worker the next cell goes to.

Dask's own scheduler would do it, but it sends work to where its inputs are, and does not count a worker's resources
then: with a source of 300 kB all cells waited in one worker's queue, beside idle ones (distributed 2026.8.0).
"""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Final

from matrix_runner.engine.cluster.free_seats import FreeSeats, Offer, Seat, Wish
from matrix_runner.model.platforms import Arch

_LOOK: Final = 0.5


class Placement:
    """The workers of a run, and their free slots. Thread-safe."""

    def __init__(self, offers: Iterable[Offer] = ()) -> None:
        """`offers`: of workers that are known."""
        self._gone: set[str] = set()
        self._changed = threading.Condition(threading.RLock())
        self._free = FreeSeats()
        self._offers: dict[str, Offer] = {}
        for offer in offers:
            self.join(offer)

    @property
    def offers(self) -> tuple[Offer, ...]:
        """The workers that are there."""
        return tuple(self._offers.values())

    @property
    def slots(self) -> int:
        """The slots of all workers."""
        return self._free.slots

    def await_offer(self, arch: Arch, *, refused: frozenset[str], patience: float) -> Offer | None:
        """Return the first worker for an architecture, after waiting for one; None without any."""
        deadline = time.monotonic() + patience
        with self._changed:
            while True:
                able = self._free.able(arch)
                if able or time.monotonic() >= deadline:
                    return next((offer for address, offer in able.items() if address not in refused), None)
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
            self._free.add(offer)
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
            offer = self._offers.pop(address, None)
            if offer is not None:
                self._free.remove(offer)
            self._changed.notify_all()

    def offers_of(self, arch: Arch) -> tuple[Offer, ...]:
        """Return the workers that can run cells of an architecture."""
        with self._changed:
            return tuple(self._free.able(arch).values())

    def has_several(self, arch: Arch) -> bool:
        """Whether several workers can run cells of an architecture."""
        with self._changed:
            return len(self._free.able(arch)) > 1

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
                able = self._free.able(wish.arch)
                if able.keys() <= wish.refused:
                    now = time.monotonic()
                    deadline = deadline or now + patience
                    if able or now >= deadline:
                        return None
                    self._changed.wait(_LOOK)
                    continue
                deadline = None
                best = self._free.best(wish, ahead=may_be_ahead())
                if best is not None:
                    self._free.change(best, -best.slots)
                    return best
                self._changed.wait(_LOOK)
        return None

    def give_back(self, seat: Seat) -> None:
        """Free a seat. Its worker may have left meanwhile, or come again."""
        with self._changed:
            if self._offers.get(seat.offer.address) is seat.offer:
                self._free.change(seat, seat.slots)
            self._changed.notify_all()
