"""The source archive: the project's files in one normalised tar, packed once a run, with a digest of each.

Normalised means: sorted names, owner 0, modes 644 or 755, one modification time. So equal sources give equal bytes, and
a build cannot depend on the time or user of a checkout (reference: reproducible-builds.org). Two exceptions: with
`source-files = "all"` files keep their times and permissions, and git's own packs may differ between equal checkouts.
"""

import errno
import hashlib
import os
import stat
import tarfile
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec

from matrix_runner.config.loading.build_files import BuildFiles
from matrix_runner.config.options.source_options import SOURCE_EXCLUDE
from matrix_runner.errors import MachineError, UsageError
from matrix_runner.files import chunks_of, sha256_of
from matrix_runner.project.archive_members import add_bytes, add_file, header
from matrix_runner.project.git import Git
from matrix_runner.project.git_history.git_index import FileTraits
from matrix_runner.project.git_history.histories import Histories, History
from matrix_runner.project.left_out import remark
from matrix_runner.project.source_files import ListedFiles, SourceSelection, list_files
from matrix_runner.project.source_revision import SourceRevision, source_revision
from matrix_runner.wording import size_text

Digests = tuple[tuple[str, str], ...]
"""The digest of each file's content, kind and mode, by name, sorted; for `.git`, of the state that a build can see."""

DIRECTORY: Final = "directory"
"""The digest of a directory in which nothing is packed."""

FILE_TIME: Final = 315_619_200
"""1980-01-02, the time of packed files: early, and in no time zone before 1980, where zip files begin. The same for all
commits, so that git recognises unchanged files in prepared images of earlier ones."""

_MOST_LINKS: Final = 3

_LARGE_FILE: Final = 256 * 1024**2
"""Bytes from which on a file is remarked: reading, packing and unpacking takes a second of each cell (measured)."""


class SourceArchive(msgspec.Struct, frozen=True, kw_only=True, dict=True):  # dict: the cached property
    """A tar of the project on disk. `epoch`: for SOURCE_DATE_EPOCH. `size` in bytes.

    `prefix`: the project's directory in its repository, if that is packed too: then the repository's top is the top of
    the archive, and all names in it begin with the prefix. `newest`: the latest time of a file, in seconds since 1970.
    `is_uniform`: whether all files have one time, the same in all runs. `revision`: None if the files are of no commit.
    """

    path: Path
    size: int
    files: int
    epoch: int
    notices: tuple[str, ...]
    digests: Digests = ()
    prefix: str = ""
    newest: int = FILE_TIME
    is_uniform: bool = True
    revision: SourceRevision | None = None

    def read(self) -> Iterator[bytes]:
        """Stream the archive; every caller has its own file position. Raise OSError."""
        return chunks_of(self.path)

    @cached_property
    def sha256(self) -> str:
        """The archive's SHA-256, in hexadecimal. Raise OSError."""
        return sha256_of(self.path)


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """The facts about an archive that `pack` would write; the fields are those of `SourceArchive`."""

    digests: Digests
    files: int
    epoch: int
    notices: tuple[str, ...]
    prefix: str = ""
    newest: int = FILE_TIME
    is_uniform: bool = True


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
        prefix=found.prefix,
        newest=found.newest,
        is_uniform=found.is_uniform,
        revision=source_revision(selection, (name for name, digest in found.digests if _is_file(name, digest))),
    )


def _is_file(name: str, digest: str) -> bool:
    return digest != DIRECTORY and name.rpartition("/")[2] != ".git"


def survey(selection: SourceSelection) -> Survey:
    """Read the files that `pack` would, without writing. Raises the same errors."""
    return _gather(selection, None)


def _gather(selection: SourceSelection, target: Path | None) -> Survey:
    # In an sdist nothing is run that its own configuration of git could name.
    git = None if selection.is_sdist else Git(selection.project, selection.environ)
    notices: list[str] = []
    for attempt in (1, 2):
        try:
            listed = list_files(selection, git)
            histories = Histories.of(selection.project, git, listed)
            packing = _Packing(selection, histories.prefix, listed)
            packing.write(target, histories)
            break
        except (tarfile.TarError, OSError) as error:
            # A file that shrinks or vanishes between listing and reading: an editor or a build is active.
            if attempt == 2:
                raise MachineError(f"cannot pack the project: {error}", hint=_advice(error)) from error
    left_out = remark(selection.project, listed, selection.build_files or (BuildFiles(selection.project),))
    notices += (*packing.notices(), *histories.notices, *((left_out,) if left_out else ()))
    return Survey(
        digests=tuple(sorted(packing.digests)),
        files=packing.files,
        epoch=listed.epoch,
        notices=tuple(dict.fromkeys(notices)),
        prefix=histories.prefix,
        newest=packing.newest,
        is_uniform=not selection.keeps_attributes,
    )


def _advice(error: Exception) -> str:
    number = error.errno if isinstance(error, OSError) else None
    if number in {errno.EACCES, errno.EPERM}:
        return "make it readable for this user, or add it to .gitignore"
    if number in {errno.ENOSPC, errno.EDQUOT}:
        return "make room, or set XDG_CACHE_HOME to a directory on another disk"
    return "a file changes while it is read: stop what writes there, or add it to .gitignore"


