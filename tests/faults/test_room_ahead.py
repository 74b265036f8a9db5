"""Disks that are too small for a run: it says so before it takes any room, and goes on."""

from pathlib import Path

from fake_run import FakeRun
from msgspec.structs import replace
from planning import settings_with
from small_disk import small_disk

from matrix_runner.engine.fake.fake_engine import FakeEngine
from matrix_runner.model.outcomes import Status, WheelRecord
from matrix_runner.probe.image_probe import image_key
from matrix_runner.probe.room_ahead import warnings_of_room

CELL = "cp311-manylinux_x86_64"
MIB = 1024**2


def a_run(directory: Path) -> FakeRun:
    """Return a run of one cell."""
    return FakeRun(directory=directory, identifiers=(CELL,), settings=settings_with({}, project_name="demo"))


def warnings(directory: Path, storage: Path | None, engine: FakeEngine, fake: FakeRun, earlier: int = 0) -> list[str]:
    """Return the warnings of a run whose wheels go to a directory, and whose engine keeps its images in another."""
    request = fake.request(engine)
    info = replace(
        request.engine_info, endpoint="unix:///run/x.sock", storage=None if storage is None else str(storage)
    )
    (node,) = request.nodes
    request = replace(request, nodes=(replace(node, info=info),), inputs=replace(request.inputs, output_dir=directory))
    (job,) = request.jobs
    wheel = WheelRecord(name="demo-1.0-cp311-cp311-any.whl", size=earlier, sha256="")
    return warnings_of_room(request, [job], [image_key(job)], {job.cell: wheel} if earlier else {})


def test_a_small_disk_for_wheels(tmp_path: Path) -> None:
    """By the wheels of the last run; where nobody knows them, a few must fit."""
    fake = a_run(tmp_path)
    with small_disk(tmp_path / "small", "size=8m") as small, fake.engine() as engine:
        (told,) = warnings(small / "new" / "wheelhouse", None, engine, fake)
        assert told.startswith("8.0 MiB free, and this run may take 20.0 MiB: wheels (")
        assert "`runner cache prune`" in told
    with small_disk(tmp_path / "larger", "size=40m") as larger, fake.engine() as engine:
        assert warnings(larger, None, engine, fake) == []
        (told,) = warnings(larger, None, engine, fake, earlier=50 * MIB)
        assert "40.0 MiB free, and this run may take 50.0 MiB" in told


def test_a_small_disk_for_images(tmp_path: Path) -> None:
    """An image that is to be fetched, a cell at work, downloads; together with the wheels, if it is the same disk."""
    fake = a_run(tmp_path)
    with small_disk(tmp_path / "small", "size=30m") as small, fake.engine() as engine:
        engine.host.images.clear()
        (told,) = warnings(small / "out", small, engine, fake)
        assert told.startswith("30.0 MiB free, and this run may take 2580.0 MiB: images and volumes of fake (")
        assert "wheels (" in told


def test_a_run_goes_on(tmp_path: Path) -> None:
    """The figures are guesses: what fits all the same is delivered."""
    fake = a_run(tmp_path)
    with small_disk(tmp_path / "wheelhouse", "size=4m"):
        report = fake.run()
        assert [each.status for each in report.outcomes] == [Status.PASSED]
        assert len([text for text in fake.recorder.notices() if "and this run may take" in text]) == 1
        assert len(list((tmp_path / "wheelhouse").glob("*.whl"))) == 1


def test_enough_room_is_nothing_to_tell(tmp_path: Path) -> None:
    """No word on a machine like most."""
    fake = a_run(tmp_path)
    fake.run()
    assert [text for text in fake.recorder.notices() if "and this run may take" in text] == []
