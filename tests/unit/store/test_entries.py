"""The store: what is put in comes out as it was, whatever else is in the directory."""

import os
import stat
from pathlib import Path

import pytest
from msgspec.structs import replace
from store_entries import CONTENT, COUNTS, LOG, RESULTS, STATED, WHEEL_NAME, filled, finished, made_of

from matrix_runner.errors import OutputError
from matrix_runner.store.entry_pruning import clear, list_entries, prune
from matrix_runner.store.sealed import seal, unseal
from matrix_runner.store.store import Store

OTHER = "f" * 64


def test_what_was_put_comes_out(tmp_path: Path) -> None:
    """Wheel, log and record are as they were put, and the copies are the caller's own."""
    store, key = filled(tmp_path)
    entry = store.get(key, tmp_path / "staging")
    assert entry is not None
    assert entry.wheel is not None
    assert (entry.wheel.name, entry.wheel.read_bytes(), entry.log.read_bytes()) == (WHEEL_NAME, CONTENT, LOG)
    assert (entry.record.cell, entry.record.python_version) == ("cp311-manylinux_x86_64", "3.11.2")
    assert entry.results is not None
    assert entry.record.results is not None
    assert (entry.results.read_bytes(), entry.record.results.counts) == (RESULTS, COUNTS)
    assert entry.provenance is not None
    assert entry.provenance.read_bytes() == STATED
    entry.wheel.write_bytes(b"spoilt")
    assert store.get(key, tmp_path / "again") is not None
    assert store.inputs(key) == made_of()


def test_a_cell_without_results_of_tests_has_none(tmp_path: Path) -> None:
    """A file in their place, as of another cell, is none of the entry."""
    store, cell = Store(tmp_path / "store"), finished(tmp_path / "built")
    key = store.put(made_of(), replace(cell, outcome=replace(cell.outcome, test_results=None)))
    (store.path(key) / "results.xml").write_bytes(RESULTS)
    entry = store.get(key, tmp_path / "staging")
    assert entry is not None
    assert (entry.results, entry.record.results) == (None, None)


def test_a_wheel_without_a_statement_has_none(tmp_path: Path) -> None:
    """As of an earlier release; a file in its place is none of the entry."""
    store = Store(tmp_path / "store")
    key = store.put(made_of(), replace(finished(tmp_path / "built"), provenance=None))
    (store.path(key) / "provenance.json").write_bytes(STATED)
    entry = store.get(key, tmp_path / "staging")
    assert entry is not None
    assert (entry.provenance, entry.record.provenance) == (None, None)


def test_what_was_not_put_is_not_there(tmp_path: Path) -> None:
    """Another key, and a directory that nobody has made, hold nothing; looking makes nothing either."""
    store, _ = filled(tmp_path)
    assert store.get(OTHER, tmp_path / "staging") is None
    empty = Store(tmp_path / "never")
    assert empty.get(OTHER, tmp_path / "staging") is None
    assert not (tmp_path / "never").exists()


