"""An sdist on its way from a container to the output directory: its name, the stream, the difference from another."""

import gzip
import tarfile
from hashlib import sha256
from pathlib import Path

import pytest
from msgspec.structs import replace
from sdist_making import entry, tar_bytes, write_tar

from matrix_runner.archives import archive_of
from matrix_runner.errors import OutputError, WheelConflict, WheelRejected
from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import SdistRecord
from matrix_runner.wheelhouse import SDIST, Wheelhouse, receive
from matrix_runner.wheelhouse.sdist_difference import is_same_sdist, sdist_difference
from matrix_runner.wheelhouse.sdist_name import parse_sdist_name

NAME = "demo-1.0.tar.gz"
FILES = {"demo-1.0/pyproject.toml": b"[project]\n", "demo-1.0/a.c": b"int a;\n"}


def record_of(sdist: Path) -> SdistRecord:
    """Return the record of a file."""
    data = sdist.read_bytes()
    cell = Cell.parse("cp311-manylinux_x86_64")
    return SdistRecord(name=sdist.name, size=len(data), sha256=sha256(data).hexdigest(), made_in=cell)


def aged(path: Path, time: int, files: dict[str, bytes] | None = None) -> Path:
    """Write an sdist whose members and stream are of a time."""
    path.parent.mkdir(exist_ok=True)
    members = [entry(name, content, mtime=time) for name, content in reversed((files or FILES).items())]
    path.write_bytes(gzip.compress(tar_bytes(members, files={}), mtime=time))
    return path


@pytest.mark.parametrize(
    ("name", "project", "version", "standard"),
    [
        ("demo-1.0.tar.gz", "demo", "1.0", "demo-1.0.tar.gz"),
        ("Demo.Tool-1.0.post1.tar.gz", "demo-tool", "1.0.post1", "demo_tool-1.0.post1.tar.gz"),
        ("demo_tool-1!2.0+local.tar.gz", "demo-tool", "1!2.0+local", "demo_tool-1!2.0+local.tar.gz"),
    ],
)
def test_names(name: str, project: str, version: str, standard: str) -> None:
    """PEP 625, and the forms before it."""
    found = parse_sdist_name(name)
    assert (found.project, str(found.version), found.standard) == (project, version, standard)


@pytest.mark.parametrize("name", ["demo.tar.gz", "demo-1.0.zip", "demo-one.tar.gz", "a b-1.0.tar.gz", "-1.0.tar.gz"])
def test_no_name_of_an_sdist(name: str) -> None:
    """It is refused before it becomes a file's name."""
    with pytest.raises(WheelRejected):
        parse_sdist_name(name)


def test_one_sdist_is_taken_from_the_stream(tmp_path: Path) -> None:
    """An sdist only where one is expected, and one only."""
    sdist = write_tar(tmp_path / NAME, files=FILES)
    (tmp_path / "in").mkdir()
    taken = receive(archive_of(sdist, f"built/{NAME}"), tmp_path / "in", expected=SDIST)
    assert taken.read_bytes() == sdist.read_bytes()
    with pytest.raises(WheelRejected, match="is not a wheel"):
        receive(archive_of(sdist, NAME), tmp_path / "in")
    with pytest.raises(WheelRejected, match=r"is not an sdist; only one regular file, an sdist, was expected"):
        receive(archive_of(sdist, "demo-1.0-py3-none-any.whl"), tmp_path / "in", expected=SDIST)
    two = tar_bytes([entry(NAME, b"1"), entry("demo-2.0.tar.gz", b"2")], files={})
    with pytest.raises(WheelRejected, match="two sdists where one was expected"):
        receive(iter([two]), tmp_path / "in", expected=SDIST)
    with pytest.raises(WheelRejected, match="no sdist was found"):
        receive(iter([tar_bytes(files={})]), tmp_path / "in", expected=SDIST)


def test_times_are_no_difference(tmp_path: Path) -> None:
    """Build backends store the time of day: two sdists of the same files are seldom the same bytes."""
    one, other = aged(tmp_path / "1" / NAME, 1000), aged(tmp_path / "2" / NAME, 2000)
    assert one.read_bytes() != other.read_bytes()
    assert is_same_sdist(one, other)
    assert sdist_difference(one, other) == "order, times or compression of the members only"


def test_differences_are_named(tmp_path: Path) -> None:
    """Content, presence, a permission."""
    one = aged(tmp_path / "1" / NAME, 1, FILES | {"demo-1.0/old": b""})
    other = aged(tmp_path / "2" / NAME, 1, FILES | {"demo-1.0/a.c": b"int b;\n", "demo-1.0/new": b""})
    assert not is_same_sdist(one, other)
    assert sdist_difference(one, other) == (
        "demo-1.0/a.c, demo-1.0/new (in the new one only), demo-1.0/old (in the old one only)"
    )
    plain = write_tar(tmp_path / "plain", entry("demo-1.0/x", b"", mode=0o644), files={})
    program = write_tar(tmp_path / "program", entry("demo-1.0/x", b"", mode=0o755), files={})
    assert sdist_difference(plain, program) == "demo-1.0/x"
    link = write_tar(tmp_path / "link", entry("demo-1.0/x", type=tarfile.SYMTYPE, linkname="y"), files={})
    assert sdist_difference(plain, link) == "demo-1.0/x"


def test_something_else_is_another_file(tmp_path: Path) -> None:
    """A damaged file, a link, a directory: nothing is assumed of it, and nothing is raised."""
    sdist = aged(tmp_path / NAME, 1)
    cut = tmp_path / "cut"
    cut.write_bytes(sdist.read_bytes()[:-20])
    link = tmp_path / "link"
    link.symlink_to(sdist)
    for other in (cut, link, tmp_path, tmp_path / "missing"):
        assert not is_same_sdist(other, sdist)
    assert sdist_difference(cut, sdist).startswith("content that cannot be compared")


def test_an_sdist_is_published(tmp_path: Path) -> None:
    """It is there as made; one of other times stays, and is then the run's; another one is left alone, or replaced."""
    first, again = aged(tmp_path / "1" / NAME, 1000), aged(tmp_path / "2" / NAME, 2000)
    other = aged(tmp_path / "3" / NAME, 1000, FILES | {"demo-1.0/a.c": b"int b;\n"})
    target = tmp_path / "out" / NAME
    with Wheelhouse(tmp_path / "out", overwrite=False, staging=tmp_path / "staging") as house:
        assert house.publish_sdist(first, record_of(first)) == record_of(first)
        assert target.read_bytes() == first.read_bytes()
        assert house.publish_sdist(again, record_of(again)) == record_of(first)
        with pytest.raises(WheelConflict, match=r"differs from it in demo-1\.0/a\.c; it was left alone"):
            house.publish_sdist(other, record_of(other))
        assert target.read_bytes() == first.read_bytes()
        changed = replace(record_of(other), sha256="0" * 64, name="demo-1.1.tar.gz")
        with pytest.raises(WheelRejected, match="changed after it was verified"):
            house.publish_sdist(other, changed)
    with Wheelhouse(tmp_path / "out", overwrite=True, staging=tmp_path / "staging") as house:
        assert house.publish_sdist(other, record_of(other)) == record_of(other)
        assert [path.name for path in (tmp_path / "out").iterdir()] == [NAME]
        target.unlink()
        target.mkdir()
        with pytest.raises(OutputError, match="no regular file"):
            house.publish_sdist(other, record_of(other))
