"""What is merged: the wheels with one report of all runs, whole or not at all."""

import subprocess
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory

import pytest
from sdist_making import write_tar
from shard_outputs import SOURCE, ShardOutput, wheel_name

from matrix_runner.collect import delivery
from matrix_runner.collect.delivery import Places
from matrix_runner.collect.expectation import expectation
from matrix_runner.collect.merging import Collected, Terms, collect_files
from matrix_runner.errors import OutputError, WheelRejected
from matrix_runner.files import sha256_of
from matrix_runner.model.cells import Cell
from matrix_runner.report.run_reading import read_run
from matrix_runner.shards.matrix_forms.matrix_document import ExpectedCell

A, B = "cp311-manylinux_x86_64", "cp313-manylinux_i686"


def collected(directory: Path, *cells: str) -> Collected:
    """Return two jobs' outputs, collected."""
    for number, cell in enumerate(cells, start=1):
        ShardOutput(directory / "artifacts", number).passed(cell)
    wanted = expectation([ExpectedCell(identifier=cell) for cell in cells], (), has_sdist=False)
    return collect_files([directory / "artifacts"], wanted, Terms(), directory)


def places(directory: Path) -> Places:
    """Return places that are not there yet."""
    report = directory / "out" / "dist-report"
    return Places(output=directory / "out" / "dist", report=report, shown=report)


def test_one_report_of_all_runs(tmp_path: Path) -> None:
    """The wheels, their digests, statements and logs, and the outcomes in the order of the plan."""
    to = places(tmp_path)
    collected(tmp_path, A, B).deliver("abc", to, ((Cell.parse("cp39-manylinux_i686"), "skip"),))
    assert sorted(path.name for path in to.output.iterdir()) == sorted(map(wheel_name, (A, B)))
    argv = ("sha256sum", "--check", "--strict", str(to.report / "SHA256SUMS"))
    subprocess.run(argv, cwd=to.output, check=True, capture_output=True)
    run = read_run(to.report)
    assert [str(outcome.cell) for outcome in run.report.outcomes] == [A, B]
    assert (run.report.run, run.report.workers, run.report.seconds) == ("abc", 4, 2.0)
    assert run.extra.source is not None
    assert (run.extra.source.sha256, run.extra.project) == (SOURCE, "demo")
    assert [reason for _, reason in run.extra.left_out] == ["skip"]
    for outcome in run.report.outcomes:
        assert outcome.log == str(to.report / "logs" / f"{outcome.cell}.log")
        assert (to.report / "logs" / f"{outcome.cell}.log").read_text() == f"built {outcome.cell}\n"
        assert outcome.wheel is not None
        assert (to.report / str(outcome.wheel.provenance)).is_file()
    made = {"SHA256SUMS", "report.json", "junit.xml", "report.md", "report.html", "logs", "provenance", ".gitignore"}
    assert {path.name for path in to.report.iterdir()} == made
    assert [path.name for path in to.output.parent.iterdir() if path.name.startswith(".")] == []


def test_runs_are_put_on_one_clock(tmp_path: Path) -> None:
    """A job that began ten minutes later ended later, too; its cells are shown at that time."""
    found = collected(tmp_path, A, B)
    path = tmp_path / "artifacts/2/wheelhouse-report/report.json"
    path.write_text(path.read_text().replace("08:00:00+00:00", "09:10:00+01:00"))
    found = collect_files([tmp_path / "artifacts"], found.expected, Terms(), tmp_path)
    to = places(tmp_path)
    found.deliver("abc", to, ())
    run = read_run(to.report)
    assert [outcome.began for outcome in run.report.outcomes] == [0.5, 600.5]
    assert (run.report.seconds, run.extra.started) == (602.0, "2026-11-01T08:00:00+00:00")


def test_the_commit_is_that_of_the_run_that_looked_for_it(tmp_path: Path) -> None:
    """One in which every cell came from the cache does not; both are of the same files."""
    found = collected(tmp_path, A, B)
    path = tmp_path / "artifacts/2/wheelhouse-report/report.json"
    path.write_text(path.read_text().replace('"commit": null', '"commit": "' + "c" * 40 + '"'))
    found = collect_files([tmp_path / "artifacts"], found.expected, Terms(), tmp_path)
    to = places(tmp_path)
    found.deliver("abc", to, ())
    source = read_run(to.report).extra.source
    assert source is not None
    assert (source.sha256, source.commit) == (SOURCE, "c" * 40)


def test_nothing_is_mixed_with_what_is_there(tmp_path: Path) -> None:
    """Neither wheels nor reports; an empty directory is as good as none."""
    to = places(tmp_path)
    found = collected(tmp_path, A)
    for directory in (to.output, to.report):
        directory.mkdir(parents=True)
        (directory / "mine").write_text("x")
        with pytest.raises(OutputError, match="is there already"):
            found.deliver("abc", to, ())
        (directory / "mine").unlink()
    found.deliver("abc", to, ())
    assert [path.name for path in to.output.iterdir()] == [wheel_name(A)]


