"""An sdist as input: what is honest is unpacked, and what is not is refused in one clear sentence."""

import gzip
import os
import stat
import tarfile
import zipfile
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import pytest
from sdist_making import PROJECT, entry, tar_bytes, write_tar, write_zip, zip_entry

from matrix_runner.errors import MachineError, UsageError
from matrix_runner.project.sdist import is_sdist, open_sdist
from matrix_runner.project.sdist_members import Limits


class Write(Protocol):
    """Writes an archive of some kind."""

    def __call__(self, path: Path, *, files: dict[str, bytes] | None = None) -> Path:
        """Write it, with these files."""


def refusal(archive: Path, scratch: Path, limits: Limits | None = None) -> str:
    """Return why an archive is refused, after a look that it left nothing behind."""
    with pytest.raises(UsageError) as caught, opened(archive, scratch, limits):
        pytest.fail("it was unpacked")
    assert not scratch.exists() or not list(scratch.iterdir())
    assert caught.value.message.startswith(f"{archive}: ")
    assert caught.value.message.isprintable()
    assert caught.value.hint
    return caught.value.message.removeprefix(f"{archive}: ")


def opened(archive: Path, scratch: Path, limits: Limits | None) -> AbstractContextManager[Path]:
    """Open with other limits, if there are any."""
    return open_sdist(archive, scratch) if limits is None else open_sdist(archive, scratch, limits=limits)


def contents(directory: Path) -> dict[str, bytes]:
    """All files below a directory."""
    return {
        path.relative_to(directory).as_posix(): path.read_bytes() for path in directory.rglob("*") if path.is_file()
    }


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("demo-1.0.tar.gz", True),
        ("demo-1.0.TAR.GZ", True),
        ("demo-1.0.zip", True),
        ("demo-1.0", False),
        ("demo-1.0-py3-none-any.whl", False),
        ("tar.gz", False),
    ],
)
def test_an_sdist_is_told_by_its_suffix(tmp_path: Path, name: str, *, expected: bool) -> None:
    """A path that does not exist yet, or is mistyped, is still meant as an sdist; a directory never is."""
    assert is_sdist(tmp_path / name) is expected
    (tmp_path / name).mkdir()
    assert not is_sdist(tmp_path / name)


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_a_tar_is_unpacked_and_removed(tmp_path: Path, form: int) -> None:
    """Every file is there while the sdist is open, whichever dialect of tar it is in, and none of it afterwards."""
    name = f"demo-1.0/{'long/' * 25}x.py"
    with tarfile.open(tmp_path / "demo.tar.gz", "w:gz", format=form) as tar:
        for path in (*PROJECT, name):
            tar.addfile(tarfile.TarInfo(path))
    scratch = tmp_path / "scratch"
    with open_sdist(tmp_path / "demo.tar.gz", scratch) as project:
        assert project.name == "demo-1.0"
        assert project.is_relative_to(scratch)
        assert contents(project.parent).keys() == {*PROJECT, name}
    assert not list(scratch.iterdir())


def test_contents_and_modes_arrive(tmp_path: Path) -> None:
    """Bytes are the same, programs stay programs, and no other mode gets through: no set-uid, nothing unreadable."""
    big = os.urandom(200_000)
    archive = write_tar(
        tmp_path / "demo.tar.gz",
        entry("./demo-1.0//configure", b"#!/bin/sh\n", mode=0o4755),
        entry("demo-1.0/big", big, mode=0),
        entry("demo-1.0/empty", type=tarfile.DIRTYPE, mode=0),
    )
    with open_sdist(archive, tmp_path) as project:
        assert contents(project.parent) == PROJECT | {"demo-1.0/configure": b"#!/bin/sh\n", "demo-1.0/big": big}
        assert stat.S_IMODE((project / "configure").stat().st_mode) == 0o755
        assert stat.S_IMODE((project / "big").stat().st_mode) == 0o644
        assert list((project / "empty").iterdir()) == []


