"""Laws of the packing of cells into shards: each exactly once, the same each time, and near the best there is."""

from exact_packing import best_weight
from hypothesis import given, settings
from hypothesis import strategies as st

from matrix_runner.shards.box_packing import Parcel, heaviest, least, pack

SETUPS = st.fixed_dictionaries({"a": st.integers(0, 60_000), "b": st.integers(0, 60_000)})
KINDS = st.sampled_from([frozenset[str](), frozenset("a"), frozenset("b"), frozenset("ab")])
PARCELS = st.builds(Parcel, weight=st.integers(1, 90_000), kinds=KINDS)


@given(parcels=st.lists(PARCELS, max_size=60), setups=SETUPS, boxes=st.integers(1, 12))
@settings(max_examples=60, deadline=None)
def test_each_parcel_is_in_one_box(parcels: list[Parcel], setups: dict[str, int], boxes: int) -> None:
    """Whatever there is to pack: none is lost, none twice, no box is empty, and there are no more than were given."""
    packed = pack(parcels, setups, boxes)
    assert sorted(at for box in packed for at in box) == list(range(len(parcels)))
    assert len(packed) <= boxes
    assert all(packed)
    assert pack(parcels, setups, boxes) == packed
    assert heaviest(packed, parcels, setups) >= least(parcels, setups, boxes)


@given(parcels=st.lists(PARCELS, min_size=1, max_size=7), setups=SETUPS, boxes=st.integers(1, 4))
@settings(max_examples=150, deadline=None)
def test_few_parcels_are_packed_as_well_as_can_be(parcels: list[Parcel], setups: dict[str, int], boxes: int) -> None:
    """To a two-hundredth, from where on no better packing is looked for."""
    weight = heaviest(pack(parcels, setups, boxes), parcels, setups)
    best = best_weight(parcels, setups, boxes)
    assert best <= weight
    assert (weight - best) * 200 <= best


@given(weights=st.lists(st.integers(1, 9), min_size=1, max_size=40), boxes=st.integers(1, 8), factor=st.integers(2, 9))
@settings(max_examples=60, deadline=None)
def test_parcels_of_one_weight_are_spread_evenly(weights: list[int], boxes: int, factor: int) -> None:
    """Without times every cell counts the same: no box has two cells more than another."""
    parcels = [Parcel(weight=factor) for _ in weights]
    sizes = [len(box) for box in pack(parcels, {}, boxes)]
    assert max(sizes) - min(sizes) <= 1
    assert len(sizes) == min(boxes, len(parcels))
