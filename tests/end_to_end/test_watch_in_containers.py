"""`runner watch` with containers: an overtaken run leaves none, and what has been built before comes from the cache."""

from pathlib import Path

from image_source import ImageSource
from runner_process import report_dir
from sample_projects import extension_project, write_project
from started_build import containers, processes, wait_for
from watched_build import RESTING, watched_build

CELL = "cp311-manylinux_x86_64"


def run_ids(lines: list[str]) -> list[str]:
    """Return the ids of the runs that have begun."""
    return [line.rpartition(" run ")[2] for line in lines if " to build, " in line]


def test_an_overtaken_run_leaves_no_container(images: ImageSource, tmp_path: Path) -> None:
    """Its container is gone when the next run has ended, which builds the change."""
    files = extension_project(settings='before-build = "echo begins; sleep 86394"')
    project = write_project(tmp_path / "project", files)
    log = report_dir(tmp_path / "out") / "logs" / f"{CELL}.log"
    with watched_build(project, tmp_path / "out", *images.only(CELL)) as build:
        wait_for(lambda: log.exists() and "\nbegins" in log.read_text("utf-8"), 300, "it has not begun")
        (project / "pyproject.toml").write_text(extension_project()["pyproject.toml"])
        lines = build.wait_for(RESTING, 300)
        first, second = run_ids(build.lines)
        assert any("pyproject.toml changed: what ran is stopped" in line for line in lines)
        assert (containers(first), containers(second), processes("86394")) == ((), (), ())
        assert any(line.startswith("1 wheel") for line in lines)
        assert build.end() == 0


def test_a_change_that_is_taken_back(images: ImageSource, tmp_path: Path) -> None:
    """What was built of the same files is not built again."""
    project = write_project(tmp_path / "project", extension_project())
    source = project / "answer.c"
    before = source.read_text("utf-8")
    kept = {"MATRIX_RUNNER_NO_CACHE": "0", "MATRIX_RUNNER_CACHE_DIR": str(tmp_path / "cache")}
    with watched_build(project, tmp_path / "out", *images.only(CELL), **kept) as build:
        build.wait_for(RESTING, 300)
        source.write_text(before.replace("42", "43"))
        assert any("passed" in line for line in build.wait_for(RESTING, 300))
        source.write_text(before)
        lines = build.wait_for(RESTING, 300)
        assert any(line.startswith("cached") and CELL in line for line in lines), lines
        assert build.end() == 0
