"""The report directory: its place, its lock, its files, and the sums."""

import os
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest

from matrix_runner.errors import OutputError
from matrix_runner.model.outcomes import WheelRecord
from matrix_runner.wheelhouse.report_directory import ReportDirectory, report_directory_for


def wheel(directory: Path, name: str) -> WheelRecord:
    """Put a file of that name into the directory; return its record."""
    directory.mkdir(exist_ok=True)
    data = f"content of {name}".encode()
    (directory / name).write_bytes(data)
    return WheelRecord(name=name, size=len(data), sha256=sha256(data).hexdigest(), grafted=())


@pytest.mark.parametrize(
    ("output", "project", "expected"),
    [
        ("/p/wheelhouse", "/p", "/p/wheelhouse-report"),
        ("/p/build/dist", "/p", "/p/build/dist-report"),
        ("/out", "/p", "/out-report"),
        # Nothing is written beside the project, or above it.
        ("/p", "/p", "/p/matrix-runner-report"),
        ("/home", "/home/me/p", "/home/matrix-runner-report"),
        ("/", "/p", "/matrix-runner-report"),
    ],
)
def test_its_place_is_beside_the_wheels(output: str, project: str, expected: str) -> None:
    """A neighbour of the output directory, which has no hidden name."""
    assert report_directory_for(Path(output), Path(project)) == Path(expected)


def test_git_ignores_it(tmp_path: Path) -> None:
    """A report in a project is no change of the project."""
    subprocess.run(("git", "init", "-q", tmp_path), check=True)
    with ReportDirectory(tmp_path / "wheelhouse-report") as directory:
        directory.write_file("report.json", b"{}")
    status = subprocess.run(
        ("git", "-C", tmp_path, "status", "--porcelain"), check=True, capture_output=True, text=True
    )
    assert status.stdout == ""


def test_the_sums_are_what_sha256sum_checks(tmp_path: Path) -> None:
    """`sha256sum --check --strict`, in the directory of the wheels, finds every wheel of the run, sorted."""
    wheels, names = tmp_path / "out", ["a-2-py3-none-any.whl", "a-1-py3-none-any.whl"]
    with ReportDirectory(tmp_path / "out-report") as directory:
        directory.write_sums([wheel(wheels, name) for name in names], wheels)
    sums = tmp_path / "out-report" / "SHA256SUMS"
    assert [line.split("  ")[1] for line in sums.read_text().splitlines()] == sorted(names)
    checked = subprocess.run(
        ["sha256sum", "--check", "--strict", "../out-report/SHA256SUMS"],
        cwd=wheels,
        check=True,
        capture_output=True,
        text=True,
    )
    assert checked.stdout.count(": OK") == 2


def test_the_sums_keep_what_is_still_right(tmp_path: Path) -> None:
    """Lines of earlier runs stay while they are true; changed, vanished and malformed ones go."""
    wheels, report = tmp_path / "out", tmp_path / "out-report"
    records = [wheel(wheels, f"a-{number}-py3-none-any.whl") for number in range(4)]
    with ReportDirectory(report) as directory:
        directory.write_sums(records[:3], wheels)
    (wheels / records[1].name).write_bytes(b"changed")
    (wheels / records[2].name).unlink()
    with (report / "SHA256SUMS").open("ab") as file:
        file.write(b"junk \xff\n" + b"0" * 64 + b"  ../../etc/evil.whl\n")
    with ReportDirectory(report) as directory:
        directory.write_sums(records[3:], wheels)
    lines = (report / "SHA256SUMS").read_text().splitlines()
    assert lines == [f"{record.sha256}  {record.name}" for record in (records[0], records[3])]


def test_sums_that_are_a_directory_are_an_output_error(tmp_path: Path) -> None:
    """What stands in the way is named."""
    (tmp_path / "report" / "SHA256SUMS").mkdir(parents=True)
    with ReportDirectory(tmp_path / "report") as directory, pytest.raises(OutputError, match="SHA256SUMS"):
        directory.write_sums([], tmp_path)


def test_a_small_file_replaces_its_predecessor(tmp_path: Path) -> None:
    """report.json is that of the latest run; a killed run's half of it goes."""
    for data in (b"{}", b"[]"):
        with ReportDirectory(tmp_path / "report") as directory:
            directory.write_file("report.json", data)
        (tmp_path / "report" / ".report.json-0.partial").write_bytes(b"[")
    with ReportDirectory(tmp_path / "report"):
        pass
    assert (tmp_path / "report" / "report.json").read_bytes() == b"[]"
    assert {path.name for path in (tmp_path / "report").iterdir()} == {".gitignore", "report.json"}


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "/etc/x"])
def test_only_plain_names_are_written(tmp_path: Path, name: str) -> None:
    """A name that leads elsewhere is a bug, and is caught."""
    with ReportDirectory(tmp_path) as directory, pytest.raises(ValueError, match="plain name"):
        directory.write_file(name, b"")


def test_a_second_run_is_refused_and_told_whose_turn_it_is(tmp_path: Path) -> None:
    """While a run has the directory, another gets its process id, at once; afterwards it may."""
    with ReportDirectory(tmp_path / "report"):
        for _ in range(2):
            second = ReportDirectory(tmp_path / "report")
            with pytest.raises(OutputError, match=rf"another run .*\(process {os.getpid()}\)"), second:
                pass
    with ReportDirectory(tmp_path / "report"):
        pass


def test_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    """A report directory that is a file is named, before anything is built."""
    (tmp_path / "report").write_text("")
    with pytest.raises(OutputError, match="cannot be used") as caught, ReportDirectory(tmp_path / "report"):
        pass
    assert "--report-dir" in (caught.value.hint or "")
