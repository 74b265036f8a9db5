"""What can happen to a store from without: a killed writer, a full disk, several runs at once."""

import os
import signal
import subprocess
import sys
import time
from multiprocessing import get_context
from pathlib import Path

import pytest
from small_disk import small_disk
from store_entries import CONTENT, filled, finished, made_of

from matrix_runner.errors import OutputError
from matrix_runner.store.entry_pruning import list_entries, prune
from matrix_runner.store.store import Store

# Writes one entry after another until it is killed.
WRITER = """
import sys
from pathlib import Path
sys.path[:0] = [{tests!r}, {root!r}]
from store_entries import finished, made_of
from matrix_runner.store.store import Store
store = Store(Path({store!r}))
print("ready", flush=True)
number = 0
while True:
    number += 1
    store.put(made_of(**{{"a.c": str(number % 5)}}), finished(Path({built!r}), b"content" * 30000))
"""


def test_a_killed_writer_leaves_no_half_entry(tmp_path: Path) -> None:
    """Killed at any moment, with SIGKILL: every entry that is there is whole, and the next put works."""
    tests = Path(__file__).parent.parent
    code = WRITER.format(
        tests=str(tests), root=str(tests.parent), store=str(tmp_path / "store"), built=str(tmp_path / "built")
    )
    store = Store(tmp_path / "store")
    for turn in range(8):
        writer = subprocess.Popen((sys.executable, "-c", code), stdout=subprocess.PIPE)
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(0.01 * turn)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        for each in list_entries(store):
            assert each.record is not None
            assert store.get(each.path.name, tmp_path / "staging") is not None
    key = store.put(made_of(), finished(tmp_path / "mine"))
    assert store.get(key, tmp_path / "staging") is not None


def test_what_a_killed_writer_left_goes(tmp_path: Path) -> None:
    """Half-written entries are in nobody's way, and are removed when it is sure that nobody writes them."""
    store, key = filled(tmp_path)
    left = store.root / "tmp" / "entry-1234"
    left.mkdir()
    (left / "wheel").write_bytes(b"half")
    prune(store)
    assert left.exists(), "somebody may be writing it"
    os.utime(left, (1, 1))
    prune(store)
    assert not left.exists()
    assert store.get(key, tmp_path / "staging") is not None


def _work(root: Path, number: int) -> int:
    """Put, take and prune for a while beside others; return how often something was found."""
    store, found = Store(root / "store"), 0
    for turn in range(40):
        made = made_of(**{"a.c": str(turn % 3)})
        content = CONTENT + str(turn % 3).encode()
        key = store.put(made, finished(root / f"built{number}", content))
        entry = store.get(key, root / f"staging{number}")
        if entry is not None:
            assert entry.wheel is not None
            assert entry.wheel.read_bytes() == content
            found += 1
        if turn % 10 == number:
            prune(store, limit=10_000)
    return found


def test_several_runs_at_once_never_mix(tmp_path: Path) -> None:
    """Processes that put, take and prune the same keys see whole entries, each of its own key, and never an error."""
    with get_context("spawn").Pool(3) as pool:
        found = pool.starmap(_work, [(tmp_path, number) for number in range(3)])
    assert all(found)
    store = Store(tmp_path / "store")
    assert all(each.record is not None for each in list_entries(store))
    assert list((store.root / "tmp").iterdir()) == []


def test_a_full_disk_keeps_what_is_there(tmp_path: Path) -> None:
    """An entry that does not fit is an error for the caller, leaves nothing behind, and harms no other entry."""
    with small_disk(tmp_path / "disk", "size=128k") as disk:
        store = Store(disk / "store")
        key = store.put(made_of(), finished(tmp_path / "built"))
        with pytest.raises(OutputError, match="cannot be written to"):
            store.put(made_of(**{"a.c": "1"}), finished(tmp_path / "large", b"x" * 500_000))
        assert list((store.root / "tmp").iterdir()) == []
        assert store.get(key, tmp_path / "staging") is not None
        assert len(list(list_entries(store))) == 1


def test_no_room_for_copies_is_no_damage(tmp_path: Path) -> None:
    """If the run's own directory is full, the entry is not to blame: it stays."""
    store, key = filled(tmp_path)
    with small_disk(tmp_path / "disk", "size=4k") as disk:
        (disk / "filler").write_bytes(b"x" * 4096)
        with pytest.raises(OutputError):
            store.get(key, disk / "staging")
    assert store.path(key).exists()
