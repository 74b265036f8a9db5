"""The output directory, which holds wheels, an sdist, and nothing else: atomic writes, no overwriting by default."""

import errno
import os
import stat
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, final

from msgspec.structs import replace

from matrix_runner.errors import OutputError, WheelConflict, WheelRejected
from matrix_runner.files import cause_of, chunks_of, flush_directory, flush_file, replacing, sha256_of, write_flushed
from matrix_runner.model.outcomes import SdistRecord, WheelRecord
from matrix_runner.wheelhouse.directory_lock import lock_itself

if TYPE_CHECKING:
    from matrix_runner.wheelhouse.inspection import WheelContents

_PARTIAL = ".matrix-runner-"
_PARTIAL_END = ".partial"


def record_of(contents: "WheelContents") -> WheelRecord:
    """Return the record of an inspected wheel."""
    return WheelRecord(
        name=contents.filename,
        size=contents.size,
        sha256=contents.sha256,
        grafted=contents.grafted,
        largest=contents.largest,
    )


@final
class Wheelhouse:
    """The output directory of one run, locked from entering to leaving the context. Thread-safe.

    Files appear under their names whole or not at all: each is written under a temporary name next to it, flushed to
    the disk, and renamed. Partial files of a killed run are removed by the next run. The directory itself is locked,
    where its file system can: the file with a lock that all of them know is in the report directory.
    """

    def __init__(self, directory: Path, *, overwrite: bool, staging: Path) -> None:
        """Touch nothing yet.

        `directory`: the output directory; a symbolic link is followed once, here. `overwrite`: whether a wheel may
        replace a different one of the same name from an earlier run. `staging`: the directory of unverified wheels; not
        removed here, so that unpublished wheels remain available.
        """
        self._given = directory
        self._directory = Path(os.path.realpath(directory))
        self._overwrite = overwrite
        self._staging = staging
        self._lock: int | None = None
        self._mutex = threading.Lock()
        self._turns: dict[str, threading.Lock] = {}
        self._published: dict[str, WheelRecord] = {}
        self._free_directories: list[Path] = []
        self._serial = 0

    @property
    def directory(self) -> Path:
        """The real directory, without symbolic links."""
        return self._directory

    def __enter__(self) -> "Wheelhouse":
        """Create the directory, check that it is writable, and lock it. Raise OutputError."""
        if self._given.is_symlink() and not self._given.exists():
            raise OutputError(
                f"the output directory {self._given} is a symbolic link to {self._directory}, which is not there",
                hint="Make that directory, or choose another with --output-dir.",
            )
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            self._staging.mkdir(parents=True, exist_ok=True)
            self._lock = lock_itself(self._directory)
            try:
                self._remove_leftovers()
                self._check_room()
            except BaseException:
                self._release()
                raise
        except OSError as error:
            raise OutputError(
                f"the output directory {self._directory} cannot be used: {cause_of(error)}",
                hint="Choose another with --output-dir.",
            ) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._release()

    def staging_directory(self, name: str) -> Path:
        """Return an empty staging directory for one cell, so that wheels of cells cannot mix. `name`: plain.

        It belongs to the cell until its wheel is published, and may then be reused. Raise OutputError.
        """
        path = self._staging / name
        try:
            self._make_staging(path)
        except OSError as error:
            raise OutputError(
                f"the directory {path}, where wheels stand until they are published, cannot be used: {cause_of(error)}",
                hint="Choose another output directory with --output-dir.",
            ) from error
        return path

    def publish(self, wheel: Path, contents: "WheelContents") -> WheelRecord:
        """Publish an inspected wheel into the directory and return its record.

        An identical existing file stays as it is. If this run has published another file of that name, WheelRejected is
        raised: it would be a matter of speed which one is delivered. A different file of an earlier run is replaced
        only with `overwrite`; otherwise WheelConflict is raised.

        Raise OutputError also for a full or failing disk, WheelRejected if the file has changed since its inspection.
        In all these cases the directory is unchanged, and the wheel stays in its staging directory; once published, it
        is removed there.
        """
        record = self.publish_again(wheel, record_of(contents))
        if wheel.parent.parent == self._staging:
            with suppress(OSError):
                wheel.unlink()
                self._free_directories.append(wheel.parent)
        return record

    def publish_again(self, wheel: Path, record: WheelRecord) -> WheelRecord:
        """Publish a wheel that an earlier run has inspected, verified and published; otherwise like `publish`."""
        with self._turn(record.name):
            first = self._published.get(record.name)
            if first is not None and first.sha256 != record.sha256:
                raise WheelRejected(
                    f"{record.name} was published by another cell of this run, with other content",
                    hint="Wheels of one name are one file for their users: give them names of their own, or build one.",
                )
            if first is not None:
                return first
            self._place(wheel, record)
            with self._mutex:
                self._published[record.name] = record
            return record

    def publish_sdist(self, sdist: Path, record: SdistRecord) -> SdistRecord:
        """Publish the run's sdist, and return its record; raises as `publish` does.

        If one with the same files in it is there, that one stays, whatever the times in it, and is the run's.
        """
        # Imported late, like what reads wheels: a run that makes none needs it not.
        from matrix_runner.wheelhouse.sdist_difference import is_same_sdist

        target = self._directory / record.name
        with self._turn(record.name):
            if is_same_sdist(target, sdist):
                return replace(record, size=target.stat().st_size, sha256=sha256_of(target))
            self._place(sdist, record)
            return record

    def published(self) -> tuple[WheelRecord, ...]:
        """Return the wheels published by this run, sorted by name."""
        with self._mutex:
            return tuple(self._published[name] for name in sorted(self._published))

    def _turn(self, name: str) -> threading.Lock:
        """Return the lock of a name. Files of several names are flushed side by side, which the disk does as one."""
        with self._mutex:
            return self._turns.setdefault(name, threading.Lock())

    def _make_staging(self, path: Path) -> None:
        """Rename a free staging directory, else make one: creating a directory is the most expensive part."""
        try:
            self._free_directories.pop().rename(path)
        except IndexError:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
                raise
        else:
            return
        for leftover in path.iterdir():
            leftover.unlink()

    def _place(self, wheel: Path, record: WheelRecord | SdistRecord) -> None:
        """Put a file under its name, by a second name for the file itself where the file system has those.

        So no data is written twice, and no inode is made and removed again: on ext4 that costs more than all else about
        a small file.
        """
        target, hint = self._directory / record.name, f"The finished file is still in {wheel.parent}."
        if self._lock is None:
            raise RuntimeError("the wheelhouse is not open")
        if self._is_there(target, record, wheel):
            return
        try:
            if flush_file(wheel) != record.sha256:
                raise WheelRejected(f"{target.name} changed after it was verified; it was not published")
            try:
                os.link(wheel, target)
            except OSError:
                # A file to overwrite has the name, or the directory is on another file system than the staging area.
                self._write(target, chunks_of(wheel), sha256=record.sha256)
            else:
                flush_directory(self._directory)
        except OSError as error:
            raise OutputError(f"cannot write {target}: {cause_of(error)}", hint=hint) from error

    def _is_there(self, target: Path, record: WheelRecord | SdistRecord, wheel: Path) -> bool:
        """Whether the identical file exists. Raise WheelConflict if another one exists that must not be replaced."""
        try:
            status = target.lstat()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise OutputError(f"cannot look at {target}: {cause_of(error)}") from error
        is_file = stat.S_ISREG(status.st_mode)
        if is_file and status.st_size == record.size and sha256_of(target) == record.sha256:
            return True
        if self._overwrite and not stat.S_ISDIR(status.st_mode):
            return False
        if not is_file:
            raise OutputError(
                f"{target} exists and is something that is no regular file; it was left alone",
                hint="Remove or rename it.",
            )
        # Imported late: it is rarely needed.
        from matrix_runner.wheelhouse.sdist_difference import sdist_difference
        from matrix_runner.wheelhouse.wheel_difference import difference

        compare = sdist_difference if isinstance(record, SdistRecord) else difference
        found = compare(target, wheel)
        raise WheelConflict(
            f"{target} is from an earlier run, and this run's differs from it in {found}; it was left alone",
            hint="If the sources are the same, the build is not reproducible: that is the project's or its build tools'"
            " to mend. --overwrite replaces it, another --output-dir keeps both.",
        )

    def _write(self, target: Path, chunks: Iterable[bytes], *, sha256: str | None = None) -> None:
        """Write a file atomically, and only if the written data has the digest `sha256`. Raise OSError."""
        with replacing(target, self._new_partial(), is_flushed=True) as partial:
            written = write_flushed(partial, chunks)
            if sha256 is not None and written != sha256:
                raise WheelRejected(f"{target.name} changed after it was verified; it was not published")

    def _new_partial(self) -> Path:
        """Return an unused temporary name; unique thanks to the mutex and the directory lock."""
        if self._lock is None:
            raise RuntimeError("the wheelhouse is not open")
        self._serial += 1
        return self._directory / f"{_PARTIAL}{os.getpid()}-{self._serial}{_PARTIAL_END}"

    def _check_room(self) -> None:
        """Write a byte, before anything is built, for a disk that is full or read-only. Raise OSError.

        Into a file without a name where the file system has those: that leaves nothing behind, however the run ends.
        """
        try:
            descriptor = os.open(self._directory, os.O_TMPFILE | os.O_WRONLY, 0o600)
        except OSError as error:
            if error.errno not in {errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT}:
                raise
            partial = self._new_partial()
            try:
                partial.write_bytes(b"\0")
            finally:
                partial.unlink(missing_ok=True)
            return
        try:
            os.write(descriptor, b"\0")
        finally:
            os.close(descriptor)

    def _remove_leftovers(self) -> None:
        """Remove partial files. The lock is held, so their writers are dead."""
        for path in self._directory.glob(f"{_PARTIAL}*{_PARTIAL_END}"):
            path.unlink(missing_ok=True)

    def _release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
