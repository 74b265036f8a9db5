"""Which runs live."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from matrix_runner.engine.leasing.leases import Leases
from matrix_runner.errors import OutputError

ROOT = Path(__file__).parents[3]
HOLD = """
import sys
from pathlib import Path
from matrix_runner.engine.leasing.leases import Leases
leases = Leases(Path(sys.argv[1]), "other")
leases.hold()
print(leases.owner, flush=True)
sys.stdin.read()
"""


def test_a_run_lives_as_long_as_its_process(tmp_path: Path) -> None:
    """A run is alive while its process is, and dead the moment that is killed; both have one owner."""
    leases = Leases(tmp_path, "mine")
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        (sys.executable, "-c", HOLD, str(tmp_path)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().decode().strip() == leases.owner
        assert leases.is_alive("other")
        process.kill()
        process.wait()
        assert not leases.is_alive("other")


def test_a_run_sees_itself_alive(tmp_path: Path) -> None:
    """A run never sweeps itself, and leaves no file when it ends well."""
    leases = Leases(tmp_path, "mine")
    leases.hold()
    leases.hold()
    assert Leases(tmp_path, "x").is_alive("mine")
    assert leases.is_alive("mine")
    leases.release()
    leases.release()
    assert not leases.is_alive("mine")
    assert list(tmp_path.rglob("*.lock")) == []


def test_two_processes_cannot_be_one_run(tmp_path: Path) -> None:
    """An id that is taken by a living run is refused."""
    leases = Leases(tmp_path, "same")
    leases.hold()
    with pytest.raises(OutputError, match="'same'"):
        Leases(tmp_path, "same").hold()
    leases.release()


def test_another_directory_is_another_owner(tmp_path: Path) -> None:
    """Who cannot see each other's locks does not sweep for each other; an owner stays the same."""
    one, two = Leases(tmp_path / "1", "r").owner, Leases(tmp_path / "2", "r").owner
    assert one != two
    assert Leases(tmp_path / "1", "q").owner == one


@pytest.mark.parametrize("run", ["../outside", "/etc/passwd", ""])
def test_a_label_leads_nowhere_else(tmp_path: Path, run: str) -> None:
    """Run ids come from labels that anybody can write: one with a path in it touches no file elsewhere."""
    (tmp_path / "outside.lock").touch()
    leases = Leases(tmp_path, "mine")
    assert not leases.is_alive(run)
    leases.forget(run)
    assert (tmp_path / "outside.lock").exists()


def test_old_locks_of_the_dead_are_pruned(tmp_path: Path) -> None:
    """Files of dead runs do not pile up; a living run's and a young one are spared."""
    leases = Leases(tmp_path, "living")
    leases.hold()
    runs = tmp_path / "runs"
    for name in ("old", "young"):
        (runs / f"{name}.lock").touch()
    now = (runs / "young.lock").stat().st_mtime
    for name in ("old", "living"):
        os.utime(runs / f"{name}.lock", (now - 90000, now - 90000))
    leases.prune(now)
    assert {path.stem for path in runs.glob("*.lock")} == {"young", "living"}
    leases.release()


def test_a_state_directory_that_cannot_be_used(tmp_path: Path) -> None:
    """A file in the directory's place is the machine's error and has a hint."""
    (tmp_path / "runs").touch()
    with pytest.raises(OutputError) as caught:
        Leases(tmp_path, "r").hold()
    assert caught.value.hint
