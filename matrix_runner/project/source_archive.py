"""The source archive: the project's files in one normalised tar, packed once a run, with a digest of each.

Normalised means: sorted names, owner 0, modes 644 or 755, one modification time. So equal sources give equal bytes, and
a build cannot depend on the time or user of a checkout (reference: reproducible-builds.org).
"""

import errno
import hashlib
import os
import stat
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from matrix_runner.config.loading.build_files import BuildFiles
from matrix_runner.errors import MachineError, UsageError
from matrix_runner.files import chunks_of, read_exactly
from matrix_runner.project.git import Git
from matrix_runner.project.source_files import list_files

Digests = tuple[tuple[str, str], ...]
"""The digest of each file's content, kind and mode, by name, sorted; for `.git`, of the state that a build can see."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceArchive:
    """A tar of the project on disk. `epoch`: its files' modification time, for SOURCE_DATE_EPOCH. `size` in bytes."""

    path: Path
    size: int
    files: int
    epoch: int
    notices: tuple[str, ...]
    digests: Digests = ()

    def read(self) -> Iterator[bytes]:
        """Stream the archive; every caller has its own file position. Raise OSError."""
        return chunks_of(self.path)


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """The facts about an archive that `pack` would write; the fields are those of `SourceArchive`."""

    digests: Digests
    files: int
    epoch: int
    notices: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceSelection:
    """The files of a project to pack: those of `source_files.list_files`.

    `exclude`: directories never to pack, such as the output directory. `build_files`: of the project, and of the
    package if that is another directory; default: the project's.
    """

    project: Path
    environ: Mapping[str, str]
    exclude: Iterable[Path] = ()
    build_files: tuple[BuildFiles, ...] = ()


def pack(selection: SourceSelection, target: Path) -> SourceArchive:
    """Write a project's files as a tar to `target`.

    Sockets, FIFOs and devices are left out with a notice and never opened. Raise MachineError if a file is unreadable
    or keeps changing while it is read, UsageError if there are no files.
    """
    found = _gather(selection, target)
    return SourceArchive(
        path=target,
        size=target.stat().st_size,
        files=found.files,
        epoch=found.epoch,
        notices=found.notices,
        digests=found.digests,
    )


def survey(selection: SourceSelection) -> Survey:
    """Read the files that `pack` would, without writing. Raises the same errors."""
    return _gather(selection, None)


def _gather(selection: SourceSelection, target: Path | None) -> Survey:
    project, environ = selection.project, selection.environ
    git = Git(project, environ)
    files = selection.build_files or (BuildFiles(project),)
    notices: list[str] = []
    for attempt in (1, 2):
        try:
            listed = list_files(project, git, environ=environ, exclude=selection.exclude, build_files=files)
            notices += listed.notices
            digests = _write(project, listed.names, target, listed.epoch, notices)
            break
        except (tarfile.TarError, OSError) as error:
            # A file that shrinks or vanishes between listing and reading: an editor or a build is active.
            if attempt == 2:
                raise MachineError(f"cannot pack the project: {error}", hint=_advice(error)) from error
    # Files of `.git` change without a real change: use the state that git reports instead.
    seen = [pair for pair in digests if not pair[0].startswith(".git/")]
    if len(seen) < len(digests):
        seen.append((".git", hashlib.sha256(git.state()).hexdigest()))
    return Survey(
        digests=tuple(sorted(seen)), files=len(digests), epoch=listed.epoch, notices=tuple(dict.fromkeys(notices))
    )


def _advice(error: Exception) -> str:
    number = error.errno if isinstance(error, OSError) else None
    if number in {errno.EACCES, errno.EPERM}:
        return "make it readable for this user, or add it to .gitignore"
    if number in {errno.ENOSPC, errno.EDQUOT}:
        return "make room, or set XDG_CACHE_HOME to a directory on another disk"
    return "a file changes while it is read: stop what writes there, or add it to .gitignore"


def _write(
    project: Path, names: Iterable[str], target: Path | None, epoch: int, notices: list[str]
) -> list[tuple[str, str]]:
    """Write the tar, if there is a target; return each file's digest."""
    with tarfile.open(
        target or os.devnull, "w", format=tarfile.PAX_FORMAT, encoding="utf-8", errors="surrogateescape"
    ) as archive:
        found = [(name, _add(None if target is None else archive, project, name, epoch, notices)) for name in names]
    digests = [(name, digest) for name, digest in found if digest is not None]
    if not digests:
        raise UsageError(f"{project} has no file to build from", hint="is everything in it ignored by git?")
    return digests


def _leads_out(link: Path, project: Path) -> bool:
    """Whether a link's target will be missing in the container; an absolute one has another meaning there."""
    # Path.resolve raises RuntimeError for a link to itself (Python below 3.13).
    return link.readlink().is_absolute() or not Path(os.path.realpath(link)).is_relative_to(project.resolve())


class _Hashing:
    """A file that hashes the data read from it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        data = self._file.read(size)
        self.digest.update(data)
        return data


def _add(archive: tarfile.TarFile | None, project: Path, name: str, epoch: int, notices: list[str]) -> str | None:
    """Add a file to the archive, if there is one; return its digest, None if it is left out."""
    path = project / name
    status = path.lstat()
    info = tarfile.TarInfo(name)
    info.mtime = epoch
    info.mode = 0o755 if status.st_mode & 0o100 else 0o644
    if stat.S_ISLNK(status.st_mode):
        info.type, info.linkname = tarfile.SYMTYPE, str(path.readlink())
        if _leads_out(path, project):
            notices.append(f"{name} links to {info.linkname}, outside the project: the container will not have it")
        if archive is not None:
            archive.addfile(info)
        return f"{hashlib.sha256(os.fsencode(info.linkname)).hexdigest()} link"
    if stat.S_ISREG(status.st_mode):
        return _add_file(archive, path, info)
    if stat.S_ISDIR(status.st_mode):
        # git lists a directory only in place of a submodule.
        notices.append(f"{name} is a submodule that was not fetched: `git submodule update --init --recursive`")
    else:
        notices.append(f"{name} is no file, directory or link: left out")
    return None


def _add_file(archive: tarfile.TarFile | None, path: Path, info: tarfile.TarInfo) -> str:
    with path.open("rb") as file:
        info.size = os.fstat(file.fileno()).st_size
        hashing = _Hashing(file)
        if archive is not None:
            archive.addfile(info, cast("IO[bytes]", hashing))
        else:
            for _ in read_exactly(hashing, info.size, str(path)):
                pass
    # The mode is packed too.
    return f"{hashing.digest.hexdigest()}{'' if info.mode == 0o644 else ' executable'}"
