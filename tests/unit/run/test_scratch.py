"""Working directories die with their run, however it died; a living run's is never touched."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from matrix_runner.errors import MachineError
from matrix_runner.scratch import scratch_directory

_HOLD = """
import sys
from pathlib import Path
from matrix_runner.scratch import scratch_directory
with scratch_directory(Path(sys.argv[1]), sys.argv[2]) as directory:
    (directory / "file").write_text("x")
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(parent: Path, run: str) -> Iterator[subprocess.Popen[str]]:
    """Give a process that holds a working directory until its input ends or it is killed."""
    command = [sys.executable, "-c", _HOLD, str(parent), run]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_run_has_a_directory_of_its_own_and_leaves_nothing(tmp_path: Path) -> None:
    """It is there inside, below the parent which is made if need be, and gone afterwards, also after an error."""
    parent = tmp_path / "not/yet/there"
    with scratch_directory(parent, "r1") as directory:
        assert directory == parent / "r1"
        (directory / "deep/er").mkdir(parents=True)
    assert list(parent.iterdir()) == []
    with pytest.raises(ZeroDivisionError), scratch_directory(parent, "r2"):
        raise ZeroDivisionError
    assert list(parent.iterdir()) == []


def test_a_killed_runs_directory_is_swept(tmp_path: Path) -> None:
    """What a run that was killed left behind is removed when the next one starts."""
    with holder(tmp_path, "dead") as process:
        process.kill()
        process.wait()
    assert (tmp_path / "dead/file").exists()
    with scratch_directory(tmp_path, "next"):
        assert [path.name for path in tmp_path.iterdir()] == ["next"]


def test_a_living_runs_directory_is_left_alone(tmp_path: Path) -> None:
    """Two runs at a time do not sweep each other away, nor directories that are none of ours."""
    (tmp_path / "somebody").mkdir()
    (tmp_path / "somebody/file").write_text("x")
    with holder(tmp_path, "living"):
        with scratch_directory(tmp_path, "next"):
            assert sorted(path.name for path in tmp_path.iterdir()) == ["living", "next", "somebody"]
        assert (tmp_path / "living/file").exists()
    assert (tmp_path / "somebody/file").exists()


def test_a_parent_that_cannot_be_used_is_the_machines_fault(tmp_path: Path) -> None:
    """Where no directory can be made, the error says why and which variable moves it."""
    (tmp_path / "file").write_text("x")
    with (
        pytest.raises(MachineError, match="cannot make a working directory") as caught,
        scratch_directory(tmp_path / "file", "r"),
    ):
        pass
    assert caught.value.hint is not None
    assert "XDG_CACHE_HOME" in caught.value.hint