class _Packing:
    """Writes the tar, if there is a target, and collects the digest of each file."""

    def __init__(self, selection: SourceSelection, prefix: str, listed: ListedFiles) -> None:
        """`prefix`: of all names in the archive."""
        self._selection = selection
        self._project = selection.project
        self._start = f"{prefix}/" if prefix else ""
        self._listed = listed
        self._traits: dict[str, FileTraits] = {}
        self._links: list[str] = []
        self._notices: list[str] = []
        self.digests: list[tuple[str, str]] = []
        self.files = 0

    @property
    def newest(self) -> int:
        """The latest time of a packed file."""
        return max((traits.time for traits in self._traits.values()), default=FILE_TIME)

    def notices(self) -> list[str]:
        """Return what is to be said of the files; of many links that lead out, the first."""
        # With all files, environments in the project bring many.
        most = 1 if self._selection.keeps_attributes else _MOST_LINKS
        more = len(self._links) - most
        verb = "link leads" if more == 1 else "links lead"
        shown = self._links if more <= 0 else [*self._links[:most], f"{more} more {verb} outside the project"]
        return self._notices + shown

    def write(self, target: Path | None, histories: Histories) -> None:
        """Write all. Raise UsageError if there are no files, OSError, TarError, MachineError."""
        with tarfile.open(
            target or os.devnull, "w", format=tarfile.PAX_FORMAT, encoding="utf-8", errors="surrogateescape"
        ) as tar:
            archive = None if target is None else tar
            for name in self._listed.names:
                digest = self._add(archive, name)
                if digest is not None:
                    self.digests.append((name, digest))
            for name in self._listed.directories:
                self._add_directory(archive, self._start + name, FILE_TIME)
                self.digests.append((name, DIRECTORY))
            if not self._traits:
                hint = "is everything in it ignored by git?"
                raise UsageError(f"{self._project} has no file to build from", hint=hint)
            self.files = len(self._traits)
            if self._selection.keeps_attributes:
                self.digests = _with_order(self.digests, self._traits, histories.tracked())
            for history in histories.all:
                seen = history.seen_with(self._traits)
                self.digests.append((f"{seen.place}/.git".lstrip("/"), seen.digest()))
                if archive is not None and target is not None:
                    self._add_history(archive, seen, target.parent)

    def _add_history(self, archive: tarfile.TarFile, history: History, scratch: Path) -> None:
        place = f"{self._start}{history.place}/.git" if history.place else ".git"
        # Later than all files: git reads files anew that are not older than its index.
        time = self.newest + 1
        with TemporaryDirectory(prefix="history-", dir=scratch) as room:
            for name, content in history.contents(self._traits, Path(room)):
                if content is None:
                    self._add_directory(archive, f"{place}/{name}", time)
                elif isinstance(content, Path):
                    add_file(archive, content, header(f"{place}/{name}", time))
                else:
                    add_bytes(archive, content, header(f"{place}/{name}", time))

    def _add_directory(self, archive: tarfile.TarFile | None, name: str, time: int) -> None:
        if archive is not None:
            info = header(name, time, is_executable=True)
            info.type = tarfile.DIRTYPE
            archive.addfile(info)

    def _add(self, archive: tarfile.TarFile | None, name: str) -> str | None:
        """Add a file to the archive, if there is one; return its digest, None if it is left out."""
        path = self._project / name
        status = path.lstat()
        info = header(self._start + name, FILE_TIME, is_executable=bool(status.st_mode & 0o100))
        if self._selection.keeps_attributes:
            # Build backends store permissions in the wheel (measured: setuptools, as external attributes).
            info.mtime, info.mode = max(int(status.st_mtime), 0), status.st_mode & 0o777 | 0o400
        if stat.S_ISLNK(status.st_mode):
            info.type, info.linkname = tarfile.SYMTYPE, str(path.readlink())
            self._traits[name] = FileTraits(time=int(info.mtime), size=len(os.fsencode(info.linkname)))
            if _leads_out(path, self._project):
                self._links.append(
                    f"{name} links to {info.linkname}, outside the project: the container will not have it"
                )
            if archive is not None:
                archive.addfile(info)
            return f"{hashlib.sha256(os.fsencode(info.linkname)).hexdigest()} link"
        if stat.S_ISREG(status.st_mode):
            if status.st_size > _LARGE_FILE:
                size, keep_out = size_text(status.st_size), f'{SOURCE_EXCLUDE} = ["/{name}"]'
                self._notices.append(f"{name} ({size}) is copied into each cell; {keep_out} keeps it out")
            digest = add_file(archive, path, info)
            self._traits[name] = FileTraits(time=int(info.mtime), size=info.size)
            return digest
        if stat.S_ISDIR(status.st_mode):
            # git lists a directory only in place of a submodule.
            fetch = "`git submodule update --init --recursive`"
            self._notices.append(f"{name} is a submodule that was not fetched: {fetch}")
        else:
            self._notices.append(f"{name} is no file, directory or link: left out")
        return None


def _with_order(
    digests: list[tuple[str, str]], traits: Mapping[str, FileTraits], tracked: frozenset[str]
) -> list[tuple[str, str]]:
    """Return digests that tell whether files that git does not track are older than those that it does.

    Such a file may be made of the others; build tools make it anew, or do not, by that.
    """
    newest = max((traits[name].time for name in tracked & traits.keys()), default=0)

    def is_older(name: str) -> bool:
        return name in traits and name not in tracked and traits[name].time < newest

    return [(name, f"{digest} older" if is_older(name) else digest) for name, digest in digests]


def _leads_out(link: Path, project: Path) -> bool:
    """Whether a link's target will be missing in the container; an absolute one has another meaning there."""
    # Path.resolve raises RuntimeError for a link to itself (Python below 3.13).
    return link.readlink().is_absolute() or not Path(os.path.realpath(link)).is_relative_to(project.resolve())