def test_a_report_directory_in_the_output_directory(tmp_path: Path) -> None:
    """As a user may want it: it goes there with the wheels."""
    inside = tmp_path / "dist" / "reports" / "all"
    collected(tmp_path, A).deliver("abc", Places(output=tmp_path / "dist", report=inside, shown=inside), ())
    assert (inside / "report.json").is_file()
    assert (tmp_path / "dist" / wheel_name(A)).is_file()


def test_a_report_directory_elsewhere(tmp_path: Path) -> None:
    """A link to an empty directory, or one on another disk: the report is in there."""
    with TemporaryDirectory(dir="/dev/shm") as disk:
        (tmp_path / "link").symlink_to(disk)
        for number, report in enumerate((tmp_path / "link", Path(disk) / "reports/all")):
            to = Places(output=tmp_path / f"dist{number}", report=report, shown=report)
            collected(tmp_path / str(number), A).deliver("abc", to, ())
            assert (report / "report.html").is_file()
            assert len(list(to.output.iterdir())) == 1
            rmtree(report / "logs")
            for path in [*Path(disk).iterdir()]:
                assert not path.name.startswith(".matrix-runner")
                rmtree(path) if path.is_dir() else path.unlink()


def test_a_file_that_changes_meanwhile(tmp_path: Path) -> None:
    """It was not that which was examined: nothing is written."""
    to = places(tmp_path)
    found = collected(tmp_path, A)
    (wheel,) = (tmp_path / "artifacts").glob("**/*.whl")
    wheel.write_bytes(b"other")
    with pytest.raises(WheelRejected, match="changed while it was collected"):
        found.deliver("abc", to, ())
    assert list(to.output.parent.iterdir()) == []


def test_an_error_at_the_last_moment_leaves_nothing(tmp_path: Path) -> None:
    """The report, which is there first, goes again if somebody else has taken the place of the wheels meanwhile."""
    to = places(tmp_path)
    wheels, report = tmp_path / "wheels", tmp_path / "report"
    for directory in (wheels, report, to.output):
        directory.mkdir(parents=True)
        (directory / "file").write_text("x")
    with pytest.raises(OSError, match="not empty"):
        delivery._put(wheels, report, to)
    assert [path.name for path in to.output.parent.iterdir()] == ["dist"]


def test_a_link_is_followed(tmp_path: Path) -> None:
    """To an empty directory on another disk, perhaps: the wheels are in there, and the link stays."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "dist").symlink_to("disk")
    report = tmp_path / "report"
    collected(tmp_path, A).deliver("abc", Places(output=tmp_path / "dist", report=report, shown=report), ())
    assert (tmp_path / "dist").is_symlink()
    assert [path.name for path in (tmp_path / "disk").iterdir()] == [wheel_name(A)]


def test_logs_come_from_the_artifact_alone(tmp_path: Path) -> None:
    """A link in it could lead to any file of the machine that collects."""
    found = collected(tmp_path, A, B)
    logs = tmp_path / "artifacts/1/wheelhouse-report/logs"
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / f"{A}.log").write_text("secret")
    (logs / f"{A}.log").unlink()
    logs.rmdir()
    logs.symlink_to(tmp_path / "secret")
    to = places(tmp_path)
    found.deliver("abc", to, ())
    assert [path.name for path in (to.report / "logs").iterdir()] == [f"{B}.log"]
    assert [outcome.log is None for outcome in read_run(to.report).report.outcomes] == [True, False]


def test_the_sdist_that_a_run_has_made(tmp_path: Path) -> None:
    """It is delivered with its sum; the report has the record of that very file, not of one that was packed again."""
    info = b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"
    files = {"demo-1.0/pyproject.toml": b"", "demo-1.0/PKG-INFO": info}
    made = []
    for number, cell in ((1, A), (2, B)):
        output = ShardOutput(tmp_path / "artifacts", number)
        output.passed(cell)
        sdist = write_tar(output.wheels / "demo-1.0.tar.gz", files=dict(sorted(files.items(), reverse=number == 1)))
        output.made_sdist(sdist, cell)
        made.append(sha256_of(sdist))
    assert made[0] != made[1]
    wanted = expectation([ExpectedCell(identifier=cell) for cell in (A, B)], (), has_sdist=True)
    found = collect_files([tmp_path / "artifacts"], wanted, Terms(), tmp_path)
    assert found.refusals == ()
    assert found.summary == "2 wheels for 2 cells, and 1 sdist, of demo 1.0"
    to = places(tmp_path)
    found.deliver("abc", to, ())
    sdist_record = read_run(to.report).report.sdists[0]
    assert sdist_record is not None
    assert sdist_record.sha256 == sha256_of(to.output / "demo-1.0.tar.gz") == made[0]
    assert f"{made[0]}  demo-1.0.tar.gz\n" in (to.report / "SHA256SUMS").read_text()
