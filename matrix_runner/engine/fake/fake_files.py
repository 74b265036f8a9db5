"""The fake engine's file system: absolute paths and contents, and tar archives made of them."""

import io
import posixpath
import tarfile
from typing import IO

Files = dict[str, bytes]


def unpack(directory: str, archive: IO[bytes]) -> Files:
    """Return the regular files of a tar archive as unpacked under `directory`. Raise tarfile.TarError."""
    with tarfile.open(fileobj=archive) as tar:
        found: Files = {}
        for member in tar:
            content = tar.extractfile(member) if member.isfile() else None
            if content is not None:
                found[posixpath.normpath(posixpath.join(directory, member.name))] = content.read()
        return found


def pack(path: str, files: Files) -> bytes | None:
    """Return the file or directory at `path` as tar, with names relative to its parent; None if it is missing."""
    chosen = {name: data for name, data in files.items() if name == path or name.startswith(f"{path}/")}
    if not chosen:
        return None
    parent = posixpath.dirname(path)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, data in sorted(chosen.items()):
            info = tarfile.TarInfo(posixpath.relpath(name, parent))
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()
