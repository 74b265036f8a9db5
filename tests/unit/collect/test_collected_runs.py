"""Runs on the fake engine, collected: what a run writes is what the collecting wants to read."""

import json
from pathlib import Path

from fake_run import FakeRun
from planning import settings_with

from matrix_runner.collect.expectation import expectation
from matrix_runner.collect.merging import Collected, Terms, collect_files
from matrix_runner.model.outcomes import Status
from matrix_runner.shards.matrix_forms.matrix_document import ExpectedCell

X86_64 = ("cp311-manylinux_x86_64", "cp313-manylinux_x86_64")
I686 = ("cp311-manylinux_i686", "cp313-manylinux_i686")


def shard(directory: Path, *cells: str, is_abi3: bool = False) -> FakeRun:
    """Return a run of some cells, in a place of its own, with a cache."""
    directory.mkdir(exist_ok=True)
    settings = settings_with(project_name="demo")
    cache = directory.parent / "cache" / directory.name
    return FakeRun(directory=directory, identifiers=cells, settings=settings, cache=cache, is_abi3=is_abi3)


def collected(directory: Path, *runs: FakeRun) -> Collected:
    """Collect the outputs of runs."""
    wanted = expectation([ExpectedCell(identifier=cell) for cell in (*X86_64, *I686)], (), has_sdist=False)
    places = [place for run in runs for place in (run.wheelhouse, run.report_dir)]
    return collect_files(places, wanted, Terms(), directory)


def source(run: FakeRun) -> dict[str, object]:
    """Return what a run's report says of its source."""
    found: dict[str, object] = json.loads((run.report_dir / "report.json").read_text())["source"]
    return found


def test_two_shards_are_the_whole(tmp_path: Path) -> None:
    """Of equal files, wherever they are: built, and taken from the cache."""
    one, two = shard(tmp_path / "one", *X86_64), shard(tmp_path / "two", *I686)
    for _ in ("built", "cached"):
        reports = [run.run() for run in (one, two)]
        assert collected(tmp_path, one, two).refusals == ()
    assert {outcome.status for report in reports for outcome in report.outcomes} == {Status.CACHED}
    assert source(one) == source(two)
    assert len(str(source(one)["sha256"])) == 64


def test_a_wheel_of_the_stable_abi(tmp_path: Path) -> None:
    """One wheel for both cells of a platform, which the second one has tested."""
    one, two = shard(tmp_path / "one", *X86_64, is_abi3=True), shard(tmp_path / "two", *I686, is_abi3=True)
    for run in (one, two):
        run.run()
    found = collected(tmp_path, one, two)
    assert found.refusals == ()
    assert found.summary == "2 wheels for 4 cells, of demo 1.0"


def test_another_file_in_the_project(tmp_path: Path) -> None:
    """Makes another source of it."""
    one, two = shard(tmp_path / "one", *X86_64), shard(tmp_path / "two", *I686)
    one.run()
    (two.directory / "project").mkdir()
    (two.directory / "project" / "more.c").write_text("int more;\n")
    two.run()
    (text,) = collected(tmp_path, one, two).refusals
    assert text.startswith(f"the run in {two.report_dir} (")
    assert str(source(one)["sha256"])[:12] in text