def test_a_zip_is_unpacked(tmp_path: Path) -> None:
    """The same for a zip, links and programs included."""
    archive = write_zip(
        tmp_path / "demo.zip",
        (zip_entry("demo-1.0/configure", stat.S_IFREG | 0o755), b"#!/bin/sh\n"),
        (zip_entry("demo-1.0/link", stat.S_IFLNK | 0o777), b"src/demo.c"),
        (zip_entry("demo-1.0/empty/"), b""),
    )
    with open_sdist(archive, tmp_path / "scratch") as project:
        assert (project / "link").readlink() == Path("src/demo.c")
        assert os.access(project / "configure", os.X_OK)
        assert contents(project / "src") == {"demo.c": b"int x;\n"}
        assert (project / "empty").is_dir()


def test_links_inside_the_project_are_kept(tmp_path: Path) -> None:
    """Relative links, also to what comes later or is not there; a hard link becomes a file of its own."""
    archive = write_tar(
        tmp_path / "demo.tar.gz",
        entry("demo-1.0/a/up", type=tarfile.SYMTYPE, linkname="../later"),
        entry("demo-1.0/nowhere", type=tarfile.SYMTYPE, linkname="not-there"),
        entry("demo-1.0/hard", type=tarfile.LNKTYPE, linkname="demo-1.0/src/demo.c"),
        entry("demo-1.0/later", b"later"),
    )
    with open_sdist(archive, tmp_path / "scratch") as project:
        assert (project / "a" / "up").read_bytes() == b"later"
        assert (project / "nowhere").is_symlink()
        assert (project / "hard").read_bytes() == b"int x;\n"
        assert (project / "hard").stat().st_nlink == 1


