"""The members of the source archive: their headers, and the digest of each file that is added."""

import hashlib
import io
import os
import tarfile
from pathlib import Path
from typing import IO, Final, cast

from matrix_runner.files import read_exactly

_MODES: Final = {0o644: "", 0o755: " executable"}


class _Hashing:
    """A file that hashes the data read from it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        data = self._file.read(size)
        self.digest.update(data)
        return data


def header(name: str, time: int, *, is_executable: bool = False) -> tarfile.TarInfo:
    """Return a member's header. `time`: in seconds since 1970."""
    info = tarfile.TarInfo(name)
    info.mtime = time
    info.mode = 0o755 if is_executable else 0o644
    return info


def add_bytes(archive: tarfile.TarFile, data: bytes, info: tarfile.TarInfo) -> None:
    """Add content from memory."""
    info.size = len(data)
    archive.addfile(info, io.BytesIO(data))


def add_file(archive: tarfile.TarFile | None, path: Path, info: tarfile.TarInfo) -> str:
    """Add a file, if there is an archive; return the digest of its content and mode.

    Raise OSError, also if it is written to meanwhile: half of the old and half of the new state would be built.
    TarError if it ends too early.
    """
    with path.open("rb") as file:
        before = os.fstat(file.fileno())
        info.size = before.st_size
        hashing = _Hashing(file)
        if archive is not None:
            archive.addfile(info, cast("IO[bytes]", hashing))
        else:
            for _ in read_exactly(hashing, info.size, str(path)):
                pass
        after = os.fstat(file.fileno())
    if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        raise OSError(f"{path} was written to while it was read")
    return f"{hashing.digest.hexdigest()}{_MODES.get(info.mode, f' mode {info.mode:o}')}"
