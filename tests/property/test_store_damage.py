"""Damage to a store, anywhere: an entry is taken as it was put, or not at all."""

import shutil
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from store_entries import CONTENT, LOG, RESULTS, STATED, filled

FILES = ("entry.json", "ingredients.json", "log", "wheel", "results.xml", "provenance.json")


@given(name=st.sampled_from(FILES), where=st.integers(0, 10**6), how=st.data())
def test_a_damaged_entry_is_not_taken(name: str, where: int, how: st.DataObject) -> None:
    """Bytes changed, cut off, doubled or put in, in any file: what comes out is right, or nothing, and never raises."""
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        store, key = filled(root)
        file = store.path(key) / name
        data = file.read_bytes()
        at = where % (len(data) + 1)
        damaged = how.draw(
            st.one_of(
                st.just(data[:at]),
                st.just(data + data[:at]),
                st.binary(min_size=1, max_size=4).map(lambda new: data[:at] + new + data[at:]),
                st.binary(min_size=1, max_size=4).map(lambda new: data[:at] + new + data[at + len(new) :]),
                st.binary(max_size=200),
            )
        )
        file.write_bytes(damaged)
        entry = store.get(key, root / "staging")
        if entry is None:
            assert not store.path(key).exists()
        else:
            assert entry.wheel is not None
            assert entry.results is not None
            assert entry.provenance is not None
            files = (entry.wheel, entry.log, entry.results, entry.provenance)
            assert [file.read_bytes() for file in files] == [CONTENT, LOG, RESULTS, STATED]


@given(st.lists(st.tuples(st.sampled_from(FILES), st.sampled_from(["delete", "empty", "swap"])), max_size=4))
def test_a_store_survives_whatever_happens_to_its_files(deeds: list[tuple[str, str]]) -> None:
    """After any such mishap the store takes the cell again, and gives it."""
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        store, key = filled(root)
        for name, deed in deeds:
            file = store.path(key) / name
            if deed == "delete":
                file.unlink(missing_ok=True)
            elif deed == "empty":
                file.write_bytes(b"")
            elif file.exists():
                shutil.copy(file, store.path(key) / FILES[FILES.index(name) - 1])
        store.get(key, root / "staging")
        assert filled(root)[1] == key
        assert store.get(key, root / "staging") is not None
