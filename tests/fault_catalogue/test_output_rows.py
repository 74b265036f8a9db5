"""Rows 13 to 19: the output directory, and the cache of finished cells."""

import os
import subprocess

import pytest
from fault_trial import WIDE, Trial
from runner_process import Ended
from small_disk import AS_ROOT, small_disk

NOBODY = 65534


def statuses(ended: Ended) -> set[object]:
    """Return how the cells ended."""
    return {cell["status"] for cell in ended.cells.values()}


@pytest.mark.row(13)
def test_a_read_only_directory(trial: Trial) -> None:
    """Ends the run before a container is there."""
    with small_disk(trial.output, "ro"):
        ended = trial.build(trial.project(), "--report-dir", str(trial.place / "report"))
        trial.check(ended, code=4, says="Read-only file system")
    assert "start " not in ended.output


@pytest.mark.row(14)
def test_a_disk_that_fills_up(trial: Trial) -> None:
    """The wheel of 3 MB is kept where the cells are kept, and needs no build once there is room."""
    project = trial.project(deeds={WIDE: "large"})
    with small_disk(trial.output, "size=1m") as disk:
        trial.check(trial.build(project, variables=trial.kept), code=4, says="No space left on device", wheels=0)
        subprocess.run((*AS_ROOT, "mount", "-o", "remount,size=20m", disk), check=True)
        ended = trial.check(trial.build(project, variables=trial.kept), code=0, wheels=1)
        assert statuses(ended) == {"cached"}


@pytest.mark.row(15)
def test_a_link(trial: Trial) -> None:
    """Is named as long as it leads nowhere; the directory behind it gets the wheels."""
    target, project = trial.place / "target", trial.project()
    trial.output.symlink_to(target)
    trial.check(trial.build(project), code=4, says="target, which is not there", wheels=0)
    target.mkdir()
    trial.check(trial.build(project), code=0, wheels=1)
    assert trial.output.is_symlink()
    assert len(list(target.glob("*.whl"))) == 1


@pytest.mark.row(16)
def test_a_wheel_of_that_name(trial: Trial) -> None:
    """Another one is left alone, unless it may be replaced; the same one is kept."""
    project = trial.project()
    (wheel,) = trial.check(trial.build(project), code=0, wheels=1).wheels
    time = wheel.stat().st_mtime_ns
    trial.check(trial.build(project), code=0, wheels=1)
    assert wheel.stat().st_mtime_ns == time
    ours = wheel.read_bytes()
    (project / "deeds.json").write_text(f'{{"{WIDE}": "large"}}')
    trial.check(trial.build(project), code=1, says="is from an earlier run, and this run's differs from it", wheels=1)
    assert wheel.read_bytes() == ours
    trial.check(trial.build(project, "--overwrite"), code=0, wheels=1)
    assert wheel.read_bytes() != ours


@pytest.mark.row(17)
def test_two_runs(trial: Trial) -> None:
    """The second one is refused while the first builds."""
    project = trial.project(deeds={WIDE: "wait"})
    with trial.started(project) as first:
        first.reached("the backend begins")
        second = trial.build(trial.project(name="other"))
        assert second.code == 4, second.output
        assert f"another run is writing to {trial.output}" in second.output
        ended = first.ended()
    trial.check(ended, code=0, wheels=1)
    trial.saw(4, "another run is writing to")


@pytest.mark.row(18)
@pytest.mark.parametrize("kind", ["cut", "turned"])
def test_a_damaged_entry(trial: Trial, kind: str) -> None:
    """Is a miss: the cell is built anew, and the wheel is whole."""
    project = trial.project()
    first = trial.check(trial.build(project, variables=trial.kept), code=0, wheels=1)
    (wheel,) = first.wheels
    (kept,) = (trial.place / "cache").glob("entries/*/*/wheel")
    data = bytearray(kept.read_bytes())
    kept.chmod(0o644)
    if kind == "cut":
        kept.write_bytes(data[: len(data) // 2])
    else:
        data[len(data) // 2] ^= 1
        kept.write_bytes(data)
    wheel.unlink()
    ended = trial.check(trial.build(project, variables=trial.kept), code=0, wheels=1)
    assert statuses(ended) == {"passed"}


@pytest.mark.row(19)
def test_all_is_the_callers(trial: Trial) -> None:
    """Wheels, logs, report and cache of a user who is not root, though root writes in the container."""
    project = trial.project()
    with trial.user(NOBODY) as prefix:
        variables = {"HOME": str(trial.place), "XDG_CACHE_HOME": str(trial.place / "c"), **trial.kept}
        ended = trial.build(project, prefix=prefix, variables=variables)
    trial.check(ended, code=0, wheels=1)
    written = [path for path in trial.place.rglob("*") if project not in (path, *path.parents)]
    assert {os.lstat(path).st_uid for path in written} == {NOBODY}
