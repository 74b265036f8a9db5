"""Inspection of a whole wheel: metadata, RECORD hashes, ELF files; rejects a wheel that contradicts itself."""

import hashlib
import heapq
import io
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import IO, Final

import msgspec
from packaging.tags import Tag
from packaging.utils import BuildTag, canonicalize_name
from packaging.version import Version

from matrix_runner.errors import OutputError, WheelRejected
from matrix_runner.files import sha256_of_rest
from matrix_runner.model.elf_files import ElfFile, elf_file
from matrix_runner.model.outcomes import PackedFile
from matrix_runner.wheelhouse.dist_info import DistInfo, RecordEntry, read_dist_info
from matrix_runner.wheelhouse.wheel_archive import open_archive
from matrix_runner.wheelhouse.wheel_name import WheelName, parse_name

_CHUNK = 256 * 1024
"""Less than `files.CHUNK`: `zipfile` holds several times as much, compressed and not, for each cell that is ending."""

_SMALL = 4 * 1024**2
"""Bytes up to which a wheel is read into memory first: `zipfile` seeks a hundred times even in a small file."""

_IN_MEMORY = 1024**2
"""Bytes of an unpacked ELF file up to which it is kept in memory while it is examined."""

_READERS = 2
"""Threads that read the files of one wheel; more would wait for each other, and take memory for a cell each."""

_WORTH_THREADS = 8 * 1024**2
"""Bytes unpacked from which on threads are started, which take about as long as unpacking a tenth of it."""

MEMBER_LIMIT = 4 * 1024**3
"""The maximal size of an ELF file to examine, in bytes; the largest libraries in wheels have some 2 GB."""

LARGEST: Final = 10
"""Files whose sizes are kept in reports, to tell later what made a wheel grow."""

_VERSIONED = ("abi3", "abi3t", "cpython-", "pypy", "graalpy")
"""Possible beginnings of the last part of an extension module's suffix, before `.so` (`importlib.machinery`,
sysconfig)."""


class WheelContents(msgspec.Struct, frozen=True, kw_only=True):
    """The content of a consistent wheel.

    `name`: the project, normalised; `is_pure`: without any code; `grafted_files`: paths of the libraries that repair
    put in `<name>.libs/`; `modules`: path and suffix (`.cpython-311-x86_64-linux-gnu.so`, `.abi3.so`, `.so`) of
    everything named like an extension module; `sboms`: paths of the documents in `.dist-info/sboms/`; `largest`: the
    largest files, in order; `size` in bytes and `sha256` in hexadecimal are the file's own, so that publishing can
    detect a change.
    """

    filename: str
    name: str
    version: Version
    build_tag: BuildTag
    tags: frozenset[Tag]
    is_pure: bool
    elf_files: tuple[ElfFile, ...]
    grafted_files: tuple[str, ...]
    modules: tuple[tuple[str, str], ...]
    sboms: tuple[str, ...]
    largest: tuple[PackedFile, ...]
    size: int
    sha256: str

    @property
    def grafted(self) -> tuple[str, ...]:
        """Base names of the grafted libraries, sorted."""
        return tuple(sorted(path.rpartition("/")[2] for path in self.grafted_files))

    @property
    def extension_suffixes(self) -> tuple[str, ...]:
        """The suffixes of extension modules, sorted."""
        return tuple(sorted({suffix for _, suffix in self.modules}))


Examine = Callable[[ElfFile, IO[bytes]], None]
"""Receives each ELF file of a wheel, unpacked and seekable, for the time of the call; in any order, from any thread."""


def inspect(wheel: Path, examine: Examine | None = None) -> WheelContents:
    """Read a wheel once, in constant memory, and return its content. Runs nothing of it.

    With `examine`, one ELF file at a time is unpacked for it, into memory or an unnamed file; without, nothing is.
    Raise OutputError if there is no space for that.

    Raise WheelRejected, naming the wheel and the member, if it is not a zip archive or broken anywhere; if a member is
    a link, a duplicate, leads out of its directory, or unpacks to absurd sizes; if there is not exactly one
    `.dist-info` directory with METADATA, WHEEL and RECORD; if METADATA or WHEEL contradict the file name; if RECORD and
    the files differ in any way. pip 23 installs the last without a warning (measured).
    """
    name = parse_name(wheel.name)
    try:
        with wheel.open("rb", buffering=io.DEFAULT_BUFFER_SIZE) as on_disk:
            head = on_disk.read(_SMALL + 1)
            file = io.BytesIO(head) if len(head) <= _SMALL else on_disk
            file.seek(0)
            digest = sha256_of_rest(file)
            with open_archive(file, wheel.name) as archive:
                info = read_dist_info(archive, wheel.name, name)
                elf_files = _check_files(archive, wheel.name, info, examine)
                largest = _largest(archive)
                size = file.seek(0, 2)
    except OSError as error:
        raise WheelRejected(f"{wheel} cannot be read: {error.strerror or error}") from error
    paths = tuple(info.record)
    return WheelContents(
        filename=wheel.name,
        name=name.project,
        version=name.version,
        build_tag=name.build_tag,
        tags=name.tags,
        is_pure=info.root_is_purelib and not any(each.is_code for each in elf_files),
        elf_files=elf_files,
        grafted_files=tuple(path for path in paths if _is_grafted(path, name)),
        modules=tuple((path, _suffix(path)) for path in paths if _is_module(path, name)),
        sboms=tuple(path for path in paths if ".dist-info/sboms/" in path),
        largest=largest,
        size=size,
        sha256=digest,
    )


