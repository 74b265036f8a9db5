"""A workspace in real containers: a package compiles against another one's wheel, in 64 and 32 bits."""

import subprocess
from pathlib import Path

import pytest
from image_source import ImageSource
from runner_process import Ended, run_build, runner_argv, runner_environ
from sample_projects import write_project
from sample_workspace import sample_workspace

SQUARES = ("cp311-manylinux_x86_64", "cp311-manylinux_i686")
CORE, PLUGIN, LONE = "sample-core", "sample-plugin", "lone"


class Monorepo:
    """A workspace on disk, built as often as a test says, with one cache."""

    def __init__(self, directory: Path, images: ImageSource) -> None:
        """`directory`: for the workspace, its outputs and the cache."""
        self.top = write_project(directory / "top", sample_workspace())
        self._directory = directory
        self.flags = (*images.flags, "--archs", "x86_64 i686", "--only", "cp311-manylinux_*", "--overwrite")
        self.environ = {"MATRIX_RUNNER_NO_CACHE": "0", "XDG_CACHE_HOME": str(directory / "cache")}

    def build(self, *words: str, package: str = "", output: str = "out/wheelhouse") -> Ended:
        """Build the workspace, or a package of it."""
        return run_build(self.top / package, self._directory / output, *self.flags, *words, **self.environ)

    def run(self, *words: "str | Path") -> "subprocess.CompletedProcess[str]":
        """Run another command in the top directory."""
        environ = runner_environ(**self.environ)
        return subprocess.run(
            runner_argv(*words), cwd=self.top, env=environ, capture_output=True, text=True, check=False
        )


def cells(*packages: str) -> set[str]:
    """Return the identifiers of all cells of packages."""
    return {f"{package}:{square}" for package in packages for square in SQUARES}


def of_status(ended: Ended, status: str) -> set[str]:
    """Return the cells of a run that ended so."""
    return {cell for cell, record in ended.cells.items() if record["status"] == status}


@pytest.fixture(scope="module", name="built")
def _built(images: ImageSource, tmp_path_factory: pytest.TempPathFactory) -> tuple[Monorepo, Ended]:
    monorepo = Monorepo(tmp_path_factory.mktemp("monorepo"), images)
    return monorepo, monorepo.build()


def test_a_package_is_built_against_the_wheel_of_another(built: tuple[Monorepo, Ended]) -> None:
    """All pass, the plugin's tests too; its installer took the wheel from where it was brought, in both widths."""
    monorepo, first = built
    assert first.code == 0, first.output
    assert of_status(first, "passed") == cells(CORE, PLUGIN, LONE)
    assert len(first.wheels) == 6
    for square in SQUARES:
        log = (first.report_directory / f"logs/{PLUGIN}.{square}.log").read_text("utf-8")
        assert "sample-core==1.2 (from file:///matrix/needed/" in log
    assert monorepo.run("logs", "--report-dir", first.report_directory, f"{LONE}:{SQUARES[0]}").returncode == 0


def test_a_second_run_builds_nothing(built: tuple[Monorepo, Ended]) -> None:
    """The whole of it comes from the cache, and so does a package that is named alone, with what it needs."""
    monorepo, first = built
    again = monorepo.build(output="again/wheelhouse")
    assert of_status(again, "cached") == cells(CORE, PLUGIN, LONE), again.output
    assert [wheel.read_bytes() for wheel in again.wheels] == [wheel.read_bytes() for wheel in first.wheels]
    alone = monorepo.build(package="plugin", output="alone/wheelhouse")
    assert of_status(alone, "cached") == set(alone.cells) == cells(CORE, PLUGIN)


def test_one_changed_file_builds_what_depends_on_it(built: tuple[Monorepo, Ended], tmp_path: Path) -> None:
    """The package, and the one that needs its wheel; then a mistake in it, which costs just these two."""
    monorepo, _ = built
    header = monorepo.top / "core/sample_core/sample_core.h"
    before = header.read_text()
    header.write_text("#define SAMPLE_ANSWER 61\n")
    changed = monorepo.build(output="changed/wheelhouse")
    assert of_status(changed, "passed") == cells(CORE, PLUGIN), changed.output
    assert of_status(changed, "cached") == cells(LONE)
    header.write_text("#error this header is broken\n")
    broken = monorepo.build(output=str(tmp_path / "broken"))
    header.write_text(before)
    assert broken.code == 1
    assert of_status(broken, "failed") == cells(CORE, PLUGIN)
    failure = broken.cells[f"{PLUGIN}:{SQUARES[0]}"]["failure"]
    assert isinstance(failure, dict)
    assert failure["reason"] == "needed"
    assert failure["message"] == f"sample-core is needed for it, and {CORE}:{SQUARES[0]} did not pass"


def test_shards_keep_together_what_needs_each_other(built: tuple[Monorepo, Ended], tmp_path: Path) -> None:
    """Each job's part is whole by itself, and all of them together are the workspace."""
    monorepo, _ = built
    outputs = tmp_path / "shards"
    for number in (1, 2, 3):
        part = monorepo.build("--shard", f"{number}/3", output=str(outputs / f"{number}/wheelhouse"))
        assert part.code == 0, part.output
        assert len(part.cells) == 2
    flags = monorepo.flags[:-1]
    merged = monorepo.run("collect", outputs, "--check", *flags, "--output-dir", tmp_path / "all")
    assert merged.returncode == 0, merged.stderr
    assert len(list((tmp_path / "all").glob("*.whl"))) == 6
    next((outputs / "1").glob("wheelhouse/*.whl")).unlink()
    refused = monorepo.run("collect", outputs, "--check", *flags, "--output-dir", tmp_path / "lacking")
    assert refused.returncode == 5
    assert "is missing, the wheel of" in refused.stderr
