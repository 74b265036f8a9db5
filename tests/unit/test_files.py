"""Files are read in chunks, and written whole or not at all."""

import hashlib
import io
import os
from pathlib import Path

import pytest

from matrix_runner.files import (
    CHUNK,
    chunks_of,
    flush_file,
    read_chunks,
    read_exactly,
    replacing,
    sha256_of,
    sha256_of_rest,
    write_flushed,
    write_whole,
)

CONTENTS = (b"", b"x", b"x" * CHUNK, b"x" * (CHUNK + 1))


@pytest.mark.parametrize("content", CONTENTS, ids=len)
def test_a_file_comes_in_chunks(tmp_path: Path, content: bytes) -> None:
    """Together they are its content; none is empty or larger than it should be."""
    path = tmp_path / "f"
    path.write_bytes(content)
    for chunks in (list(chunks_of(path)), list(read_chunks(io.BytesIO(content)))):
        assert b"".join(chunks) == content
        assert all(0 < len(chunk) <= CHUNK for chunk in chunks)
    assert {len(chunk) for chunk in chunks_of(path, 1000)} <= {1000, len(content) % 1000}


@pytest.mark.parametrize("content", CONTENTS, ids=len)
def test_a_file_has_the_digest_of_its_content(tmp_path: Path, content: bytes) -> None:
    """By its path, and from where it is open at."""
    path = tmp_path / "f"
    path.write_bytes(content)
    assert sha256_of(path) == hashlib.sha256(content).hexdigest()
    file = io.BytesIO(b"head" + content)
    file.seek(4)
    assert sha256_of_rest(file) == hashlib.sha256(content).hexdigest()


def test_so_many_bytes_are_read_and_no_more() -> None:
    """The next read goes on after them; a file with fewer is an error that names it."""
    file = io.BytesIO(b"x" * (CHUNK + 5) + b"rest")
    assert b"".join(read_exactly(file, CHUNK + 5, "f")) == b"x" * (CHUNK + 5)
    assert file.read() == b"rest"
    with pytest.raises(OSError, match="f became shorter"):
        list(read_exactly(io.BytesIO(b"abc"), 4, "f"))


def test_a_flushed_file_is_new(tmp_path: Path) -> None:
    """It has the digest that is returned and the umask's permissions; a file or link that is there stays as it is."""
    path, link = tmp_path / "f", tmp_path / "link"
    link.symlink_to(tmp_path / "elsewhere")
    before = os.umask(0o027)
    try:
        assert write_flushed(path, (b"a", b"b")) == hashlib.sha256(b"ab").hexdigest()
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o640
    for taken in (path, link):
        with pytest.raises(FileExistsError):
            write_flushed(taken, (b"c",))
    assert path.read_bytes() == b"ab"
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("is_flushed", [False, True])
def test_a_file_takes_anothers_place_at_the_end(tmp_path: Path, *, is_flushed: bool) -> None:
    """Until then the old one is there; afterwards nothing else is left."""
    path = tmp_path / "f"
    path.write_text("old")
    with replacing(path, is_flushed=is_flushed) as partial:
        partial.write_text("new")
        assert partial.parent == tmp_path
        assert partial.match(".*.partial")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_after_an_error_all_is_as_before(tmp_path: Path, error: type[BaseException]) -> None:
    """The old file stays and the half-written one goes, whatever the error is; it passes through."""
    path = tmp_path / "f"
    path.write_text("old")

    def fail() -> None:
        with replacing(path) as partial:
            partial.write_text("half")
            raise error

    with pytest.raises(error):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_taken_leaves_nothing(tmp_path: Path) -> None:
    """A directory of the name is an error, and so is nothing having been written."""
    (tmp_path / "d" / "full").mkdir(parents=True)
    with pytest.raises(OSError, match="irectory"):
        write_whole(tmp_path / "d", b"x")
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "f"):
        pass
    assert list(tmp_path.iterdir()) == [tmp_path / "d"]


def test_a_small_file_is_written_with_its_directory(tmp_path: Path) -> None:
    """By a temporary name that may be in another directory."""
    path = tmp_path / "deep/er/f"
    write_whole(path, b"x", temporary=tmp_path / "note")
    assert path.read_bytes() == b"x"
    assert [each.name for each in tmp_path.iterdir()] == ["deep"]
    assert list(path.parent.iterdir()) == [path]


def test_a_flushed_file_has_its_digest(tmp_path: Path) -> None:
    """It is read to its end; a link is followed nowhere."""
    path, link = tmp_path / "f", tmp_path / "link"
    path.write_bytes(b"x" * (CHUNK + 1))
    link.symlink_to(path)
    assert flush_file(path) == sha256_of(path)
    with pytest.raises(OSError, match="symbolic links"):
        flush_file(link)