def _largest(archive: zipfile.ZipFile) -> tuple[PackedFile, ...]:
    members = heapq.nlargest(LARGEST, archive.infolist(), key=lambda member: member.compress_size)
    return tuple(PackedFile(path=member.filename, size=member.compress_size) for member in members)


def _check_files(archive: zipfile.ZipFile, wheel: str, info: DistInfo, examine: Examine | None) -> tuple[ElfFile, ...]:
    """Check every file against RECORD, and return the ELF files among them, in the order of the archive.

    If it is much, in two threads: unpacking and digests, most of the work, leave the interpreter to others. Of two
    mistakes the first one is told.
    """
    members = [member for member in archive.infolist() if not member.is_dir()]
    found: dict[str, ElfFile] = {}

    def check(own: Sequence[zipfile.ZipInfo]) -> tuple[int, Exception] | None:
        for member in own:
            try:
                elf = _checked(archive, member, wheel, info, examine)
            except Exception as error:  # noqa: BLE001  raised by the caller
                return member.header_offset, error
            if elf is not None:
                found[member.filename] = elf
        return None

    if sum(member.file_size for member in members) < _WORTH_THREADS:
        results = [check(members)]
    else:
        with ThreadPoolExecutor(_READERS) as pool:
            results = list(pool.map(check, _shares(members)))
    mistakes = [mistake for mistake in results if mistake is not None]
    if mistakes:
        raise min(mistakes, key=lambda mistake: mistake[0])[1]
    return tuple(found[member.filename] for member in members if member.filename in found)


def _shares(members: Sequence[zipfile.ZipInfo]) -> list[list[zipfile.ZipInfo]]:
    """Share members out to the readers, so that each has about as much to unpack, and its own in order."""
    shares: list[list[zipfile.ZipInfo]] = [[] for _ in range(_READERS)]
    sizes = [0] * _READERS
    for member in sorted(members, key=lambda one: -one.file_size):
        least = sizes.index(min(sizes))
        shares[least].append(member)
        sizes[least] += member.file_size
    return [sorted(share, key=lambda one: one.header_offset) for share in shares]


def _checked(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, wheel: str, info: DistInfo, examine: Examine | None
) -> ElfFile | None:
    path = member.filename
    entry = info.record.get(path)
    if entry is None and path not in info.unrecorded:
        raise WheelRejected(f"{wheel}: {path} is not in RECORD", hint="Was a file added to the wheel by hand?")
    # Files already read to their end (with `zipfile` checking the CRC) are not unpacked again.
    with io.BytesIO(info.texts[path]) if path in info.texts else archive.open(member) as file:
        return _read(file, member, entry, wheel, examine)


def _read(
    file: IO[bytes], member: zipfile.ZipInfo, entry: RecordEntry | None, wheel: str, examine: Examine | None
) -> ElfFile | None:
    """Read a member to its end (`zipfile` checks the CRC there) and compare it with its entry in RECORD."""
    path = member.filename
    digest = hashlib.new(entry.algorithm if entry else "sha256")
    head = file.read(_CHUNK)
    elf = elf_file(path, head)
    size = 0
    chunk = head
    with ExitStack() as stack:
        copy: tempfile.SpooledTemporaryFile[bytes] | None = None
        if elf is not None and examine is not None:
            if member.file_size > MEMBER_LIMIT:
                raise WheelRejected(f"{wheel}: {path} has {member.file_size} bytes: too many to look into")
            copy = stack.enter_context(tempfile.SpooledTemporaryFile(_IN_MEMORY))
        while chunk:
            digest.update(chunk)
            size += len(chunk)
            if copy is not None:
                _write(copy, chunk)
            chunk = file.read(_CHUNK)
        if entry is not None and entry.digest != digest.digest():
            raise WheelRejected(f"{wheel}: {path} is not the file that RECORD gives the {entry.algorithm} of")
        if entry is not None and entry.size not in (None, size):
            raise WheelRejected(f"{wheel}: {path} has {size} bytes, RECORD says {entry.size}")
        if elf is not None and examine is not None and copy is not None:
            copy.seek(0)
            examine(elf, copy)
    return elf


def _write(copy: "tempfile.SpooledTemporaryFile[bytes]", chunk: bytes) -> None:
    try:
        copy.write(chunk)
    except OSError as error:
        where = tempfile.gettempdir()
        raise OutputError(
            f"cannot unpack a library to {where}: {error.strerror or error}",
            hint="Make room there, or set TMPDIR to a directory that has it.",
        ) from error


def _is_grafted(path: str, name: WheelName) -> bool:
    """Whether repair added the file: in auditwheel's `<name>.libs/` beside packages, or the old `<package>/.libs/`."""
    directory = path.rpartition("/")[0].rpartition("/")[2]
    return directory == ".libs" or (
        directory.endswith(".libs") and canonicalize_name(directory.removesuffix(".libs")) == name.project
    )


def _is_module(path: str, name: WheelName) -> bool:
    return path.endswith(".so") and not _is_grafted(path, name)


def _suffix(path: str) -> str:
    """Return the suffix by which Python's import system recognises a module's file."""
    tag = PurePosixPath(PurePosixPath(path).stem).suffix
    return f"{tag}.so" if tag[1:].startswith(_VERSIONED) else ".so"
