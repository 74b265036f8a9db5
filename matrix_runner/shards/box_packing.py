"""Packing of parcels into boxes so that the fullest is as empty as can be: longest first, improved, searched. Pure.

The problem is that of parallel machines with set-up times (P | s_f | Cmax): a box pays once for each kind that a parcel
in it has, such as a `before-all`. It is NP-hard. Longest processing time first comes within 4/3 of the best without
set-ups (Graham 1969), MULTIFIT within 13/11 (Coffman, Garey, Johnson 1978); exchanges and a bounded search do the rest.
All numbers are whole, and all steps are counted: the same parcels are packed alike on every machine.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import msgspec

_ROUNDS: Final = 20
"""Halvings of MULTIFIT's interval: to a millionth of it."""

_EXCHANGES: Final = 500
"""Improvements by exchange; a few dozen are usual."""

_NODES: Final = 20_000
"""Steps of the search for the best packing, a fifth of a second; twelve parcels take fewer."""

_DEEPEST: Final = 400
"""Parcels that are searched, each by a call within the last one's; more than any catalog has cells."""

_NEAR_ENOUGH: Final = 200
"""No search is made for less than one part in as many of the bound that no packing is below."""


class Parcel(msgspec.Struct, frozen=True, kw_only=True):
    """What stays together. `weight`: its own; `kinds`: the set-ups that its box pays for, by name."""

    weight: int
    kinds: frozenset[str] = frozenset()


Packing = tuple[tuple[int, ...], ...]
"""Boxes with the numbers of their parcels, in order; empty boxes are left out."""


def pack(parcels: Sequence[Parcel], setups: Mapping[str, int], boxes: int) -> Packing:
    """Pack parcels into at most so many boxes. `setups`: the weight of each kind."""
    problem = _Problem(parcels, setups, boxes)
    best = min(problem.beginnings(), key=problem.rank)
    best = problem.exchanged(best)
    if problem.is_worth_a_search(best):
        best = problem.searched(best)
    filled = sorted(sorted(box) for box in best if box)
    return tuple(map(tuple, filled))


def heaviest(packing: Iterable[Iterable[int]], parcels: Sequence[Parcel], setups: Mapping[str, int]) -> int:
    """Return the weight of the fullest box."""
    return max((_weight([parcels[at] for at in box], setups) for box in packing), default=0)


