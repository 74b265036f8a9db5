"""Building from an sdist: unpacks an untrusted `.tar.gz` or `.zip` for the duration of a run.

Python 3.10.11 and 3.11.3 are the first of their lines whose tarfile can refuse paths out of the directory (PEP 706),
and none limits the size. So members are written one by one here: files under plain names first, links last, when
nothing can be written through them any more.
"""

import errno
import os
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from matrix_runner.config.mistakes import printable, quote
from matrix_runner.errors import MachineError, UsageError
from matrix_runner.project.sdist_members import CHUNK, Kind, Limits, Member, Refused, members

_SUFFIXES: Final = (".tar.gz", ".zip")
_PROJECT_FILES: Final = ("pyproject.toml", "setup.py", "setup.cfg")
_DEEPEST: Final = 100
"""Nested directories: Python's own functions for creating and removing them are recursive."""

_MACHINE: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO})
"""Errors of this machine; others come from names that no file system would accept."""

_CONTRADICTIONS: Final = (FileExistsError, IsADirectoryError, NotADirectoryError)

_DAMAGES: Final = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, struct.error),
    *(EOFError, ValueError, RuntimeError),
)
"""Exceptions of the standard library's readers for a broken or truncated archive."""

DEFAULT_LIMITS: Final = Limits(size=4 * 1024**3, members=100_000)
"""Far above published sdists: the package index accepts files of 100 MB, and more only on request."""


def is_sdist(path: Path) -> bool:
    """Whether a path is meant as an sdist: by its suffix, whether the file exists or not."""
    return path.name.lower().endswith(_SUFFIXES) and not path.is_dir()


@contextmanager
def open_sdist(archive: Path, scratch: Path, *, limits: Limits = DEFAULT_LIMITS) -> Iterator[Path]:
    """Unpack an sdist in a new directory below `scratch`, and yield the one directory in it; all is removed at the end.

    `.tar.gz` and `.zip` are recognised by content. Raise UsageError if the archive is missing, damaged or hostile, or
    holds no project; MachineError if it cannot be written to `scratch`.
    """
    _must_be_readable(archive)
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        room = TemporaryDirectory(prefix="sdist-", dir=scratch, ignore_cleanup_errors=True)
    except OSError as error:
        raise _no_room(archive, scratch, error) from error
    with room as name:
        directory = Path(name)
        _unpack(archive, directory, limits)
        yield _project(archive, directory)


def _must_be_readable(archive: Path) -> None:
    try:
        is_file, is_something = archive.is_file(), os.path.lexists(archive)
        if is_file:
            archive.open("rb").close()
    except OSError as error:
        raise _unusable(archive, f"cannot be read: {_reason(error)}", "make it readable for this user") from error
    if not is_file:
        hint = "name the directory of a project, or an sdist such as dist/name-1.0.tar.gz"
        # A dangling link is not reported as missing: its user can see it in the directory.
        raise _unusable(archive, "not a regular file" if is_something else "no such file", hint)


def _unpack(archive: Path, directory: Path, limits: Limits) -> None:
    unpacking = _Unpacking(directory, limits)
    try:
        for member in members(archive, limits):
            unpacking.put(member)
        unpacking.link()
    except Refused as error:
        raise _unusable(archive, str(error), error.hint) from None
    except OSError as error:
        if error.errno in _MACHINE:
            raise _no_room(archive, directory.parent, error) from error
        raise _damaged(archive, error) from error
    except _DAMAGES as error:
        raise _damaged(archive, error) from error


def _project(archive: Path, directory: Path) -> Path:
    """Return the one unpacked directory; raise UsageError if there are several, or no project in it."""
    hint = "an sdist holds one directory, name-version (PEP 625); `python -m build --sdist` makes one"
    found = sorted(directory.iterdir())
    if len(found) != 1:
        names = ", ".join(quote(path.name) for path in found[:3]) + (", ..." if len(found) > 3 else "")
        raise _unusable(
            archive, f"expected one directory at the top, found {len(found)}: {names}" if found else "is empty", hint
        )
    (project,) = found
    if project.is_symlink() or not project.is_dir():
        raise _unusable(archive, f"expected one directory at the top, found the file {quote(project.name)}", hint)
    if not any((project / name).is_file() for name in _PROJECT_FILES):
        names = ", ".join(_PROJECT_FILES)
        raise _unusable(archive, f"not a Python project: {quote(project.name)} in it has no {names}", hint)
    return project


