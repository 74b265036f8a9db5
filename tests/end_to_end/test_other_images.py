"""Cells of a C library and of an interpreter that the usual images have not: musl, and PyPy."""

from pathlib import Path

import pytest
from clean_room import CleanRoom
from image_source import ImageSource
from runner_process import run_build, run_command
from sample_projects import linked_project, write_project

from matrix_runner.model.cells import Cell

pytestmark = pytest.mark.own_images

_IMPORT = "/venv/bin/python -c 'import answer; assert answer.answer() == 42'"


@pytest.mark.parametrize("suffix", ["c", "cpp"])
@pytest.mark.parametrize("identifier", ["cp313-musllinux_x86_64", "pp311-manylinux_x86_64"])
def test_a_wheel_with_a_grafted_library(
    images: ImageSource, clean_room: CleanRoom, tmp_path: Path, identifier: str, suffix: str
) -> None:
    """Built, repaired, tested; it works where neither compiler nor library is, and inspect finds nothing amiss."""
    project = write_project(tmp_path / "project", linked_project(suffix))
    ended = run_build(project, tmp_path / "out", *images.only(identifier))
    assert ended.code == 0, ended.output
    (wheel,) = ended.wheels
    tags = {"cp313-musllinux_x86_64": "cp313-cp313-musllinux_1_2_", "pp311-manylinux_x86_64": "pp311-pypy311_pp73-many"}
    assert tags[identifier] in wheel.name
    with clean_room.open(Cell.parse(identifier)) as tester:
        tester.put(wheel)
        tester.install("answer")
        tester.run(_IMPORT)
    inspected = run_command("inspect", "-v", wheel)
    assert inspected.returncode == 0, inspected.stderr
    assert "libgift" in inspected.stdout
    # Grafted: no C library, nor a compiler's that each system has.
    assert "libc-" not in inspected.stdout