def least(parcels: Sequence[Parcel], setups: Mapping[str, int], boxes: int) -> int:
    """Return a weight that the fullest of so many boxes has in every packing."""
    alone = max((_weight([parcel], setups) for parcel in parcels), default=0)
    return max(alone, -(-_weight(parcels, setups) // boxes))


def _weight(parcels: Sequence[Parcel], setups: Mapping[str, int]) -> int:
    kinds = frozenset[str]().union(*(parcel.kinds for parcel in parcels))
    return sum(parcel.weight for parcel in parcels) + sum(setups[kind] for kind in kinds)


class _Box:
    """A box that is being filled: its parcels, and its weight with set-ups."""

    def __init__(self, setups: Mapping[str, int]) -> None:
        self._setups = setups
        self._kinds: Counter[str] = Counter()
        self.weight = 0
        self.parcels: list[int] = []

    def weight_with(self, added: Parcel | None, removed: Parcel | None = None) -> int:
        """Return the weight that the box would have with one parcel more, without another."""
        weight = self.weight
        gone: frozenset[str] = frozenset()
        if removed is not None:
            gone = frozenset(kind for kind in removed.kinds if self._kinds[kind] == 1)
            weight -= removed.weight + sum(self._setups[kind] for kind in gone)
        if added is not None:
            new = (kind for kind in added.kinds if kind in gone or not self._kinds[kind])
            weight += added.weight + sum(self._setups[kind] for kind in new)
        return weight

    def add(self, at: int, parcel: Parcel) -> None:
        self.weight = self.weight_with(parcel)
        self._kinds.update(parcel.kinds)
        self.parcels.append(at)

    def remove(self, at: int, parcel: Parcel) -> None:
        self.weight = self.weight_with(None, parcel)
        self._kinds.subtract(parcel.kinds)
        self.parcels.remove(at)

    @property
    def look(self) -> tuple[int, frozenset[str]]:
        """What decides what a further parcel costs here: boxes that look alike are the same to it."""
        return self.weight, frozenset(+self._kinds)


Boxes = tuple[tuple[int, ...], ...]


class _Problem:
    def __init__(self, parcels: Sequence[Parcel], setups: Mapping[str, int], boxes: int) -> None:
        self._parcels = parcels
        self._setups = setups
        self._count = max(1, min(boxes, len(parcels)))
        self._largest_first = sorted(range(len(parcels)), key=lambda at: (-_weight([parcels[at]], setups), at))
        self._bound = least(parcels, setups, self._count)

    def rank(self, packing: Boxes) -> tuple[int, int]:
        """Return how bad a packing is: its fullest box, then all that is paid for set-ups."""
        weights = [_weight([self._parcels[at] for at in box], self._setups) for box in packing]
        return max(weights, default=0), sum(weights)

    def is_worth_a_search(self, packing: Boxes) -> bool:
        """Whether a better packing than this one may be found, and would be noticed."""
        if len(self._parcels) > _DEEPEST:
            return False
        return (self.rank(packing)[0] - self._bound) * _NEAR_ENOUGH > self._bound

    def beginnings(self) -> Iterable[Boxes]:
        """Yield packings to begin with; those by kind keep what shares a set-up together."""
        yield self._longest_first()
        of_kind: dict[tuple[str, ...], int] = {}
        for parcel in self._parcels:
            kinds = tuple(sorted(parcel.kinds))
            of_kind[kinds] = of_kind.get(kinds, 0) + parcel.weight
        by_kind = sorted(
            self._largest_first,
            key=lambda at: (-of_kind[kinds := tuple(sorted(self._parcels[at].kinds))], kinds),
        )
        for order in (self._largest_first, by_kind):
            found = self._multifit(order)
            if found is not None:
                yield found

    def _empty(self) -> list[_Box]:
        return [_Box(self._setups) for _ in range(self._count)]

    def _longest_first(self) -> Boxes:
        boxes = self._empty()
        for at in self._largest_first:
            parcel = self._parcels[at]
            min(boxes, key=lambda box: box.weight_with(parcel)).add(at, parcel)
        return _frozen(boxes)

    def _multifit(self, order: Sequence[int]) -> Boxes | None:
        """Return the packing with the smallest box for which first fit still has room, by halving an interval."""
        low, high = self._bound, self.rank(self._longest_first())[0]
        best = None
        for _ in range(_ROUNDS):
            size = (low + high) // 2
            found = self._first_fit(order, size)
            if found is None:
                low = size + 1
            else:
                best, high = found, size
            if low > high:
                break
        return best

    def _first_fit(self, order: Sequence[int], size: int) -> Boxes | None:
        boxes = self._empty()
        for at in order:
            parcel = self._parcels[at]
            box = next((box for box in boxes if box.weight_with(parcel) <= size), None)
            if box is None:
                return None
            box.add(at, parcel)
        return _frozen(boxes)

    def exchanged(self, packing: Boxes) -> Boxes:
        """Move parcels out of the fullest box, or exchange them for others, as long as that makes it lighter."""
        boxes = self._filled(packing)
        for _ in range(_EXCHANGES):
            full = max(boxes, key=lambda box: box.weight)
            step = self._best_exchange(full, boxes)
            if step is None:
                break
            step()
        return min(packing, _frozen(boxes), key=self.rank)

    def _best_exchange(self, full: _Box, boxes: Sequence[_Box]) -> Callable[[], None] | None:
        best, found = full.weight, None
        for other in boxes:
            if other is full:
                continue
            for out in full.parcels:
                for back in (None, *other.parcels):
                    weight = self._after(full, other, out, back)
                    if weight < best:
                        best, found = weight, (other, out, back)
        if found is None:
            return None
        other, out, back = found
        return lambda: self._exchange(full, other, out, back)

    def _after(self, full: _Box, other: _Box, out: int, back: int | None) -> int:
        coming = None if back is None else self._parcels[back]
        going = self._parcels[out]
        return max(full.weight_with(coming, going), other.weight_with(going, coming))

    def _exchange(self, full: _Box, other: _Box, out: int, back: int | None) -> None:
        full.remove(out, self._parcels[out])
        if back is not None:
            other.remove(back, self._parcels[back])
            full.add(back, self._parcels[back])
        other.add(out, self._parcels[out])

    def _filled(self, packing: Boxes) -> list[_Box]:
        boxes = self._empty()
        for box, numbers in zip(boxes, packing, strict=False):
            for at in numbers:
                box.add(at, self._parcels[at])
        return boxes

    def searched(self, packing: Boxes) -> Boxes:
        """Search for a better packing by branch and bound: the best, if there are few parcels."""
        boxes, left = self._empty(), _NODES
        best, limit = packing, self.rank(packing)[0]

        def place(depth: int) -> None:
            nonlocal best, limit, left
            if depth == len(self._largest_first):
                best, limit = _frozen(boxes), max(box.weight for box in boxes)
                return
            at = self._largest_first[depth]
            parcel = self._parcels[at]
            tried: set[tuple[int, frozenset[str]]] = set()
            for box in sorted(boxes, key=lambda one: one.weight):
                if left <= 0 or limit <= self._bound:
                    return
                if box.weight_with(parcel) >= limit or box.look in tried:
                    continue
                tried.add(box.look)
                left -= 1
                box.add(at, parcel)
                place(depth + 1)
                box.remove(at, parcel)

        place(0)
        return best


def _frozen(boxes: Iterable[_Box]) -> Boxes:
    return tuple(tuple(box.parcels) for box in boxes)
