"""Sdists from people who mean harm, and from disks that do: unpacked below their directory, or refused."""

import gzip
import os
import tarfile
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st
from sdist_making import entry, tar_bytes, write_tar, write_zip

from matrix_runner.errors import UsageError
from matrix_runner.project.sdist import open_sdist
from matrix_runner.project.sdist_members import Limits

LIMITS = Limits(size=1_000_000, members=1_000)

names = st.lists(st.sampled_from(("demo-1.0", "a", "b", "..", ".", "")), min_size=1, max_size=5).map("/".join)
kinds = st.sampled_from((tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE))
entries = st.builds(
    lambda name, kind, target: entry(
        f"demo-1.0/{name}", b"x" if kind == tarfile.REGTYPE else b"", type=kind, linkname=target
    ),
    names,
    kinds,
    names | names.map("demo-1.0/{}".format),
)
changes = st.lists(st.tuples(st.integers(0, 10_000), st.binary(min_size=1, max_size=4)), max_size=4)


def unpack(archive: Path, room: Path) -> None:
    """Unpack or be refused; look that either way nothing is outside, and that nothing is left."""
    before = sorted(room.iterdir())
    scratch = room / "in" / "scratch"
    with suppress(UsageError), open_sdist(archive, scratch, limits=LIMITS) as project:
        inside = project.resolve()
        # Path.resolve raises for a link that leads to itself (Python below 3.13).
        assert all(Path(os.path.realpath(path)).is_relative_to(inside) for path in project.rglob("*"))
        assert all(path.is_symlink() or path.is_file() or path.is_dir() for path in project.rglob("*"))
        assert sorted(path.name for path in scratch.iterdir()) == [project.parent.name]
    assert not scratch.exists() or not list(scratch.iterdir())
    assert sorted(path for path in room.iterdir() if path.name != "in") == before


def changed(data: bytes, where: list[tuple[int, bytes]]) -> bytes:
    """Write other bytes over some of the data."""
    for offset, new in where:
        start = offset % len(data)
        data = data[:start] + new + data[start + len(new) :]
    return data


@given(members=st.lists(entries, max_size=8))
def test_no_combination_of_members_leads_out(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    """Files, directories and links of any names, in any order."""
    with TemporaryDirectory() as room:
        archive = write_tar(Path(room, "demo.tar.gz"), *members)
        unpack(archive, Path(room))


@given(where=changes, end=st.integers(0, 3_000))
def test_a_damaged_tar_is_refused_or_read(where: list[tuple[int, bytes]], end: int) -> None:
    """Whatever is wrong within a tar that was compressed correctly; no other exception ever comes."""
    data = tar_bytes([entry("demo-1.0/" + "long/" * 30 + "x", b"x", pax_headers={"comment": "x"})])
    with TemporaryDirectory() as room:
        archive = Path(room, "demo.tar.gz")
        archive.write_bytes(gzip.compress(changed(data[: len(data) - end], where)))
        unpack(archive, Path(room))


@given(where=changes, end=st.integers(0, 200), is_zip=st.booleans())
def test_a_damaged_archive_is_refused_or_read(where: list[tuple[int, bytes]], end: int, *, is_zip: bool) -> None:
    """The same for the compressed bytes of a tar or zip."""
    with TemporaryDirectory() as room:
        archive = Path(room, "demo")
        write = write_zip if is_zip else write_tar
        data = write(archive).read_bytes()
        archive.write_bytes(changed(data[: max(1, len(data) - end)], where))
        unpack(archive, Path(room))
