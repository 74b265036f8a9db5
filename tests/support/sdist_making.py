"""Archives for tests: honest ones, and ones that nobody should unpack."""

import gzip
import io
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

PROJECT = {"demo-1.0/pyproject.toml": b"[project]\nname = 'demo'\n", "demo-1.0/src/demo.c": b"int x;\n"}


def entry(
    name: str, content: bytes = b"", **facts: str | int | bytes | dict[str, str]
) -> tuple[tarfile.TarInfo, bytes]:
    """One member of a tar; `facts` are set on its header."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in facts.items():
        setattr(info, key, value)
    return info, content


def tar_bytes(entries: Iterable[tuple[tarfile.TarInfo, bytes]] = (), *, files: dict[str, bytes] | None = None) -> bytes:
    """Make a tar, not compressed: first the files, as in an honest sdist, then the entries."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in (PROJECT if files is None else files).items():
            tar.addfile(*_opened(entry(name, content)))
        for info, content in entries:
            tar.addfile(*_opened((info, content)))
    return stream.getvalue()


def _opened(member: tuple[tarfile.TarInfo, bytes]) -> tuple[tarfile.TarInfo, io.BytesIO]:
    return member[0], io.BytesIO(member[1])


def write_tar(path: Path, *entries: tuple[tarfile.TarInfo, bytes], files: dict[str, bytes] | None = None) -> Path:
    """Write a `.tar.gz`."""
    path.write_bytes(gzip.compress(tar_bytes(entries, files=files), mtime=0))
    return path


def zip_entry(name: str, mode: int = 0) -> zipfile.ZipInfo:
    """One member's header of a zip, `mode` as in the file system."""
    info = zipfile.ZipInfo(name)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = mode << 16
    return info


def write_zip(path: Path, *entries: tuple[zipfile.ZipInfo, bytes], files: dict[str, bytes] | None = None) -> Path:
    """Write a `.zip`."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in (PROJECT if files is None else files).items():
            archive.writestr(zip_entry(name), content)
        for info, content in entries:
            archive.writestr(info, content)
    return path
