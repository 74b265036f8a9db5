"""The example project, built for every Python 3 of the images, in 64- and 32-bit containers."""

import hashlib
import subprocess
import zipfile
from pathlib import Path

import pytest
from clean_room import CleanRoom
from image_source import ImageSource
from packaging.utils import parse_wheel_filename
from runner_process import EXAMPLE, REPOSITORY, Ended, leftovers, run_build

from matrix_runner.model.cells import Cell


def wheel_of(ended: Ended, cell: str) -> Path:
    """Return the wheel that a cell gave."""
    wheel = ended.cells[cell]["wheel"]
    assert isinstance(wheel, dict), ended.output
    return ended.directory / str(wheel["name"])


def shared_objects(wheel: Path) -> dict[str, bytes]:
    """Return the first bytes of every shared object in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name)[:20] for name in archive.namelist() if ".so" in name}


def test_one_wheel_for_each_cell(example: Ended, images: ImageSource) -> None:
    """Every Python 3 cell, 64- and 32-bit, gives one wheel, and the exit code is 0."""
    assert example.code == 0, example.output
    assert set(example.cells) == set(images.python_3)
    assert len(example.wheels) == len(images.python_3)


def test_names_and_tags_are_the_cells_own(example: Ended, images: ImageSource) -> None:
    """A wheel's interpreter, ABI and platform tags are those of the cell that made it."""
    for identifier in images.python_3:
        cell = Cell.parse(identifier)
        name, version, _, tags = parse_wheel_filename(wheel_of(example, identifier).name)
        assert (name, str(version)) == ("example-lz4", "1.0.0")
        assert {tag.interpreter for tag in tags} == {f"cp{cell.interpreter.major}{cell.interpreter.minor}"}
        assert {tag.abi for tag in tags} == {str(cell.interpreter)}
        for tag in tags:
            assert tag.platform.startswith(str(cell.platform.libc))
            assert tag.platform.endswith(str(cell.platform.arch))


def test_every_file_is_of_the_cells_machine(example: Ended, images: ImageSource) -> None:
    """A 32-bit wheel holds 32-bit ELF files only, a 64-bit one 64-bit ones only."""
    for identifier in images.python_3:
        arch = Cell.parse(identifier).platform.arch
        found = shared_objects(wheel_of(example, identifier))
        assert len(found) >= 2
        for name, header in found.items():
            assert header[:4] == b"\x7fELF", name
            assert header[4] == arch.bits // 32, f"{identifier}: {name}"
            assert int.from_bytes(header[18:20], "little") == arch.elf_machine, f"{identifier}: {name}"


def test_the_library_is_grafted(example: Ended, images: ImageSource) -> None:
    """Every wheel carries its own liblz4, and the report names it."""
    for identifier in images.python_3:
        wheel = wheel_of(example, identifier)
        grafted = [Path(name).name for name in shared_objects(wheel) if "example_lz4.libs/" in name]
        assert [name for name in grafted if name.startswith("liblz4-")], wheel.name
        record = example.cells[identifier]["wheel"]
        assert isinstance(record, dict)
        assert record["grafted"] == grafted


def test_wheels_work_where_nothing_else_is(example: Ended, images: ImageSource, clean_room: CleanRoom) -> None:
    """Each wheel installs without an index, and passes its tests, where there is neither compiler nor lz4."""
    tests = tuple((EXAMPLE / "tests").glob("*.py"))
    for identifier in images.python_3:
        with clean_room.open(Cell.parse(identifier)) as tester:
            assert "gone" in tester.run("command -v cc || ls /usr/lib/*/liblz4* 2>/dev/null || echo gone")
            tester.put(wheel_of(example, identifier), *tests)
            tester.install("example-lz4")
            assert "OK" in tester.run("cd /tmp && /venv/bin/python -m unittest discover -s /wheels 2>&1")