def test_the_later_of_two_members_counts(tmp_path: Path) -> None:
    """A name may come twice, and a file may take the place of a link."""
    archive = write_tar(
        tmp_path / "demo.tar.gz",
        entry("demo-1.0/x", b"one"),
        entry("demo-1.0/y", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        entry("demo-1.0/x", b"two"),
        entry("demo-1.0/y", b"file"),
    )
    with open_sdist(archive, tmp_path / "scratch") as project:
        assert ((project / "x").read_bytes(), (project / "y").read_bytes()) == (b"two", b"file")


def test_what_the_caller_raises_passes_through(tmp_path: Path) -> None:
    """Errors of the run are not mistaken for errors of the archive, and all is removed as well."""
    archive, scratch = write_tar(tmp_path / "demo.tar.gz"), tmp_path / "scratch"
    with pytest.raises(FileNotFoundError, match="mine"), open_sdist(archive, scratch):
        raise FileNotFoundError("mine")
    assert not list(scratch.iterdir())


HOSTILE = {
    "absolute": (entry("/demo-1.0/x", b""), "leads out of the archive"),
    "dots": (entry("demo-1.0/../../x", b""), "leads out of the archive"),
    "only dots": (entry("..", type=tarfile.DIRTYPE), "leads out of the archive"),
    "link up": (entry("demo-1.0/x", type=tarfile.SYMTYPE, linkname="../../.."), "out of the project"),
    "link beside": (entry("demo-1.0/x", type=tarfile.SYMTYPE, linkname="../y"), "out of the project"),
    "absolute link": (entry("demo-1.0/x", type=tarfile.SYMTYPE, linkname="/etc/passwd"), "out of the project"),
    "hard link out": (entry("demo-1.0/x", type=tarfile.LNKTYPE, linkname="../x"), "leads out of the archive"),
    "hard link to nothing": (entry("demo-1.0/x", type=tarfile.LNKTYPE, linkname="demo-1.0/y"), "is no file before it"),
    "device": (entry("demo-1.0/x", type=tarfile.CHRTYPE), "is no file, directory or link"),
    "named pipe": (entry("demo-1.0/x", type=tarfile.FIFOTYPE), "is no file, directory or link"),
    "file that is the top": (entry(".", b"x"), "is no file, directory or link"),
    "link in place of a directory": (
        entry("demo-1.0/src", type=tarfile.SYMTYPE, linkname="."),
        'member "demo-1.0/src" is in the way of another',
    ),
    "file in place of a directory": (entry("demo-1.0/src", b"x"), 'member "demo-1.0/src" is in the way of another'),
    "file below a file": (entry("demo-1.0/pyproject.toml/x", b"x"), "is in the way of another"),
    "deep": (entry("demo-1.0/" + "a/" * 2000, type=tarfile.DIRTYPE), "more than 100 directories deep"),
    "long name": (entry("demo-1.0/" + "a" * 300, b"x"), "damaged or incomplete: file name too long"),
    "odd name": (entry("demo-1.0/../\x1b[31m\n", b""), "leads out of the archive"),
    "huge header": (entry("demo-1.0/x", b"", pax_headers={"comment": "x" * (2 << 20)}), "a header of more than 1 MiB"),
}


@pytest.mark.parametrize(("member", "why"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_member_is_refused(tmp_path: Path, member: tuple[tarfile.TarInfo, bytes], why: str) -> None:
    """It is named, and nothing is left, neither in the scratch directory nor beside it."""
    archive = write_tar(tmp_path / "demo.tar.gz", member)
    assert why in refusal(archive, tmp_path / "scratch")
    assert {path.name for path in tmp_path.iterdir()} <= {"demo.tar.gz", "scratch"}


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    """A member below a link, in whichever order, reaches nothing outside: not even an empty directory."""
    outside = tmp_path / "outside"
    outside.mkdir()
    link = entry("demo-1.0/d", type=tarfile.SYMTYPE, linkname=str(outside))
    below = (
        entry("demo-1.0/d/file", b"x"),
        entry("demo-1.0/d/e/f", type=tarfile.SYMTYPE, linkname="g"),
        entry("demo-1.0/d/g", type=tarfile.DIRTYPE),
    )
    for member in below:
        refusal(write_tar(tmp_path / "demo.tar.gz", link, member), tmp_path / "scratch")
        refusal(write_tar(tmp_path / "demo.tar.gz", member, link), tmp_path / "scratch")
    assert not list(outside.iterdir())


def test_a_chain_of_links_leads_nowhere(tmp_path: Path) -> None:
    """Links that only together lead out are found out."""
    archive = write_tar(
        tmp_path / "demo.tar.gz",
        entry("demo-1.0/a/b/here", type=tarfile.SYMTYPE, linkname="../.."),
        entry("demo-1.0/c", type=tarfile.SYMTYPE, linkname="a/b/here/.."),
    )
    assert "out of the project" in refusal(archive, tmp_path / "scratch")


@pytest.mark.parametrize(
    ("header", "content", "why"),
    [
        (zip_entry("demo-1.0/../../x"), b"", "leads out of the archive"),
        (zip_entry("demo-1.0/x", stat.S_IFLNK | 0o777), b"/etc/passwd", "out of the project"),
        (zip_entry("demo-1.0/x", stat.S_IFCHR | 0o600), b"", "is no file, directory or link"),
    ],
    ids=["dots", "link", "device"],
)
def test_a_hostile_member_of_a_zip_is_refused(
    tmp_path: Path, header: zipfile.ZipInfo, content: bytes, why: str
) -> None:
    """A zip may do no more than a tar."""
    assert why in refusal(write_zip(tmp_path / "demo.zip", (header, content)), tmp_path / "scratch")


def test_an_unusual_compression_is_refused(tmp_path: Path) -> None:
    """Zips may be compressed in ways that not every Python can read."""
    header = zip_entry("demo-1.0/x")
    header.compress_type = zipfile.ZIP_BZIP2
    archive = write_zip(tmp_path / "demo.zip", (header, b"x"))
    assert "another method than deflate" in refusal(archive, tmp_path / "scratch")


@pytest.mark.parametrize("write", [write_tar, write_zip], ids=["tar", "zip"])
def test_what_unpacks_to_too_much_is_refused(tmp_path: Path, write: Write) -> None:
    """A small archive cannot fill the disk, by size or by number."""
    archive = write(tmp_path / "demo", files=PROJECT | {"demo-1.0/zeros": bytes(1_000_000)})
    scratch = tmp_path / "scratch"
    assert "unpacks to more than 100,000 bytes" in refusal(archive, scratch, Limits(size=100_000, members=10))
    assert "has more than 2 members" in refusal(archive, scratch, Limits(size=10_000_000, members=2))
    with open_sdist(archive, scratch, limits=Limits(size=2_000_000, members=3)) as project:
        assert (project / "zeros").stat().st_size == 1_000_000


def test_what_comes_after_the_end_counts_too(tmp_path: Path) -> None:
    """An archive that decompresses for ever after its last member is given up."""
    archive = tmp_path / "demo.tar.gz"
    archive.write_bytes(gzip.compress(tar_bytes() + bytes(1_000_000)))
    assert "unpacks to more than" in refusal(archive, tmp_path / "scratch", Limits(size=100_000, members=10))


def test_an_archive_that_is_not_there(tmp_path: Path) -> None:
    """A mistyped name, a directory, a link to nothing."""
    scratch, archive = tmp_path / "scratch", tmp_path / "demo.tar.gz"
    assert refusal(archive, scratch) == "no such file"
    archive.symlink_to("nowhere")
    assert refusal(archive, scratch) == "not a regular file"
    os.mkfifo(tmp_path / "pipe.zip")
    assert refusal(tmp_path / "pipe.zip", scratch) == "not a regular file"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "has nothing in it"),
        (b"<html>404</html>", "is neither a gzip-compressed tar nor a zip"),
        (b"\x1f\x8bno", "damaged or incomplete: "),
        (b"PK\x03\x04", "damaged or incomplete: "),
        (gzip.compress(b"only text"), "damaged or incomplete: "),
        (gzip.compress(tar_bytes())[:-30], "damaged or incomplete: "),
        (gzip.compress(tar_bytes())[:-8] + bytes(8), "damaged or incomplete: "),
        (gzip.compress(tar_bytes()[:1000]), "damaged or incomplete: "),
        (gzip.compress(tar_bytes()[:1024] + b"\xff" * 512 + tar_bytes()[1536:]), "a header is damaged"),
        (gzip.compress(tar_bytes(files={})), "is empty"),
    ],
    ids=["empty", "page", "gzip", "zip", "text", "short", "check sum", "short tar", "header", "no member"],
)
def test_what_is_no_archive_or_half_of_one(tmp_path: Path, content: bytes, why: str) -> None:
    """Each is one sentence, never a traceback, and never half a project."""
    archive = tmp_path / "demo.tar.gz"
    archive.write_bytes(content)
    assert why in refusal(archive, tmp_path / "scratch")


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"pyproject.toml": b""}, 'expected one directory at the top, found the file "pyproject.toml"'),
        (PROJECT | {"x": b""}, 'expected one directory at the top, found 2: "demo-1.0", "x"'),
        ({f"{n}/setup.py": b"" for n in range(5)}, 'expected one directory at the top, found 5: "0", "1", "2", ...'),
        ({"demo-1.0/README": b""}, 'not a Python project: "demo-1.0" in it has no pyproject.toml, setup.py, setup.cfg'),
        ({"demo-1.0/demo/setup.py": b""}, "not a Python project"),
    ],
)
def test_an_archive_of_something_else(tmp_path: Path, files: dict[str, bytes], why: str) -> None:
    """What is there is named, next to what was expected."""
    assert refusal(write_tar(tmp_path / "demo.tar.gz", files=files), tmp_path / "scratch").startswith(why)


def test_a_top_that_is_a_link_is_refused(tmp_path: Path) -> None:
    """The one directory has to be a directory."""
    archive = write_tar(tmp_path / "demo.tar.gz", entry("top", type=tarfile.SYMTYPE, linkname="."), files={})
    assert "out of the project" in refusal(archive, tmp_path / "scratch")


def test_a_scratch_directory_that_cannot_be_is_the_machines_fault(tmp_path: Path) -> None:
    """The error says so, and what to set."""
    archive = write_tar(tmp_path / "demo.tar.gz")
    (tmp_path / "file").touch()
    with pytest.raises(MachineError, match="cannot unpack") as caught, open_sdist(archive, tmp_path / "file" / "x"):
        pytest.fail("it was unpacked")
    assert "XDG_CACHE_HOME" in str(caught.value.hint)
