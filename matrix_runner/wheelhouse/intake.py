"""Extraction of one wheel, or one sdist, from an untrusted tar stream that comes out of a container."""

import io
import itertools
import os
import tarfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import IO

import msgspec

from matrix_runner.errors import OutputError, WheelRejected
from matrix_runner.files import write_all
from matrix_runner.wheelhouse.sdist_name import parse_sdist_name
from matrix_runner.wheelhouse.wheel_name import parse_name

DEFAULT_LIMIT = 2 * 1024**3 - 1
"""The largest wheel accepted, in bytes: the limit of a zip archive without the 64-bit extension."""

_HEADERS = 128 * 1024
"""Bytes allowed between the data of two files: headers, long names, extended attributes, a skipped dotfile."""

_MEMBERS = 1000
"""Entries of an archive that has one file: a frontend leaves a directory and a `.gitignore` beside it."""

_LONGEST_NAME = 255
"""Bytes of a file's name: those that file systems take (NAME_MAX)."""

_SERIAL = itertools.count()
_CHUNK = 256 * 1024
"""Less than `files.CHUNK`: `tarfile` holds several times as much for each cell that is ending."""


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """The kind of file that a stream must hold. `noun`: its name in messages, after `article`.

    `check`: raises WheelRejected for a name of the suffix that is none of the kind's. `origin`: the commands that make
    one, for advice.
    """

    article: str
    noun: str
    suffix: str
    check: Callable[[str], object]
    origin: str


WHEEL = Expected(article="a", noun="wheel", suffix=".whl", check=parse_name, origin="the build or repair command")
SDIST = Expected(article="an", noun="sdist", suffix=".tar.gz", check=parse_sdist_name, origin="the build frontend")


class _Source(io.RawIOBase):
    """A file object for `tarfile` over an iterator of chunks, which refuses to read beyond its allowance.

    `tarfile` reads long names and extended headers whole into memory, at whatever size the archive claims. So before
    each header only `_HEADERS` more bytes are allowed, and before a file's data only its own size more.
    """

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        # A view: `tarfile` asks for 10 KiB at a time, and would have the rest of a large chunk copied each time.
        self._rest = memoryview(b"")
        self._allowance = 0
        self.taken = 0
        self.last_content = 0
        """Position behind the last non-zero byte."""

    def allow(self, size: int) -> None:
        """Set the allowance to `size` more bytes, replacing any remainder."""
        self._allowance = size

    def read(self, size: int = -1) -> bytes:
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return b""
            # An empty chunk costs one byte too, so that a stream of empty chunks ends.
            self._spend(0 if chunk else 1)
            self._rest = memoryview(chunk)
        data = bytes(self._rest if size < 0 else self._rest[:size])
        self._rest = self._rest[len(data) :]
        self._spend(len(data))
        content = len(data.rstrip(b"\0"))
        if content:
            self.last_content = self.taken + content
        self.taken += len(data)
        return data

    def _spend(self, size: int) -> None:
        self._allowance -= size
        if self._allowance < 0:
            raise WheelRejected(f"the archive goes on without end where a file should begin (after {self.taken} bytes)")


def receive(
    stream: Iterator[bytes], directory: Path, *, limit: int = DEFAULT_LIMIT, expected: Expected = WHEEL
) -> Path:
    """Extract the one file of a kind, a wheel, of a tar stream into `directory`, and return its path.

    The stream comes from a container, where the project's own code ran: it is read once, in constant memory, and never
    unpacked. It must hold exactly one regular file with the plain name of a wheel, of at most `limit` bytes, and be
    complete to its end. Directories are skipped, and so are small files whose name begins with a dot (`uv build` puts a
    `.gitignore` next to its wheels). An existing file of the same name is replaced.

    Raise WheelRejected, naming the content found, for anything else; OutputError if the wheel cannot be written.
    Exceptions of the stream itself pass through. In every such case `directory` is unchanged.
    """
    source = _Source(stream)
    found: list[str] = []
    partial: Path | None = None
    noun = expected.noun
    try:
        source.allow(_HEADERS)
        with tarfile.open(fileobj=source, mode="r|", errorlevel=2) as archive:
            for member in _files(archive, source, noun):
                found.append(_checked_name(member, limit, expected))
                if len(found) > 1:
                    raise WheelRejected(
                        f"two {noun}s where one was expected: {', '.join(found)}",
                        hint=f"Each build must leave one {noun}; does the build directory hold that of another?",
                    )
                data = archive.extractfile(member)
                if data is None:
                    raise WheelRejected(f"{found[0]} has no data in the archive")
                source.allow(member.size + _HEADERS)
                partial = _store(data, member.size, directory, noun)
            _expect_end(archive.offset, source)
        if partial is None:
            raise WheelRejected(f"no {noun} was found", hint=f"Did {expected.origin} write it elsewhere?")
        placed = _put_in_place(partial, directory / found[0])
        partial = None
    except (tarfile.TarError, ValueError, OverflowError, EOFError) as error:
        raise WheelRejected(
            f"the archive that should hold {expected.article} {noun} is broken or cut short: {error}"
        ) from error
    else:
        return placed
    finally:
        if partial is not None:
            partial.unlink(missing_ok=True)


