"""Files that are written to while they are added to the source archive."""

import os
import tarfile
from pathlib import Path

import pytest

from matrix_runner.project.archive_members import add_file, header


class _Written(tarfile.TarFile):
    """An archive that somebody else writes to the file of, once it has been read."""

    def addfile(self, tarinfo: tarfile.TarInfo, fileobj: object = None) -> None:
        super().addfile(tarinfo, fileobj)  # type: ignore[arg-type]
        path = Path(tarinfo.linkname)
        if tarinfo.name == "grows":
            path.write_bytes(b"longer than it was")
        elif tarinfo.name == "same size":
            path.write_bytes(b"after!")
            os.utime(path, ns=(0, 1))


@pytest.mark.parametrize("name", ["grows", "same size"])
def test_a_file_that_is_written_to_is_an_error(tmp_path: Path, name: str) -> None:
    """What was read may be half of the one state and half of the other."""
    path = tmp_path / "file"
    path.write_bytes(b"before")
    info = header(name, 0)
    info.linkname = str(path)
    with (
        _Written.open(tmp_path / "archive.tar", "w") as archive,
        pytest.raises(OSError, match="file was written to while it was read"),
    ):
        add_file(archive, path, info)


def test_a_file_that_is_only_read_is_added(tmp_path: Path) -> None:
    """Also if the reading changes its time of access."""
    path = tmp_path / "file"
    path.write_bytes(b"before")
    with _Written.open(tmp_path / "archive.tar", "w") as archive:
        add_file(archive, path, header("file", 0))
    with tarfile.open(tmp_path / "archive.tar") as archive:
        assert archive.getnames() == ["file"]
