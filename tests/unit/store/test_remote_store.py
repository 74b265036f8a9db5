"""Finished cells shared through a file system of fsspec: pulled where they are missing, pushed where they are made."""

import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from fake_run import FakeRun, cell_of, what
from planning import settings_with
from store_entries import CONTENT, RESULTS, STATED, filled

from matrix_runner.config.options.cache_options import CACHE_REMOTE, CACHE_REMOTE_READ_ONLY
from matrix_runner.config.options.option import Option
from matrix_runner.config.options.output_options import OVERWRITE
from matrix_runner.engine.fake.fake_engine import FakeEngine
from matrix_runner.errors import ExitCode, UsageError
from matrix_runner.run import build
from matrix_runner.store.remote_store import open_remote
from matrix_runner.store.store import Store

CELLS = ("cp39-manylinux_x86_64", "cp311-manylinux_x86_64")


@pytest.fixture(params=["file", "memory"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Return a place of each kind."""
    if request.param == "file":
        yield f"file://{tmp_path}/bucket"
        return
    place = f"memory://{secrets.token_hex(4)}"
    yield place
    fsspec.filesystem("memory").rm(place, recursive=True)


def test_an_entry_goes_there_and_comes_back(tmp_path: Path, url: str) -> None:
    """What one machine pushed another pulls, whole."""
    trouble: list[str] = []
    remote = open_remote(url, read_only=False, trouble=trouble.append)
    assert remote is not None
    store, key = filled(tmp_path)
    remote.push(store, key)
    other = Store(tmp_path / "other")
    assert remote.pull(other, key)
    entry = other.get(key, tmp_path / "staging")
    assert entry is not None
    assert entry.wheel is not None
    assert entry.wheel.read_bytes() == CONTENT
    assert entry.results is not None
    assert entry.results.read_bytes() == RESULTS
    assert entry.provenance is not None
    assert entry.provenance.read_bytes() == STATED
    assert not remote.pull(other, "f" * 64)
    assert trouble == []


def test_read_only_puts_nothing_there(tmp_path: Path) -> None:
    """An untrusted job may take, and leaves no trace."""
    remote = open_remote(f"file://{tmp_path}/bucket", read_only=True, trouble=lambda _: None)
    assert remote is not None
    store, key = filled(tmp_path)
    remote.push(store, key)
    assert not (tmp_path / "bucket").exists()


@pytest.mark.parametrize("damage", ["cut", "flip", "other", "empty"])
def test_what_is_damaged_there_is_not_taken(tmp_path: Path, damage: str) -> None:
    """An object that was cut off, changed or replaced by another's is no entry."""
    remote = open_remote(f"file://{tmp_path}/bucket", read_only=False, trouble=lambda _: None)
    assert remote is not None
    store, key = filled(tmp_path)
    remote.push(store, key)
    (found,) = (tmp_path / "bucket").rglob("*.tar")
    data = found.read_bytes()
    wrong = {
        "cut": data[: len(data) // 4],
        "flip": data.replace(CONTENT, CONTENT[::-1]),
        "other": data,
        "empty": b"",
    }[damage]
    wanted = key if damage != "other" else "f" * 64
    place = found.parent.parent / wanted[:2] / f"{wanted}.tar"
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(wrong)
    other = Store(tmp_path / "other")
    remote.pull(other, wanted)
    assert other.get(wanted, tmp_path / "staging") is None


def run(directory: Path, url: str, *, read_only: bool = False) -> tuple[FakeRun, FakeEngine]:
    """Run on a machine with a directory of its own and a shared place."""
    values: dict[Option[object], object] = {CACHE_REMOTE: url, CACHE_REMOTE_READ_ONLY: read_only, OVERWRITE: True}
    directory.mkdir(exist_ok=True)
    fake_run = FakeRun(
        directory=directory,
        identifiers=CELLS,
        settings=settings_with(values, project_name="demo"),
        cache=directory / "cache",
    )
    with fake_run.engine() as engine:
        assert build(fake_run.request(engine)).exit_code is ExitCode.OK
    return fake_run, engine


def built(engine: FakeEngine) -> set[str]:
    """Return the cells that built."""
    return {str(cell_of(call)) for call in engine.commands if what(call) == "build"}


def test_a_second_machine_builds_nothing(tmp_path: Path, url: str) -> None:
    """It only looks into the image, and has what the first machine built."""
    assert built(run(tmp_path / "one", url)[1]) == set(CELLS)
    assert built(run(tmp_path / "two", url)[1]) == set()
    assert run(tmp_path / "two", url)[1].commands == []


def test_a_place_that_fails_is_one_notice(tmp_path: Path) -> None:
    """Whatever goes wrong there, the run is a good one: here a file is where the directory should be."""
    (tmp_path / "bucket").write_text("x")
    fake_run, engine = run(tmp_path / "one", f"file://{tmp_path}/bucket")
    assert built(engine) == set(CELLS)
    (notice,) = fake_run.recorder.notices()
    assert "cache-remote is not used any more in this run" in notice
    assert built(run(tmp_path / "one", f"file://{tmp_path}/bucket")[1]) == set()


def test_a_url_of_no_kind_is_a_notice(tmp_path: Path) -> None:
    """A kind of URL that nothing opens stops nothing either."""
    fake_run, engine = run(tmp_path / "one", "nonsense://x")
    assert built(engine) == set(CELLS)
    assert "cache-remote is not used" in fake_run.recorder.notices()[0]


def test_without_fsspec_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The option asks for what is not there: that is a mistake, told before anything is built."""
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(UsageError, match="needs fsspec") as caught:
        open_remote(f"file://{tmp_path}", read_only=False, trouble=lambda _: None)
    assert "matrix-runner[remote]" in (caught.value.hint or "")