class _Unpacking:
    """Writes an sdist's members below a directory."""

    def __init__(self, directory: Path, limits: Limits) -> None:
        self._directory = directory
        self._limits = limits
        self._left = limits.size
        self._count = 0
        self._files: set[tuple[str, ...]] = set()
        self._links: dict[tuple[str, ...], str] = {}

    def put(self, member: Member) -> None:
        """Write a file or directory, or record a link for later."""
        self._count += 1
        if self._count > self._limits.members:
            raise Refused(f"has more than {self._limits.members:,} members")
        parts = _parts(member.name)
        try:
            self._put(member, parts)
        except _CONTRADICTIONS:
            raise _taken(parts) from None

    def _put(self, member: Member, parts: tuple[str, ...]) -> None:
        match member.kind:
            case Kind.DIRECTORY:
                self._directory.joinpath(*parts).mkdir(parents=True, exist_ok=True)
            case Kind.LINK if parts:
                # Its directory is created now: later another link could redirect it.
                self._directory.joinpath(*parts).parent.mkdir(parents=True, exist_ok=True)
                self._links[parts] = member.target
            case Kind.COPY if parts:
                self._copy(member, parts)
            case Kind.FILE if parts:
                self._write(parts, member.read, is_executable=member.is_executable)
            case _:
                raise Refused(f"member {quote(member.name)} is no file, directory or link")

    def link(self) -> None:
        """Create the links; raise Refused if one leads out of the project's directory."""
        places = {parts: self._directory.joinpath(*parts) for parts in self._links}
        parts: tuple[str, ...] = ()
        try:
            for parts, place in places.items():
                place.symlink_to(self._links[parts])
        except _CONTRADICTIONS:
            raise _taken(parts) from None
        top = os.path.realpath(self._directory)
        for parts, place in places.items():
            if not Path(os.path.realpath(place)).is_relative_to(Path(top, parts[0])):
                target = quote(self._links[parts])
                raise Refused(f"member {quote('/'.join(parts))} is a link to {target}, out of the project")

    def _copy(self, member: Member, parts: tuple[str, ...]) -> None:
        """Write a hard link as a separate file: containers get no hard links either."""
        source = _parts(member.target)
        if source not in self._files or source == parts:
            raise Refused(
                f"member {quote(member.name)} is a hard link to {quote(member.target)}, which is no file before it"
            )
        path = self._directory.joinpath(*source)
        is_executable = bool(path.stat().st_mode & 0o100)
        with path.open("rb") as stream:
            self._write(parts, stream.read, is_executable=is_executable)

    def _write(self, parts: tuple[str, ...], read: Callable[[int], bytes], *, is_executable: bool) -> None:
        path = self._directory.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        # Of two members with one name the later wins, as everywhere.
        self._links.pop(parts, None)
        with path.open("wb") as file:
            while chunk := read(CHUNK):
                self._left -= len(chunk)
                if self._left < 0:
                    raise Refused(f"unpacks to more than {self._limits.size:,} bytes")
                file.write(chunk)
        path.chmod(0o755 if is_executable else 0o644)
        self._files.add(parts)


def _parts(name: str) -> tuple[str, ...]:
    """Return the parts of a member's name; raise Refused if it leads out of the directory."""
    parts = tuple(part for part in name.split("/") if part not in {"", "."})
    if name.startswith("/") or ".." in parts:
        raise Refused(f"member {quote(name)} leads out of the archive's own directory")
    if len(parts) > _DEEPEST:
        raise Refused(f"member {quote(name)} lies more than {_DEEPEST} directories deep")
    return parts


def _taken(parts: tuple[str, ...]) -> Refused:
    return Refused(f"member {quote('/'.join(parts))} is in the way of another: one of them is no directory")


def _reason(error: Exception) -> str:
    text = error.strerror.lower() if isinstance(error, OSError) and error.strerror else str(error)
    return printable(" ".join((text or type(error).__name__).split()))


def _unusable(archive: Path, why: str, hint: str) -> UsageError:
    return UsageError(f"{printable(str(archive))}: {why}", hint=hint)


def _damaged(archive: Path, error: Exception) -> UsageError:
    hint = "download it again, or make it with `python -m build --sdist`"
    return _unusable(archive, f"damaged or incomplete: {_reason(error)}", hint)


def _no_room(archive: Path, scratch: Path, error: OSError) -> MachineError:
    return MachineError(
        f"cannot unpack {printable(str(archive))} in {printable(str(scratch))}: {_reason(error)}",
        hint="set XDG_CACHE_HOME to a directory that can be written to and has room",
    )
