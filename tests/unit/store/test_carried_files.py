"""Archives in the cache directory: whole or not at all, damage is noticed, the oldest go first, machines share them."""

import json
import os
import time
from pathlib import Path

import pytest

from matrix_runner.store.carried_files import CarriedFiles, list_carried, unpacked
from matrix_runner.store.entry_pruning import clear, prune
from matrix_runner.store.remote_store import open_remote
from matrix_runner.store.store import Store

NAME, OTHER = "a" * 64, "b" * 64
DATA = [b"one", bytes(3 << 20), os.urandom(1 << 20)]


def files_in(directory: Path, remote: Path | None = None, *, read_only: bool = False) -> CarriedFiles:
    """Return the archives of a cache directory."""
    opened = None if remote is None else open_remote(f"file://{remote}", read_only=read_only, trouble=pytest.fail)
    return CarriedFiles(Store(directory), "/project", opened)


def content(files: CarriedFiles, name: str, directory: Path) -> bytes | None:
    """Take an archive; return what is in it."""
    path = files.take(name, directory)
    return None if path is None else b"".join(unpacked(path))


def test_an_archive_comes_back_as_it_was(tmp_path: Path) -> None:
    """Compressed in between; a later one of its name takes its place."""
    files = files_in(tmp_path / "cache")
    assert content(files, NAME, tmp_path / "copy") is None
    note = files.keep(NAME, "layer", "digest", DATA)
    assert content(files, NAME, tmp_path / "copy") == b"".join(DATA)
    assert (note.unpacked, note.purpose, note.project) == (4 * (1 << 20) + 3, "layer", "/project")
    assert (1 << 20) < note.size < (3 << 20)
    assert files.note(NAME) == note
    files.keep(NAME, "layer", "another", [b"new"])
    assert content(files, NAME, tmp_path / "copy") == b"new"


def test_what_is_there_twice_is_kept_once(tmp_path: Path) -> None:
    """As a program in a cache, and its copy some megabytes on."""
    files, program = files_in(tmp_path / "cache"), os.urandom(4 << 20)
    between = os.urandom(4 << 20)
    note = files.keep(NAME, "downloads", "digest", [program, between, program])
    assert note.size < len(program) + len(between) + 10_000
    assert content(files, NAME, tmp_path / "copy") == program + between + program


@pytest.mark.parametrize("damage", ["cut", "changed", "empty", "gone", "link", "note"])
def test_damage_counts_as_missing(tmp_path: Path, damage: str) -> None:
    """And is removed, so that the next run keeps a whole one."""
    files = files_in(tmp_path / "cache")
    files.keep(NAME, "layer", "digest", DATA)
    path = tmp_path / "cache/carried" / f"{NAME}.tar.zst"
    data = path.read_bytes()
    match damage:
        case "cut":
            path.write_bytes(data[:-1])
        case "changed":
            path.write_bytes(data[:1000] + b"?" + data[1001:])
        case "empty":
            path.write_bytes(b"")
        case "gone":
            path.unlink()
        case "link":
            path.rename(tmp_path / "elsewhere")
            path.symlink_to(tmp_path / "elsewhere")
        case _:
            note = path.with_name(f"{NAME}.json")
            sealed = json.loads(note.read_text())
            sealed["content"]["sha256"] = "0" * 64
            note.write_text(json.dumps(sealed))
    assert content(files, NAME, tmp_path / "copy") is None
    files.keep(NAME, "layer", "digest", DATA)
    assert content(files, NAME, tmp_path / "copy") == b"".join(DATA)


def test_nothing_is_kept_of_an_archive_that_breaks_off(tmp_path: Path) -> None:
    """What was there before stays."""

    def broken() -> "list[bytes]":
        raise ValueError("the container is gone")

    files = files_in(tmp_path / "cache")
    files.keep(NAME, "layer", "digest", [b"before"])
    with pytest.raises(ValueError, match="gone"):
        files.keep(NAME, "layer", "digest", (piece for piece in [b"x", *broken()]))
    assert content(files, NAME, tmp_path / "copy") == b"before"
    assert not list((tmp_path / "cache/tmp").iterdir())


def test_archives_count_towards_the_size(tmp_path: Path) -> None:
    """The one that was used longest ago goes first, with its note; `clear` leaves none."""
    store = Store(tmp_path / "cache")
    files = CarriedFiles(store, "/project")
    for name in (NAME, OTHER):
        files.keep(name, "layer", "digest", [os.urandom(1000)])
    os.utime(tmp_path / "cache/carried" / f"{OTHER}.tar.zst", (time.time() - 100,) * 2)
    (removed,) = prune(store, limit=1500)
    assert removed.path.name == f"{OTHER}.tar.zst"
    assert [each.path.name for each in list_carried(store)] == [f"{NAME}.tar.zst"]
    assert len(list((tmp_path / "cache/carried").iterdir())) == 2
    clear(store)
    assert not (tmp_path / "cache/carried").exists()


def test_machines_share_them(tmp_path: Path) -> None:
    """One puts an archive there, another takes it; who may only read puts none."""
    remote = tmp_path / "shared"
    files_in(tmp_path / "one", remote).keep(NAME, "layer", "digest", DATA)
    files_in(tmp_path / "two", remote, read_only=True).keep(OTHER, "layer", "digest", DATA)
    third = files_in(tmp_path / "three", remote)
    assert content(third, NAME, tmp_path / "copy") == b"".join(DATA)
    assert content(third, OTHER, tmp_path / "copy") is None
    (remote / "carried" / f"{NAME}.tar.zst").write_bytes(b"damaged")
    assert content(files_in(tmp_path / "four", remote), NAME, tmp_path / "copy") is None
