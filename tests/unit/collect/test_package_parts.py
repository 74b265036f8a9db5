"""What was collected of a workspace, package by package."""

from pathlib import Path

from shard_outputs import ShardOutput

from matrix_runner.collect.collected_files import find_files
from matrix_runner.collect.examined_files import examine
from matrix_runner.collect.expectation import Expectation
from matrix_runner.collect.package_parts import PackageParts, parts_of
from matrix_runner.collect.set_check import hold
from matrix_runner.collect.shard_reports import read_reports
from matrix_runner.model.cells import Cell
from matrix_runner.shards.matrix_forms.matrix_document import ExpectedPackage

SQUARE = "cp311-manylinux_x86_64"
TAGS = "cp311-cp311-manylinux_2_17_x86_64.whl"


def parted(directory: Path) -> PackageParts:
    """Return what is in a directory, of two packages of which one cell each is expected."""
    expected = Expectation(
        cells={Cell.parse(f"{package}:{SQUARE}"): 0 for package in ("core", "plugin")},
        packages=tuple(ExpectedPackage(name=name, project=name, sdist=False) for name in ("core", "plugin")),
    )
    found = find_files([directory])
    scratch = directory.with_name("scratch")
    scratch.mkdir()
    return parts_of(examine(found.wheels, found.sdists, scratch), read_reports(found.reports), expected)


def test_each_package_has_its_own_files_and_outcomes(tmp_path: Path) -> None:
    """One version of each is enough: they are not of one project."""
    output = ShardOutput(tmp_path / "all", 1)
    output.passed(f"core:{SQUARE}", f"core-1.2-{TAGS}")
    output.passed(f"plugin:{SQUARE}", f"plugin-0.3-{TAGS}")
    parts = parted(tmp_path / "all")
    assert parts.of_nobody == ()
    for part, name in zip(parts.each, ("core", "plugin"), strict=True):
        assert [wheel.contents.name for wheel in part.files.wheels] == [name]
        assert [str(one.cell) for report in part.reports.reports for one in report.outcomes] == [f"{name}:{SQUARE}"]
        held = hold(part.files, part.reports, part.expected, needs_reports=True)
        assert list(held.wheels) == [Cell.parse(f"{name}:{SQUARE}")]


def test_a_wheel_of_no_package_is_told(tmp_path: Path) -> None:
    """It belongs to nothing that is published here."""
    output = ShardOutput(tmp_path / "all", 1)
    output.passed(f"core:{SQUARE}", f"core-1.2-{TAGS}")
    output.passed(SQUARE, f"stranger-1.0-{TAGS}")
    assert [each.text for each in parted(tmp_path / "all").of_nobody] == [
        f"stranger-1.0-{TAGS} is of no package that is expected"
    ]
