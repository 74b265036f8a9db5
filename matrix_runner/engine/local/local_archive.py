"""Tar streams in and out of a directory of this machine."""

import io
import os
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from matrix_runner.archives import END, padding
from matrix_runner.errors import EngineError
from matrix_runner.files import read_exactly


def unpack(directory: Path, archive: Iterable[bytes]) -> None:
    """Unpack a tar stream, all of it inside the directory.

    Links may lead outside, as those of an environment in a project do, but nothing is written through them. Raise
    EngineError for a member outside of the directory, and if the stream ends early or the disk is full.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        inside = directory.resolve()
        with tarfile.open(fileobj=_Chunks(archive), mode="r|") as tar:
            if hasattr(tarfile, "fully_trusted_filter"):
                tar.extraction_filter = tarfile.fully_trusted_filter
            for member in tar:
                _refuse_escape(member, inside)
                tar.extract(member, inside)
    except (tarfile.TarError, OSError) as error:
        raise EngineError(f"cannot unpack an archive in {directory}: {error}") from error


def _refuse_escape(member: tarfile.TarInfo, directory: Path) -> None:
    """Raise EngineError for members that would be written outside (PEP 706), and for devices and pipes.

    Called just before the member is unpacked, so that existing links count.
    """
    parent = (directory / member.name).parent.resolve()
    place = parent / Path(member.name).name
    # A link replaces what is there; a file would be written to where an existing link leads.
    is_inside = parent.is_relative_to(directory) and Path(member.name).name not in {"", ".."}
    if not member.issym():
        is_inside = is_inside and Path(os.path.realpath(place)).is_relative_to(directory)
    if not is_inside or not (member.isreg() or member.isdir() or member.issym()):
        raise EngineError(
            f"cannot unpack {member.name!r} in {directory}: it leads out of it, or is no file, directory or link"
        )


def pack(path: Path) -> Iterator[bytes]:
    """Stream a file, link or directory as tar, named by the last part of its path. Raise EngineError."""
    try:
        with tarfile.open(fileobj=io.BytesIO(), mode="w", format=tarfile.PAX_FORMAT) as tar:
            for member in _walk(path):
                info = tar.gettarinfo(member, arcname=str(Path(path.name) / member.relative_to(path)))
                # gettarinfo returns None for sockets, and would send the second of two hard links without content.
                if info is None:
                    continue
                if info.islnk():
                    info.type, info.linkname, info.size = tarfile.REGTYPE, "", member.stat().st_size
                yield info.tobuf(tarfile.PAX_FORMAT)
                if info.isreg():
                    with member.open("rb") as file:
                        yield from read_exactly(file, info.size, str(member))
                    yield padding(info.size)
    except (tarfile.TarError, OSError) as error:
        raise EngineError(f"cannot read {path}: {error}") from error
    yield END


def _walk(path: Path) -> Iterator[Path]:
    yield path
    if path.is_dir() and not path.is_symlink():
        for child in sorted(path.iterdir()):
            yield from _walk(child)


class _Chunks(io.RawIOBase):
    """A readable file over chunks, for tarfile; each read ends with a chunk."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        super().__init__()
        self._chunks = iter(chunks)
        # A view: `tarfile` requests 10 KiB at a time, and would copy the rest of a large chunk each time.
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return b""
            self._rest = memoryview(chunk)
        data = bytes(self._rest if size < 0 else self._rest[:size])
        self._rest = self._rest[len(data) :]
        return data
