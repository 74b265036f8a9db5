"""The tutorial, followed to its end: what it promises comes true, in its own words."""

from pathlib import Path

import pytest
from image_source import ImageSource
from runner_process import run_build, run_command
from tutorial import missing, project, shown

CELL = "cp313-manylinux_x86_64"


@pytest.fixture
def kept(tmp_path: Path) -> dict[str, str]:
    """Variables by which runs keep what they have built, as they do for everybody, in places of this test's own."""
    return {
        "MATRIX_RUNNER_NO_CACHE": "false",
        "MATRIX_RUNNER_CACHE_DIR": str(tmp_path / "cache"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
    }


def test_the_tutorial_comes_true(tmp_path: Path, images: ImageSource, kept: dict[str, str]) -> None:
    """One wheel, then all; a mistake with its place; and once it is mended, everything from the cache."""
    dice = project(tmp_path / "dice")
    wheelhouse = dice / "wheelhouse"
    one = images.only(CELL)
    every = images.only(*(cell for cell in images.cells if cell.startswith(("cp311-", "cp313-"))))

    built = run_build(dice, wheelhouse, *one, **kept)
    assert built.code == 0, built.output
    assert missing(shown("4. Build one"), built.output.replace(f"{dice}/", "")) == [], built.output
    inspected = run_command("inspect", *built.wheels)
    assert "installs on    glibc 2.5 or newer, x86_64" in inspected.stdout

    all_of_them = run_build(dice, wheelhouse, *every, **kept)
    assert all_of_them.code == 0, all_of_them.output
    assert all_of_them.cells[CELL]["status"] == "cached"
    assert len(all_of_them.wheels) == len(all_of_them.cells) > 3

    right = (dice / "dice.c").read_text("utf-8")
    (dice / "dice.c").write_text(right.replace("rand() % count);", "rand() % count)"), encoding="utf-8")
    broken = run_build(dice, wheelhouse, *one, **kept)
    assert broken.code == 1, broken.output
    assert missing(shown("6. Break it"), broken.output.replace(f"{dice}/", "")) == [], broken.output

    (dice / "dice.c").write_text(right, encoding="utf-8")
    mended = run_build(dice, wheelhouse, *every, **kept)
    assert mended.code == 0, mended.output
    assert {cell["status"] for cell in mended.cells.values()} == {"cached"}