def _files(archive: tarfile.TarFile, source: _Source, noun: str) -> Iterator[tarfile.TarInfo]:
    """Yield the members that may be the file, with a fresh allowance for each header."""
    if archive.firstmember is None:  # type: ignore[attr-defined]  # typeshed lacks it
        # Opening the archive reached its end already; Python 3.10 would seek back to look again.
        return
    for number in range(_MEMBERS + 1):
        source.allow(_HEADERS)
        member = archive.next()
        if member is None:
            return
        if number == _MEMBERS:
            break
        if not (member.isdir() or _is_dotfile(member)):
            yield member
    raise WheelRejected(f"more than {_MEMBERS} entries where one {noun} was expected")


def _is_plain_file(member: tarfile.TarInfo) -> bool:
    return member.type in (tarfile.REGTYPE, tarfile.AREGTYPE) and not member.issparse()


def _is_dotfile(member: tarfile.TarInfo) -> bool:
    return _is_plain_file(member) and PurePosixPath(member.name).name.startswith(".") and ".." not in member.name


def _checked_name(member: tarfile.TarInfo, limit: int, expected: Expected) -> str:
    """Return the base name of a member that may be the file; raise WheelRejected, naming its kind, for any other."""
    one = f"{expected.article} {expected.noun}"
    if not _is_plain_file(member):
        kind = "a link" if member.islnk() or member.issym() else "no regular file"
        raise WheelRejected(f"{member.name[:_LONGEST_NAME]!r} is {kind}; only one regular file, {one}, was expected")
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts:
        raise WheelRejected(f"{member.name[:_LONGEST_NAME]!r} leads out of its directory")
    if not path.name or len(os.fsencode(path.name)) > _LONGEST_NAME:
        raise WheelRejected(f"{member.name[:_LONGEST_NAME]!r} has a name that file systems do not take")
    if not path.name.endswith(expected.suffix):
        raise WheelRejected(f"{member.name!r} is not {one}; only one regular file, {one}, was expected")
    expected.check(path.name)
    if not 0 < member.size <= limit:
        raise WheelRejected(f"{path.name} has {member.size} bytes; at most {limit} are taken, and at least one")
    return path.name


def _store(data: IO[bytes], size: int, directory: Path, noun: str) -> Path:
    """Copy `size` bytes into a new file with a temporary name."""
    # Not `files.replacing`: the wheel gets its name only when the rest of the stream has been looked at.
    partial = directory / f".incoming-{os.getpid()}-{next(_SERIAL)}.partial"
    try:
        _copy(data, size, partial)
    except BaseException as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise OutputError(f"cannot write the {noun} to {directory}: {error.strerror or error}") from error
        raise
    return partial


def _copy(data: IO[bytes], size: int, partial: Path) -> None:
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666)
    written = 0
    with os.fdopen(descriptor, "wb", buffering=0):
        while chunk := data.read(_CHUNK):
            write_all(descriptor, chunk)
            written += len(chunk)
    if written != size:
        raise tarfile.ReadError(f"{written} of {size} bytes came")


def _expect_end(offset: int, source: _Source) -> None:
    """Require the two zero blocks that end an archive, and only zeros after them.

    `tarfile` takes a truncated stream, or a broken header, for the end.
    """
    source.allow(_HEADERS)
    while source.last_content <= offset and source.read(_CHUNK):
        pass
    if source.last_content > offset:
        raise tarfile.ReadError("something follows its end")
    if source.taken < offset + 2 * tarfile.BLOCKSIZE:
        raise tarfile.ReadError("it stops before its end")


def _put_in_place(partial: Path, target: Path) -> Path:
    try:
        partial.replace(target)
    except OSError as error:
        raise OutputError(f"cannot write {target}: {error.strerror or error}") from error
    return target
