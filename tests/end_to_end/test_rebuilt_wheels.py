"""`runner verify`: a second build, from another place, makes the same bytes; and what differs is named."""

import re
import shutil
from pathlib import Path

import pytest
from image_source import ImageSource
from runner_process import leftovers, run_build, run_command
from sample_projects import CMAKE, CYTHON, HATCH, MESON, RUST, Files, extension_project, linked_project, write_project

CELL = "cp311-manylinux_x86_64"
# Debug information has paths of sources and of headers in it.
FLAGS = 'environment = { CFLAGS = "-g", CXXFLAGS = "-g" }\n'
C_FILE = {"answer.c": extension_project()["answer.c"]}
PROJECTS: dict[str, Files] = {
    "c": linked_project("c"),
    "cpp": linked_project("cpp"),
    "cython": CYTHON,
    "meson": {**MESON, **C_FILE},
    "cmake": {**CMAKE, **C_FILE},
    "hatch": {**HATCH, **C_FILE},
    "rust": RUST,
}


def with_flags(files: Files) -> Files:
    """Return a project that is compiled with debug information."""
    table = "[tool.matrix-runner]\n"
    return {**files, "pyproject.toml": files["pyproject.toml"].replace(table, table + FLAGS)}


@pytest.mark.parametrize("name", PROJECTS)
def test_a_second_build_makes_the_same_bytes(images: ImageSource, tmp_path: Path, name: str) -> None:
    """Of each backend, with grafted libraries and debug information, or as the backend left them.

    Whatever the directory, the time, the cache and the rights of files.
    """
    project = write_project(tmp_path / "one" / "project", with_flags(PROJECTS[name]))
    built = run_build(project, tmp_path / "out", *images.only(CELL))
    assert built.code == 0, built.output
    other = tmp_path / "elsewhere" / "checkout of another"
    other.parent.mkdir()
    shutil.copytree(project, other)
    for path in other.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    (tmp_path / "one").rename(tmp_path / "gone")
    done = run_command("verify", other, *built.wheels, *images.flags, XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = built.wheels
    assert f"same     {wheel.name}" in done.stdout
    assert "1 of 1 wheels are the same, byte for byte" in done.stdout
    assert leftovers(re.findall(r"workers?, run (\w+)", done.stdout)[0]) == ()


def test_a_planted_difference_is_found(images: ImageSource, tmp_path: Path) -> None:
    """By the member, its section, and the text in it; the wheels stay as they are."""
    files = extension_project(settings=FLAGS)
    files["answer.c"] = files["answer.c"].replace('"The answer."', '"The answer, of monday."')
    project = write_project(tmp_path / "project", files)
    built = run_build(project, tmp_path / "project" / "wheelhouse", *images.only(CELL))
    assert built.code == 0, built.output
    (wheel,) = built.wheels
    before = wheel.read_bytes()
    (project / "answer.c").write_text(files["answer.c"].replace("monday", "friday"))
    output = str(project / "wheelhouse")
    done = run_command("verify", project, *images.flags, MATRIX_RUNNER_OUTPUT_DIR=output)
    assert done.returncode == 5, done.stdout + done.stderr
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("differs"))
    assert wheel.name in line
    assert "answer.cpython-311-x86_64-linux-gnu.so (constants, such as a time or a path: " in line
    assert "'The answer, of friday.' in place of 'The answer, of monday.'" in line
    assert "0 of 1 wheels are the same, byte for byte" in done.stdout
    assert wheel.read_bytes() == before


def test_a_cell_that_fails_is_told(images: ImageSource, tmp_path: Path) -> None:
    """Its wheel is missing, and the exit code is that of a run with a failed cell."""
    project = write_project(tmp_path / "project", extension_project())
    built = run_build(project, tmp_path / "out", *images.only(CELL))
    (project / "answer.c").write_text("#error no more\n")
    done = run_command("verify", project, *built.wheels, *images.flags)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"missing  {built.wheels[0].name}: exit status 1: " in done.stdout
