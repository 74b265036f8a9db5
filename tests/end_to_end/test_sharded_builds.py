"""Shards that are built one by one, as CI jobs do, and collected: complete, or refused by what is wrong with them."""

import shutil
import subprocess
from pathlib import Path

import pytest
from image_source import ImageSource
from runner_process import run_build, run_command
from sample_projects import extension_project, write_project
from wheel_builder import build_wheel

CELLS = ("cp311-manylinux_x86_64", "cp313-manylinux_x86_64", "cp311-manylinux_i686", "cp313-manylinux_i686")


class Shards:
    """The outputs of two shards of a project, and copies of them in which something is wrong."""

    def __init__(self, directory: Path, project: Path, images: ImageSource) -> None:
        """`directory`: with a directory for each shard."""
        self.directory = directory
        self._project = project
        self._flags = (*images.only(*CELLS), "--archs", "x86_64 i686")

    def collect(self, directory: Path) -> "subprocess.CompletedProcess[str]":
        """Collect what is in a directory."""
        output = directory.with_name(f"{directory.name}-collected")
        return run_command(
            "collect", directory, "--check", "--package", self._project, *self._flags, "--output-dir", output
        )

    def copy(self, name: str) -> Path:
        """Return a copy of all outputs."""
        return Path(shutil.copytree(self.directory, self.directory.with_name(name)))

    def refusal(self, directory: Path) -> str:
        """Return the only thing that is said against a directory, from which nothing is written."""
        done = self.collect(directory)
        assert done.returncode == 5, done.stdout + done.stderr
        assert not directory.with_name(f"{directory.name}-collected").exists()
        (line,) = (line for line in done.stderr.splitlines() if line.startswith("error: "))
        return line.removeprefix("error: ")


@pytest.fixture(scope="module", name="shards")
def _shards(images: ImageSource, tmp_path_factory: pytest.TempPathFactory) -> Shards:
    place = tmp_path_factory.mktemp("shards")
    project = write_project(place / "project", extension_project())
    flags = (*images.only(*CELLS), "--archs", "x86_64 i686")
    for number in (1, 2):
        built = run_build(project, place / f"outputs/{number}/wheelhouse", *flags, "--shard", f"{number}/2")
        assert built.code == 0, built.output
        assert f"shard {number}/2 has 2 of 4 cells" in built.output
        assert len(built.wheels) == 2
    return Shards(place / "outputs", project, images)


def test_all_shards_together_are_the_whole(shards: Shards) -> None:
    """Four cells' wheels in one directory, with sums that `sha256sum` confirms, and one report of both runs."""
    done = shards.collect(shards.directory)
    assert done.returncode == 0, done.stdout + done.stderr
    output = shards.directory.with_name("outputs-collected")
    wheels = sorted(output.glob("*.whl"))
    assert len(wheels) == 4
    report = output.with_name("outputs-collected-report")
    subprocess.run(("sha256sum", "--check", "--strict", report / "SHA256SUMS"), cwd=output, check=True)
    again = run_command("verify", "--provenance", "--statements", report, *wheels)
    assert again.returncode == 0, again.stderr
    summary = run_command("report", report)
    assert [cell in summary.stdout for cell in CELLS] == [True] * 4


def test_a_wheel_is_missing(shards: Shards) -> None:
    """By its name and its cell."""
    copy = shards.copy("missing")
    wheel = min(copy.glob("1/wheelhouse/*.whl"))
    wheel.unlink()
    assert shards.refusal(copy).startswith(f"{wheel.name} is missing, the wheel of cp31")


def test_a_wheel_is_there_twice(shards: Shards) -> None:
    """With both places."""
    copy = shards.copy("twice")
    wheel = min(copy.glob("1/wheelhouse/*.whl"))
    (copy / "3").mkdir()
    shutil.copy(wheel, copy / "3")
    assert shards.refusal(copy).startswith(f"{wheel.name} is there 2 times, the same file: in ")


def test_a_wheel_was_altered(shards: Shards) -> None:
    """It is whole by itself, and not that which was built."""
    copy = shards.copy("altered")
    wheel = min(copy.glob("2/wheelhouse/*.whl"))
    build_wheel(wheel.parent, wheel.name)
    assert shards.refusal(copy).startswith(f"{wheel.name} is another file than ")


def test_a_shard_of_another_version(shards: Shards, images: ImageSource) -> None:
    """Though every cell has its wheel, and both were built from what was there."""
    refusal = _with_other_shard(shards, images, "pyproject.toml", 'version = "1.0"', 'version = "1.1"')
    assert "is of answer 1.1, and most of the files are of answer 1.0" in refusal


def test_a_shard_of_another_source(shards: Shards, images: ImageSource) -> None:
    """Though it is of the same version."""
    refusal = _with_other_shard(shards, images, "answer.c", '"The answer."', '"The other answer."')
    assert "was of another source than that in" in refusal


def _with_other_shard(shards: Shards, images: ImageSource, file: str, old: str, new: str) -> str:
    """Return what is said of a second shard that is of a changed project."""
    files = extension_project()
    assert old in files[file]
    copy = shards.copy(f"other-{file}")
    shutil.rmtree(copy / "2")
    project = write_project(copy.with_name(f"project-{file}"), {**files, file: files[file].replace(old, new)})
    flags = (*images.only(*CELLS), "--archs", "x86_64 i686", "--shard", "2/2")
    built = run_build(project, copy / "2/wheelhouse", *flags)
    assert built.code == 0, built.output
    done = shards.collect(copy)
    assert done.returncode == 5, done.stdout + done.stderr
    return done.stderr
