"""The output directory under fault: read-only, full, shared by two runs, its writer killed."""

import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from small_disk import AS_ROOT, small_disk
from wheel_builder import X86_64, build_wheel

from matrix_runner.errors import ExitCode, OutputError
from matrix_runner.wheelhouse import Wheelhouse
from matrix_runner.wheelhouse.inspection import inspect

PUBLISHER = """
import sys
from pathlib import Path
from matrix_runner.errors import OutputError
from matrix_runner.wheelhouse import Wheelhouse
from matrix_runner.wheelhouse.inspection import inspect

out, staging, rounds, *wheels = sys.argv[1:]
pairs = [(Path(wheel), inspect(Path(wheel))) for wheel in wheels]
done = refused = 0
sys.stdout.write("ready\\n")
sys.stdout.flush()
while done < int(rounds):
    try:
        for wheel, contents in pairs:
            with Wheelhouse(Path(out), overwrite=True, staging=Path(staging)) as house:
                house.publish(wheel, contents)
        done += 1
    except OutputError as error:
        if "another run is writing" not in error.message:
            raise
        refused += 1
"""


@contextmanager
def _publisher(tmp_path: Path, rounds: int, *wheels: Path) -> Iterator["subprocess.Popen[str]"]:
    """A process that publishes the wheels in turn, that many times, and has begun to."""
    with subprocess.Popen(
        [sys.executable, "-c", PUBLISHER, tmp_path / "out", tmp_path / "staging", str(rounds), *wheels],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def _variants(tmp_path: Path, size: int) -> tuple[Path, Path]:
    """Two different wheels of one name."""
    wheels = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        wheels.append(build_wheel(tmp_path / name, files={"demo/data": os.urandom(size)}))
    return wheels[0], wheels[1]


def test_a_read_only_directory_stops_the_run_before_it_builds(tmp_path: Path) -> None:
    """Entering the wheelhouse fails with exit code 4 and the cause, so nothing is built in vain."""
    with small_disk(tmp_path / "out", "ro") as out:
        house = Wheelhouse(out, overwrite=False, staging=tmp_path / "staging")
        with pytest.raises(OutputError, match="Read-only file system") as caught, house:
            pass
    assert caught.value.exit_code is ExitCode.ENVIRONMENT
    assert "--output-dir" in (caught.value.hint or "")


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    """The wheel stays in staging, nothing half-written appears, older wheels stay; with room, a rerun converges."""
    wheel, _ = _variants(tmp_path, 2 * 1024**2)
    small = build_wheel(tmp_path, X86_64.replace("1.0", "0.9"))
    with small_disk(tmp_path / "out", "size=1m") as out:
        with Wheelhouse(out, overwrite=False, staging=tmp_path / "staging") as house:
            house.publish(small, inspect(small))
            with pytest.raises(OutputError, match="No space left") as caught:
                house.publish(wheel, inspect(wheel))
            assert [record.name for record in house.published()] == [small.name]
        assert str(wheel.parent) in (caught.value.hint or "")
        assert wheel.exists()
        assert [path.name for path in out.iterdir()] == [small.name]
        subprocess.run([*AS_ROOT, "mount", "-o", "remount,size=8m", out], check=True)
        with Wheelhouse(out, overwrite=False, staging=tmp_path / "staging") as house:
            house.publish(wheel, inspect(wheel))
        assert (out / X86_64).read_bytes() == wheel.read_bytes()


def test_a_disk_without_any_room_stops_the_run_before_it_builds(tmp_path: Path) -> None:
    """A disk that is full already is found at the start, and nothing is left on it."""
    with small_disk(tmp_path / "out", "size=64k") as out:
        assert shutil.disk_usage(out).total == 65536
        (out / "filler").write_bytes(bytes(65536))
        house = Wheelhouse(out, overwrite=False, staging=tmp_path / "staging")
        with pytest.raises(OutputError, match="No space left"), house:
            pass
        assert [path.name for path in out.iterdir()] == ["filler"]


def test_a_second_run_is_refused(tmp_path: Path) -> None:
    """While a run has the directory, another is refused at once; afterwards it may."""
    with Wheelhouse(tmp_path / "out", overwrite=False, staging=tmp_path / "staging"):
        for _ in range(2):
            second = Wheelhouse(tmp_path / "out", overwrite=False, staging=tmp_path / "staging2")
            with pytest.raises(OutputError, match="another run is writing to"), second:
                pass
    with Wheelhouse(tmp_path / "out", overwrite=False, staging=tmp_path / "staging"):
        pass
    assert list((tmp_path / "out").iterdir()) == []


def test_two_processes_never_interleave(tmp_path: Path) -> None:
    """Two processes publish different wheels of one name, fifty times each: at every moment one of them is there."""
    first, second = _variants(tmp_path, 64 * 1024)
    whole = {first.read_bytes(), second.read_bytes()}
    target = tmp_path / "out" / X86_64
    seen = set()
    with _publisher(tmp_path, 50, first) as one, _publisher(tmp_path, 50, second) as other:
        while one.poll() is None or other.poll() is None:
            if target.exists():
                seen.add(target.read_bytes())
        assert (one.wait(), other.wait()) == (0, 0)
    assert seen
    assert seen <= whole
    assert [path.name for path in target.parent.iterdir()] == [X86_64]


def test_a_killed_publisher_leaves_no_half_written_wheel(tmp_path: Path) -> None:
    """SIGKILL at any point: the name holds one whole wheel, and the next run cleans up and gets the lock."""
    first, second = _variants(tmp_path, 2 * 1024**2)
    whole = {first.read_bytes(), second.read_bytes()}
    target = tmp_path / "out" / X86_64
    leftovers = 0
    for kills in itertools.count(1):
        with _publisher(tmp_path, 10**6, first, second) as process:
            time.sleep(0.007 * (kills % 13))
            process.send_signal(signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL
        leftovers += len(list(target.parent.glob(".matrix-runner-*.partial")))
        if target.exists():
            assert target.read_bytes() in whole
        with Wheelhouse(tmp_path / "out", overwrite=False, staging=tmp_path / "staging"):
            assert not list(target.parent.glob(".matrix-runner-*.partial"))
        if kills >= 12 and leftovers:
            break
        assert kills < 200, "no kill ever met a wheel that was half-written"
    assert target.exists()
