"""The difference between two sdists of one name, member by member; their times and their order do not count.

Build backends store the time of the build: setuptools that of the files that it makes, and all of them in the header of
the gzip stream. So two sdists of the same files are seldom the same file.
"""

import gzip
import hashlib
import tarfile
import zlib
from pathlib import Path
from typing import Final

from matrix_runner.wording import first_of

_MOST_MEMBERS: Final = 4
_MOST_BYTES: Final = 4 * 1024**3
_CHUNK: Final = 256 * 1024
_BROKEN: Final = (OSError, tarfile.TarError, EOFError, zlib.error, ValueError)


def is_same_sdist(old: Path, new: Path) -> bool:
    """Whether two files are sdists with the same members. Never raises: a file that is none is another one."""
    try:
        return not old.is_symlink() and old.is_file() and _members(old) == _members(new)
    except _BROKEN:
        return False


def sdist_difference(old: Path, new: Path) -> str:
    """Return the members in which two sdists differ, as a clause. Never raises."""
    try:
        before, after = _members(old), _members(new)
    except _BROKEN as error:
        return f"content that cannot be compared ({error})"
    found = []
    for name in sorted(before.keys() | after.keys()):
        if name not in after:
            found.append(f"{name} (in the old one only)")
        elif name not in before:
            found.append(f"{name} (in the new one only)")
        elif before[name] != after[name]:
            found.append(name)
    return first_of(found, _MOST_MEMBERS) or "order, times or compression of the members only"


def _members(path: Path) -> dict[str, tuple[bytes, bool, str]]:
    """Return kind, permission to execute, and digest or target of each member that is no directory."""
    found = {}
    left = _MOST_BYTES
    with gzip.open(path, "rb") as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            left -= member.size
            if left < 0:
                raise ValueError(f"it unpacks to more than {_MOST_BYTES} bytes")
            content = archive.extractfile(member) if member.isreg() else None
            digest = hashlib.sha256()
            while content is not None and (chunk := content.read(_CHUNK)):
                digest.update(chunk)
            if not member.isdir():
                target = member.linkname if content is None else digest.hexdigest()
                found[member.name] = (member.type, bool(member.mode & 0o100), target)
    return found
