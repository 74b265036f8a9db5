"""The best packing there is, by trying all: what `shards.box_packing` is held against."""

from collections.abc import Mapping, Sequence

from matrix_runner.shards.box_packing import Parcel, heaviest


def best_weight(parcels: Sequence[Parcel], setups: Mapping[str, int], boxes: int) -> int:
    """Return the weight of the fullest box of the best packing. A few thousand packings a second: few parcels only."""
    best = heaviest([range(len(parcels))], parcels, setups)
    filled: list[list[int]] = []

    def place(at: int) -> None:
        nonlocal best
        if heaviest(filled, parcels, setups) >= best:
            return
        if at == len(parcels):
            best = heaviest(filled, parcels, setups)
            return
        for box in filled:
            box.append(at)
            place(at + 1)
            box.pop()
        # Empty boxes are alike: one of them is enough to try.
        if len(filled) < boxes:
            filled.append([at])
            place(at + 1)
            filled.pop()

    place(0)
    return best