def test_the_directory_is_marked_as_a_cache(tmp_path: Path) -> None:
    """Backup programs pass over a directory with this file."""
    store, _ = filled(tmp_path)
    assert (store.root / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55\n")
    assert list((store.root / "tmp").iterdir()) == []


def test_a_later_entry_takes_the_place_of_an_earlier(tmp_path: Path) -> None:
    """A cell that was built anew is what is taken from then on."""
    store, key = filled(tmp_path)
    assert store.put(made_of(), finished(tmp_path / "built", b"newer")) == key
    entry = store.get(key, tmp_path / "staging")
    assert entry is not None
    assert entry.wheel is not None
    assert entry.wheel.read_bytes() == b"newer"
    assert len(list(list_entries(store))) == 1


def test_a_wheel_that_changed_meanwhile_is_not_kept(tmp_path: Path) -> None:
    """Only what was verified and published is kept."""
    store = Store(tmp_path / "store")
    cell = finished(tmp_path / "built")
    assert cell.wheel is not None
    cell.wheel.write_bytes(b"something else")
    with pytest.raises(OutputError, match="changed after it was published"):
        store.put(made_of(), cell)
    assert list(list_entries(store)) == []


@pytest.mark.parametrize("name", ["wheel", "log", "ingredients.json", "entry.json", "results.xml"])
@pytest.mark.parametrize("kind", ["link", "directory", "fifo", "missing"])
def test_nothing_is_followed(tmp_path: Path, name: str, kind: str) -> None:
    """A file of an entry that is a link, even to the right content, or no file, makes it a damaged entry: it goes."""
    store, key = filled(tmp_path)
    file = store.path(key) / name
    aside = tmp_path / "aside"
    file.rename(aside)
    if kind == "link":
        file.symlink_to(aside)
    elif kind == "directory":
        file.mkdir()
    elif kind == "fifo":
        os.mkfifo(file)
    assert store.get(key, tmp_path / "staging") is None
    assert not store.path(key).exists()
    assert aside.exists()


def test_an_entry_that_is_a_link_is_none(tmp_path: Path) -> None:
    """A link in the place of an entry is not followed; what it leads to stays."""
    store, key = filled(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    store.path(key).rename(elsewhere)
    (elsewhere / "entry.json").unlink()
    store.path(key).symlink_to(elsewhere)
    assert store.get(key, tmp_path / "staging") is None
    assert (elsewhere / "wheel").exists()


def test_an_entry_under_another_key_is_foreign(tmp_path: Path) -> None:
    """An entry that was moved or copied to another key is not taken for what that key promises."""
    store, key = filled(tmp_path)
    target = store.path(OTHER)
    target.parent.mkdir(parents=True)
    store.path(key).rename(target)
    assert store.get(OTHER, tmp_path / "staging") is None
    assert not target.exists()


@pytest.mark.parametrize("name", ["../../evil.whl", "demo-1.0-cp39-cp39-manylinux_2_31_x86_64.whl", "x", ""])
def test_a_record_names_no_other_file(tmp_path: Path, name: str) -> None:
    """However well sealed, a record whose wheel has a name that does not fit its cell, or leads out, is refused."""
    store, key = filled(tmp_path)
    file = store.path(key) / "entry.json"
    content = unseal(file.read_bytes())
    assert content is not None
    file.write_bytes(seal(content.replace(WHEEL_NAME.encode(), name.encode())))
    assert store.get(key, tmp_path / "staging") is None


def test_what_was_used_longest_ago_goes_first(tmp_path: Path) -> None:
    """Over the limit, entries go in the order of their last use, and taking one counts as use."""
    store = Store(tmp_path / "store")
    keys = [store.put(made_of(**{"a.c": str(number)}), finished(tmp_path / "built")) for number in range(4)]
    for number, key in enumerate(keys):
        os.utime(store.path(key), (1000 + number, 1000 + number))
    assert store.get(keys[0], tmp_path / "staging") is not None
    size = sum(each.size for each in list_entries(store))
    # A little more than half: the times in two entries may be written in more or fewer digits.
    removed = prune(store, limit=size // 2 + size // 16)
    assert [each.path.name for each in removed] == keys[1:3]
    assert {each.path.name for each in list_entries(store)} == {keys[0], keys[3]}


def test_what_is_old_goes_by_when_it_was_made(tmp_path: Path) -> None:
    """Pruning by age counts from the building, not from the last use; damaged entries go too."""
    now = [1_000_000.0]
    store = Store(tmp_path / "store", clock=lambda: now[0])
    old = store.put(made_of(**{"a.c": "1"}), finished(tmp_path / "built"))
    now[0] += 100
    new = store.put(made_of(**{"a.c": "2"}), finished(tmp_path / "built"))
    broken = store.path(OTHER)
    broken.mkdir(parents=True)
    assert {each.path.name for each in prune(store, age=50)} == {old, OTHER}
    assert [each.path.name for each in list_entries(store)] == [new]


def test_clearing_removes_only_what_is_ours(tmp_path: Path) -> None:
    """A directory that somebody else uses too keeps what is theirs."""
    store, _ = filled(tmp_path)
    store.write_note("facts", "a", b"{}")
    (store.root / "theirs").write_text("x")
    clear(store)
    assert {path.name for path in store.root.iterdir()} == {"CACHEDIR.TAG", "theirs"}


def test_notes_are_whole_or_not_there(tmp_path: Path) -> None:
    """A note comes back as it was; any damage makes it as if it had never been."""
    store = Store(tmp_path / "store")
    store.write_note("facts", "a", b'{"x": 1}')
    assert store.note("facts", "a") == b'{"x": 1}'
    file = store.root / "facts" / "a.json"
    data = file.read_bytes()
    for position in range(len(data)):
        file.write_bytes(data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :])
        assert store.note("facts", "a") in {None, b'{"x": 1}'}, position
        file.write_bytes(data[:position])
        assert store.note("facts", "a") in {None, b'{"x": 1}'}, position
    assert store.note("facts", "b") is None


def test_files_are_as_readable_as_the_umask_allows(tmp_path: Path) -> None:
    """A shared directory is shared: entries are not private to who made them."""
    mask = os.umask(0o022)
    try:
        store, key = filled(tmp_path)
    finally:
        os.umask(mask)
    assert stat.S_IMODE((store.path(key) / "wheel").stat().st_mode) == 0o644
    assert stat.S_IMODE(store.path(key).stat().st_mode) == 0o755
