"""Packing on the times that real runs have recorded, against the best packing that there is."""

import json
from pathlib import Path

import pytest
from exact_packing import best_weight

from matrix_runner.shards.box_packing import Parcel, heaviest, least, pack

TIMES: dict[str, dict[str, float]] = json.loads(Path(__file__).with_name("recorded_times.json").read_text("utf-8"))
"""Seconds of cells by project, as `runner build` has recorded them."""


def parcels_of(project: str) -> list[Parcel]:
    """Return the cells of a project as parcels, in milliseconds."""
    return [Parcel(weight=round(1000 * seconds)) for seconds in TIMES[project].values()]


@pytest.mark.parametrize("boxes", [2, 3, 4])
@pytest.mark.parametrize("project", TIMES)
def test_recorded_times_are_packed_within_a_twentieth_of_the_best(project: str, boxes: int) -> None:
    """The best of all packings, for as many cells as can be tried out."""
    parcels = parcels_of(project)[:9]
    weight = heaviest(pack(parcels, {}, boxes), parcels, {})
    assert weight <= 1.05 * best_weight(parcels, {}, boxes)


@pytest.mark.parametrize("boxes", [2, 3, 5, 8])
def test_a_large_matrix_is_packed_within_a_twentieth_of_what_no_packing_is_below(boxes: int) -> None:
    """All recorded cells together, more than can be tried out: against their sum, shared out evenly."""
    parcels = [parcel for project in TIMES for parcel in parcels_of(project)]
    assert heaviest(pack(parcels, {}, boxes), parcels, {}) <= 1.05 * least(parcels, {}, boxes)


def test_what_longest_first_alone_misses() -> None:
    """Graham's example of five: longest first gives 7, the best is 6."""
    parcels = [Parcel(weight=weight) for weight in (3, 3, 2, 2, 2)]
    assert pack(parcels, {}, 2) == ((0, 1), (2, 3, 4))


def test_a_set_up_is_paid_once_a_box() -> None:
    """Two platforms with a long `before-all` each: a box for each, not both in both."""
    parcels = [Parcel(weight=10, kinds=frozenset(kind)) for kind in "abababab"]
    assert pack(parcels, {"a": 100, "b": 100}, 2) == ((0, 2, 4, 6), (1, 3, 5, 7))


def test_a_set_up_is_paid_twice_where_that_is_quicker() -> None:
    """Two boxes with the same short one, rather than one box with all that is long."""
    parcels = [Parcel(weight=100, kinds=frozenset("a")) for _ in range(4)]
    packed = pack(parcels, {"a": 1}, 2)
    assert [len(box) for box in packed] == [2, 2]
    # Here it takes as long as all the rest: a second box would not end sooner.
    assert pack(parcels[:1], {"a": 100}, 2) == ((0,),)


def test_nothing_to_pack() -> None:
    """No box at all."""
    assert pack((), {}, 3) == ()
    assert heaviest((), (), {}) == 0
