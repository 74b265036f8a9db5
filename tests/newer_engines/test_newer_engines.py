"""Whole runs on an engine of another generation: wheels, images that are kept, and every way to be interrupted."""

import os
import signal
import subprocess
from pathlib import Path

import pytest
from rig import Rig
from runner_process import EXAMPLE, NO_ENGINE, runner_argv, runner_environ
from sample_projects import extension_project, write_project

WIDE, NARROW = "cp311-manylinux_x86_64", "cp311-manylinux_i686"
ONLY = ("--only", f"{WIDE} {NARROW}")

SLOW = """
before-all = "echo before-all begins; sleep 8; touch {project}/prepared"
before-build = "test -e {project}/prepared; echo before-build begins; sleep 8"
test-command = "python -c 'import answer; assert answer.answer() == 42'"
"""


def slow_project(directory: Path) -> Path:
    """Write a project with time to interrupt it."""
    return write_project(directory, extension_project(settings=SLOW))


def test_the_example_project(rig: Rig, tmp_path: Path) -> None:
    """Both widths, with `before-all`, a graft and tests; what is unchanged is not built, what is prepared serves."""
    kept = {"MATRIX_RUNNER_NO_CACHE": "0", "MATRIX_RUNNER_CACHE_DIR": str(tmp_path / "cache")}
    first = rig.build(EXAMPLE, tmp_path / "out", *ONLY, **kept)
    assert first.code == 0, first.output
    assert len(first.wheels) == 2
    again = rig.build(EXAMPLE, tmp_path / "out", *ONLY, **kept)
    assert again.code == 0, again.output
    assert {cell["status"] for cell in again.cells.values()} == {"cached"}
    anew = rig.build(EXAMPLE, tmp_path / "out", *ONLY, "--rebuild", "*", **kept)
    assert anew.code == 0, anew.output
    assert "before-all is not run for" in anew.output
    assert rig.is_clean()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_nothing_is_left_running(rig: Rig, tmp_path: Path, number: signal.Signals, code: int) -> None:
    """However the run ends."""
    with rig.started(slow_project(tmp_path / "project"), tmp_path / "out", *ONLY) as run:
        run.reached("before-all begins")
        run.process.send_signal(number)
        assert run.ended().code == code
    assert rig.is_clean()


@pytest.mark.parametrize("moment", ["before-all begins", "before-build begins"])
def test_an_engine_that_restarts(rig: Rig, tmp_path: Path, moment: str) -> None:
    """Its containers are gone; the cells begin anew, and the run completes."""
    with rig.started(slow_project(tmp_path / "project"), tmp_path / "out", *ONLY) as run:
        run.reached(moment)
        rig.restart()
        ended = run.ended()
    assert ended.code == 0, ended.output
    assert len(ended.wheels) == 2
    assert rig.is_clean()


def test_the_commands_about_the_engine(rig: Rig, tmp_path: Path) -> None:
    """The doctor names the engine and the images made here; what is kept is listed and cleared."""

    def command(*arguments: str) -> str:
        # Of this engine and of a directory of this test's: nothing that the user has kept is cleared.
        others = {name: value for name, value in NO_ENGINE.items() if name not in os.environ}
        environ = runner_environ(XDG_CACHE_HOME=str(tmp_path), **others)
        done = subprocess.run(runner_argv(*arguments), env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    # Not the user's cache, in which the cell may be from another engine: then nothing would be prepared.
    kept = {"MATRIX_RUNNER_NO_CACHE": "0", "MATRIX_RUNNER_CACHE_DIR": str(tmp_path / "cells")}
    ended = rig.build(slow_project(tmp_path / "project"), tmp_path / "out", "--only", WIDE, **kept)
    assert ended.code == 0, ended.output
    doctor = command("doctor")
    assert f"{rig.name.partition('-')[0]} " in doctor
    assert "matrix-runner/manylinux_2_31_x86_64:latest" in doctor
    assert "matrix-runner/prepared" not in doctor
    assert "matrix-runner/prepared" in command("cache", "list")
    command("cache", "clear", "--yes")
    assert "matrix-runner/prepared" not in command("cache", "list")
