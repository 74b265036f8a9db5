"""Outputs of CI jobs that the collecting job may not read: each is told by its name, and no log stands in the way."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from nobody import nobody
from shard_outputs import ShardOutput, wheel_name

from matrix_runner.collect.delivery import Places
from matrix_runner.collect.expectation import expectation
from matrix_runner.collect.merging import Collected, Terms, collect_files
from matrix_runner.errors import UsageError
from matrix_runner.shards.matrix_forms.matrix_document import ExpectedCell

CELL = "cp311-manylinux_x86_64"


@pytest.fixture(name="output")
def _output() -> Iterator[ShardOutput]:
    """Return a job's output where everybody may look: pytest's own directories are closed to others."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        output = ShardOutput(directory / "artifacts", 1)
        output.passed(CELL)
        (directory / "scratch").mkdir()
        for path in (directory, directory / "scratch"):
            path.chmod(0o777)
        # Once as the user that Python itself is installed for: modules that are imported late may be closed to others.
        deliver(output, "first")
        yield output
        for path in directory.rglob("*"):
            path.chmod(0o755)


def collected(output: ShardOutput) -> Collected:
    """Collect as nobody."""
    directory = output.wheels.parent.parent
    wanted = expectation([ExpectedCell(identifier=CELL)], (), has_sdist=False)
    return collect_files([directory], wanted, Terms(), directory.parent / "scratch")


def deliver(output: ShardOutput, name: str) -> Path:
    """Collect and deliver; return the report directory."""
    to = output.wheels.parent.parent.parent / name
    report = to.with_name(f"{name}-report")
    collected(output).deliver("abc", Places(output=to, report=report, shown=report), ())
    assert [path.name for path in to.iterdir()] == [wheel_name(CELL)]
    return report


@pytest.mark.parametrize(
    ("name", "mode", "told"),
    [
        ("wheelhouse-report", 0o444, "wheelhouse-report/report.json"),
        ("wheelhouse-report/report.json", 0, "wheelhouse-report/report.json"),
        ("wheelhouse-report/SHA256SUMS", 0, "wheelhouse-report/SHA256SUMS"),
        ("wheelhouse-report/provenance", 0, "wheelhouse-report/provenance"),
        (f"wheelhouse/{wheel_name(CELL)}", 0, f"wheelhouse/{wheel_name(CELL)}"),
    ],
)
def test_what_must_not_be_read_is_named(output: ShardOutput, name: str, mode: int, told: str) -> None:
    """The first line has the file and the reason."""
    place = output.wheels.parent
    (place / name).chmod(mode)
    with nobody():
        text = collected(output).refusals[0]
    assert str(place / told) in text
    assert text.endswith("Permission denied")


def test_a_directory_that_must_not_be_looked_into(output: ShardOutput) -> None:
    """What is in there nobody knows: a mistake of the command line."""
    output.wheels.chmod(0o444)
    with nobody(), pytest.raises(UsageError, match="cannot be read: Permission denied"):
        collected(output)


def test_a_log_that_must_not_be_read_is_left_out(output: ShardOutput) -> None:
    """Wheels are whole without it."""
    (output.report / "logs").chmod(0)
    with nobody():
        report = deliver(output, "second")
    assert not (report / "logs").exists()
