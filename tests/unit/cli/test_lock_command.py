"""`runner lock` and `--locked` as far as no engine is needed: what is in force, and what is refused."""

import json
from pathlib import Path

import pytest
from runner_process import NO_ENGINE, run_command
from sample_locks import answer, resolved

from matrix_runner.locking.lock_file import write_lock
from matrix_runner.locking.lock_merge import merge
from matrix_runner.locking.lock_values import Group, Lock, LockedImage
from matrix_runner.model.cells import Cell

CELL = "cp311-manylinux_x86_64"
IMAGE = "registry.example/manylinux_2_28_x86_64"
DIGEST = f"sha256:{'1' * 64}"
PROJECT = f"""\
[build-system]
requires = ["setuptools"]

[project]
name = "demo"
version = "1"

[tool.matrix-runner]
build = "{CELL}"
locked = true
image = "{IMAGE}:latest"
"""


@pytest.fixture(name="project")
def _project(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    one = answer(CELL, {Group.BUILD: (resolved("setuptools", "80"),), Group.TOOLS: (resolved("pip"),)})
    lock = merge(Lock(), [one], upgraded=(), everything=False)
    image = LockedImage(name=f"{IMAGE}:latest", arch="x86_64", reference=f"{IMAGE}:latest", digest=DIGEST)
    assert lock.groups(Cell.parse(CELL))
    text = write_lock(Lock(images=(image,), environments=lock.environments, packages=lock.packages))
    (tmp_path / "matrix-runner.lock").write_text(text)
    return tmp_path


def told(project: Path, command: str, *words: str) -> tuple[int, str, str]:
    """Run a command on the project."""
    first = (CELL, str(project)) if command == "explain" else (str(project),)
    done = run_command(command, *first, *words, **NO_ENGINE)
    return done.returncode, done.stdout, done.stderr


def test_a_plan_that_the_lock_agrees_with(project: Path) -> None:
    """It has the lock's image, by its digest, and says what it is held to."""
    code, out, errors = told(project, "plan")
    assert (code, errors) == (0, "")
    assert out.endswith("held to matrix-runner.lock: its images, and each requirement by its hash\n")
    document = json.loads(told(project, "plan", "--json")[1])
    assert document["lock"] == {"file": "matrix-runner.lock", "drift": []}
    assert document["jobs"][0]["image"] == f"{IMAGE}:latest@{DIGEST}"


def test_a_plan_that_it_does_not_agree_with(project: Path) -> None:
    """A plan says so; a build refuses, and so does one of a cell that is not locked."""
    (project / "pyproject.toml").write_text(PROJECT.replace('"setuptools"', '"setuptools>=90"'))
    line = f"matrix-runner.lock: build requires setuptools>=90, and the lock has 80 ({CELL})"
    code, out, errors = told(project, "plan")
    assert (code, errors) == (0, f"warning: {line}\n")
    assert out.endswith("; a build refuses, as they disagree\n")
    code, out, errors = told(project, "explain", "--json")
    assert (code, json.loads(out)["lock"]["drift"]) == (0, [line])


def test_a_cells_part_is_explained(project: Path) -> None:
    """Image and versions, by group."""
    code, out, _ = told(project, "explain")
    assert code == 0
    assert "  build: setuptools==80\n  tools: pip==1\n" in out
    assert json.loads(told(project, "explain", "--json")[1])["lock"]["groups"] == {
        "build": ["setuptools==80"],
        "tools": ["pip==1"],
    }


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "has no matrix-runner.lock\nhint: `runner lock` makes it"),
        (b"version = 1\n[[packages", "matrix-runner.lock: it cannot be read: "),
        (b"\xff\xfe", "matrix-runner.lock: it is not UTF-8 at byte 0"),
        (b"version = 7\n", "matrix-runner.lock: its format has version 7; this release reads 1"),
    ],
)
def test_a_lock_that_cannot_be_used(project: Path, content: bytes | None, said: str) -> None:
    """Stops every command that is held to it, in plain words, and stays as it is."""
    file = project / "matrix-runner.lock"
    file.unlink() if content is None else file.write_bytes(content)
    for command in ("plan", "explain", "build"):
        code, _, errors = told(project, command)
        assert code == (4 if command == "build" else 2), errors
        assert command == "build" or said in errors
        assert "Traceback" not in errors
    assert not file.exists() if content is None else file.read_bytes() == content


def test_an_sdist_cannot_be_locked(tmp_path: Path) -> None:
    """It is made anew each time, and has no place for the file."""
    (tmp_path / "demo-1.tar.gz").write_bytes(b"")
    done = run_command("lock", tmp_path / "demo-1.tar.gz", **NO_ENGINE)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