def test_sums_are_right(example: Ended) -> None:
    """SHA256SUMS holds for `sha256sum -c`, and the report has the same digests."""
    sums = example.report_directory.resolve() / "SHA256SUMS"
    subprocess.run(("sha256sum", "--check", "--strict", "--quiet", sums), cwd=example.directory, check=True)
    for cell in example.cells.values():
        wheel = cell["wheel"]
        assert isinstance(wheel, dict)
        assert hashlib.sha256((example.directory / str(wheel["name"])).read_bytes()).hexdigest() == wheel["sha256"]


def test_the_report_tells_the_whole_story(example: Ended) -> None:
    """report.json has each cell's steps, image, interpreter version and log."""
    for identifier, cell in example.cells.items():
        steps = cell["steps"]
        assert isinstance(steps, list)
        names = [step["step"] for step in steps]
        assert [name for name in names if name in {"build", "repair", "verify"}] == ["build", "repair", "verify"]
        assert names[-1] == "publish"
        assert str(cell["image_id"]).startswith("sha256:")
        python = Cell.parse(identifier).interpreter
        assert str(cell["python_version"]).startswith(f"{python.major}.{python.minor}.")
        assert f"=== {identifier}" in Path(str(cell["log"])).read_text("utf-8")


def test_before_all_ran_once_for_each_image(example: Ended) -> None:
    """`before-all` is a step of one cell of each architecture; the others start from what it left."""
    ran = [
        identifier
        for identifier, cell in example.cells.items()
        if any(step["step"] == "before-all" for step in cell["steps"])  # type: ignore[attr-defined]
    ]
    assert len(ran) == len({Cell.parse(identifier).platform for identifier in ran})
    assert {Cell.parse(i).platform for i in ran} == {Cell.parse(i).platform for i in example.cells}


def test_32_bit_cells_run_under_linux32(example: Ended) -> None:
    """Build directories of 32-bit cells are named i686: `uname -m` said so to setuptools."""
    for identifier in example.cells:
        if identifier.endswith("i686"):
            log = (example.report_directory / "logs" / f"{identifier}.log").read_text("utf-8", errors="replace")
            assert "build/lib.linux-i686-" in log
            assert "linux-x86_64" not in log


def test_nothing_is_left(example: Ended) -> None:
    """When a run has ended, no container of it is left."""
    run = str(example.report["run"])
    listed = subprocess.run(
        ("docker", "ps", "-aq", "--filter", f"label=matrix-runner.run={run}"), capture_output=True, check=True
    )
    assert listed.stdout == b""


def test_a_second_run_keeps_identical_wheels(example: Ended, images: ImageSource, tmp_path: Path) -> None:
    """The same sources give the same bytes again: times, owners and names of the checkout are no part of a wheel."""
    cell = images.python_3[0]
    again = run_build(EXAMPLE, tmp_path, *images.only(cell))
    assert again.code == 0, again.output
    assert wheel_of(again, cell).read_bytes() == wheel_of(example, cell).read_bytes()


def test_the_source_tree_is_untouched(example: Ended) -> None:
    """Building leaves no file in the project: it was copied, not mounted."""
    assert example.code == 0, example.output
    status = subprocess.run(
        ("git", "status", "--porcelain", "--ignored", "example-project"),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "build" not in status.stdout
    assert "egg-info" not in status.stdout
    assert ".so" not in status.stdout


@pytest.mark.own_images
def test_leftovers_can_be_seen() -> None:
    """The filter by which these tests look for leftovers does find a container of ours."""
    name = f"matrix-runner-leftover-probe-{Path(__file__).stat().st_ino}"
    subprocess.run(
        (
            "docker",
            "create",
            "--label",
            "matrix-runner.run=probe",
            "--name",
            name,
            "matrix-runner/manylinux_2_31_x86_64",
        ),
        check=True,
        capture_output=True,
    )
    try:
        assert name in leftovers()
    finally:
        subprocess.run(("docker", "rm", "--force", name), check=True, capture_output=True)
