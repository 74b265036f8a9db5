"""Archives of a single file, as any tar reads them."""

import io
import tarfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from matrix_runner.archives import archive_of, archive_of_bytes

SIZES = (0, 1, 512, 100_000, 3_000_000)


def only_member(archive: Iterable[bytes]) -> tuple[str, int, bytes]:
    """Return name, mode and content of the one file in an archive that is whole."""
    data = b"".join(archive)
    assert len(data) % 512 == 0
    assert data.endswith(bytes(1024))
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        (member,) = tar
        content = tar.extractfile(member)
        assert content is not None
        return member.name, member.mode, content.read()


@pytest.mark.parametrize("size", SIZES)
def test_a_wheel_goes_in_under_its_name(tmp_path: Path, size: int) -> None:
    """One file is streamed as a whole, valid archive, whatever its size."""
    (tmp_path / "w").write_bytes(b"x" * size)
    (tmp_path / "w.tar").write_bytes(b"".join(archive_of(tmp_path / "w", "a/b.whl")))
    with tarfile.open(tmp_path / "w.tar") as tar:
        (member,) = tar
        assert (member.name, member.size, member.mode & 0o444) == ("a/b.whl", size, 0o444)
    assert only_member(archive_of(tmp_path / "w", "a/b.whl")) == ("a/b.whl", 0o644, b"x" * size)


@pytest.mark.parametrize("size", SIZES)
def test_bytes_go_in_as_a_file(size: int) -> None:
    """What is no file on the disk gives the same archive, also under a name that needs an extended header."""
    for name in ("list", "é" * 150):
        assert only_member(archive_of_bytes(name, b"x" * size)) == (name, 0o644, b"x" * size)


def test_a_file_that_shrinks_gives_no_archive(tmp_path: Path) -> None:
    """It is an error, and not an archive that ends early or whose next block is taken for a header."""
    path = tmp_path / "w"
    path.write_bytes(b"x" * 3_000_000)
    archive = archive_of(path, "w")
    next(archive)
    path.write_bytes(b"x")
    with pytest.raises(OSError, match=f"{path} became shorter"):
        list(archive)
