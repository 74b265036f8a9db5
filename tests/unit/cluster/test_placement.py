"""The slots of a cluster's workers: who gets the next cell, who waits, and what a worker that leaves takes along."""

import threading
from collections.abc import Iterator

import pytest

from matrix_runner.engine.api import EngineInfo
from matrix_runner.engine.cluster.dask_client import ClusterWorker
from matrix_runner.engine.cluster.free_seats import Offer, Seat, Wish
from matrix_runner.engine.cluster.placement import Placement
from matrix_runner.model.platforms import Arch

INFO = EngineInfo(name="docker", version="1", machine="x86_64", endpoint="")
NOBODY: frozenset[str] = frozenset()


def offer(name: str, **slots: int) -> Offer:
    """Return a worker's offer."""
    worker = ClusterWorker(address=f"tcp://{name}", name=name, resources={}, threads=sum(slots.values()))
    return Offer(worker=worker, slots=tuple((Arch.parse(arch), count) for arch, count in slots.items()), engine=INFO)


def take(
    placement: Placement, arch: Arch = Arch.X86_64, slots: int = 1, refused: frozenset[str] = NOBODY
) -> Seat | None:
    """Take a seat, without waiting for one."""
    answers: Iterator[bool] = iter((True, False))
    return placement.take(Wish(arch=arch, slots=slots, refused=refused), may_wait=lambda: next(answers))


def names(*seats: Seat | None) -> list[str | None]:
    """Return the workers of seats."""
    return [None if seat is None else seat.offer.worker.name for seat in seats]


def test_cells_are_spread() -> None:
    """Each goes to the worker with the most free slots; when none is free, none gets any."""
    placement = Placement([offer("small", x86_64=1), offer("large", x86_64=3)])
    assert names(*(take(placement) for _ in range(5))) == ["large", "large", "small", "large", None]


def test_a_seat_is_given_back() -> None:
    """The next cell gets it, also one that waits for it already."""
    placement = Placement([offer("one", x86_64=1)])
    seat, got = take(placement), []
    assert seat is not None
    thread = threading.Thread(target=lambda: got.append(placement.take(Wish(arch=Arch.X86_64), may_wait=lambda: True)))
    thread.start()
    placement.give_back(seat)
    thread.join(5)
    assert names(*got) == ["one"]


@pytest.mark.parametrize(
    ("arch", "offered", "resource"),
    [
        (Arch.I686, {"x86_64": 1}, Arch.X86_64),
        (Arch.I686, {"x86_64": 1, "i686": 1}, Arch.I686),
        (Arch.ARMV7L, {"aarch64": 1}, Arch.AARCH64),
        (Arch.AARCH64, {"x86_64": 1}, None),
        (Arch.X86_64, {"i686": 1}, None),
    ],
)
def test_the_resource_of_a_cell(arch: Arch, offered: dict[str, int], resource: Arch | None) -> None:
    """It is the cell's own architecture, or that of a machine that runs it natively."""
    seat = take(Placement([offer("one", **offered)]), arch)
    assert (None if seat is None else seat.resource) == resource


def test_a_cell_that_wants_more_than_there_is() -> None:
    """It gets all of a worker."""
    placement = Placement([offer("one", x86_64=2), offer("two", x86_64=1)])
    seat = take(placement, slots=8)
    assert seat is not None
    assert (seat.offer.worker.name, seat.slots) == ("one", 2)
    assert names(take(placement, slots=8)) == ["two"]


def test_one_that_refuses() -> None:
    """Another is asked; where all refuse, there is none, and nothing is waited for."""
    placement = Placement([offer("one", x86_64=2), offer("two", x86_64=1)])
    assert names(take(placement, refused=frozenset({"tcp://one"}))) == ["two"]
    both = frozenset({"tcp://one", "tcp://two"})
    assert placement.take(Wish(arch=Arch.X86_64, refused=both), may_wait=lambda: True) is None


def test_one_that_leaves_and_comes_again() -> None:
    """Its slots go with it; what is given back later is not counted twice."""
    one = offer("one", x86_64=1)
    placement = Placement([one])
    seat = take(placement)
    assert seat is not None
    placement.leave(one.address)
    assert placement.take(Wish(arch=Arch.X86_64), may_wait=lambda: True) is None
    # It may have left after it has answered what it offers.
    assert not placement.join(offer("one", x86_64=1))
    placement.expect(one.address)
    assert placement.join(offer("one", x86_64=1))
    assert not placement.join(offer("one", x86_64=1))
    placement.give_back(seat)
    assert names(take(placement), take(placement)) == ["one", None]


def test_cells_ahead() -> None:
    """A worker with a thread for it gets one more than it has slots, if many are left; claims fit its resource."""
    worker = ClusterWorker(address="tcp://one", name="one", resources={}, threads=3)
    one = Offer(worker=worker, slots=((Arch.X86_64, 2),), engine=INFO)
    placement = Placement([one])
    taken = [take(placement), take(placement)]
    assert take(placement) is None
    wish, answers = Wish(arch=Arch.X86_64), iter((True, False, True, False))
    for is_given in (True, False):
        seat = placement.take(wish, may_wait=lambda: next(answers), may_be_ahead=lambda: True)
        assert (seat is not None) is is_given
        taken.append(seat)
    claims = [seat.claim for seat in taken if seat is not None]
    assert len(claims) == 3
    assert 1.999 < sum(claims) <= 2


def test_where_something_is_ready() -> None:
    """That worker is preferred to one with more free slots; not if its slots are taken."""
    placement = Placement([offer("large", x86_64=3), offer("chief", x86_64=1)])
    wish = Wish(arch=Arch.X86_64, preferred="tcp://chief")
    seats = [placement.take(wish, may_wait=lambda: True) for _ in range(2)]
    assert names(*seats) == ["chief", "large"]
