"""The remote cache: entries at a URL (a bucket, or anything else that `fsspec` opens), for several machines.

An entry is one object, a tar of its files, so that it is atomic; its files are checked against their digests like all
others. Errors of the remote never stop a run.
"""

import shutil
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, cast

from matrix_runner.errors import OutputError, UsageError
from matrix_runner.files import CHUNK
from matrix_runner.store.entry_parts import INPUTS, LOG, RECORD, RESULTS, STATEMENT, WHEEL
from matrix_runner.store.store import Store
from matrix_runner.wheelhouse import DEFAULT_LIMIT

_NAMES = (RECORD, WHEEL, LOG, INPUTS, RESULTS, STATEMENT)


class _FileSystem(Protocol):
    """The methods used of an `fsspec` file system."""

    def exists(self, path: str) -> bool: ...

    def get_file(self, rpath: str, lpath: str) -> None: ...

    def put_file(self, lpath: str, rpath: str) -> None: ...

    def makedirs(self, path: str, exist_ok: bool = False) -> None: ...  # noqa: FBT001, FBT002  theirs


class Remote:
    """Cache entries at a URL. Thread-safe. After the first error it is not used for the rest of the run."""

    def __init__(self, files: _FileSystem, prefix: str, *, read_only: bool, trouble: Callable[[str], None]) -> None:
        """`prefix`: the directory of entries. `trouble` is called once, from any thread, with the first error."""
        self._files = files
        self._prefix = prefix.rstrip("/")
        self._read_only = read_only
        self._trouble = trouble
        self._lock = threading.Lock()
        self._is_broken = False

    def pull(self, store: Store, key: str) -> bool:
        """Copy an entry from the remote into the store; return whether it exists."""
        if self._is_broken:
            return False
        try:
            with store.temporary_directory() as directory:
                archive, entry = directory / "entry.tar", directory / "entry"
                if not self.fetch(_object(key), archive):
                    return False
                entry.mkdir()
                return _unpack(archive, entry) and store.adopt(key, entry)
        except Exception as error:  # noqa: BLE001  an archive of anybody's may break tarfile in any way
            self._give_up(_cause(error))
        return False

    def push(self, store: Store, key: str) -> None:
        """Copy an entry of the store to the remote."""
        if self._read_only or self._is_broken:
            return
        try:
            with store.temporary_directory() as directory:
                archive = directory / "entry.tar"
                _pack(store.path(key), archive)
                self.send(archive, _object(key))
        except (OutputError, OSError) as error:
            self._give_up(_cause(error))

    def fetch(self, name: str, target: Path) -> bool:
        """Copy a file from the remote; return whether it exists. `name`: below the prefix."""
        if self._is_broken:
            return False
        try:
            if not self._files.exists(f"{self._prefix}/{name}"):
                return False
            self._files.get_file(f"{self._prefix}/{name}", str(target))
        except FileNotFoundError:
            return False
        except Exception as error:  # noqa: BLE001  each kind of file system has its own exceptions
            self._give_up(_cause(error))
            return False
        return True

    def send(self, path: Path, name: str) -> None:
        """Copy a file to the remote, in place of an earlier one."""
        if self._read_only or self._is_broken:
            return
        try:
            target = f"{self._prefix}/{name}"
            self._files.makedirs(target.rpartition("/")[0], exist_ok=True)
            self._files.put_file(str(path), target)
        except Exception as error:  # noqa: BLE001  see above
            self._give_up(_cause(error))

    def _give_up(self, text: str) -> None:
        with self._lock:
            is_first, self._is_broken = not self._is_broken, True
        if is_first:
            self._trouble(f"cache-remote is not used any more in this run: {text}")


def open_remote(url: str, *, read_only: bool, trouble: Callable[[str], None]) -> Remote | None:
    """Open a URL; return None, after a call of `trouble`, if that fails. Raise UsageError without fsspec."""
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise UsageError(
            "cache-remote needs fsspec, which is not installed",
            hint='`pip install "matrix-runner[remote]"`, and what your kind of URL needs, such as s3fs',
        ) from None
    try:
        files, prefix = url_to_fs(url)
    except ImportError as error:
        raise UsageError(f"cache-remote: {url} cannot be opened: {error}", hint="install what it names") from None
    except Exception as error:  # noqa: BLE001  of any file system
        trouble(f"cache-remote is not used: {type(error).__name__}: {error}")
        return None
    return Remote(cast("_FileSystem", files), str(prefix), read_only=read_only, trouble=trouble)


def _object(key: str) -> str:
    return f"entries/{key[:2]}/{key}.tar"


def _cause(error: Exception) -> str:
    return error.message if isinstance(error, OutputError) else f"{type(error).__name__}: {error}"


def _pack(entry: Path, archive: Path) -> None:
    with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as tar:
        for name in _NAMES:
            path = entry / name
            if path.is_symlink() or not path.is_file():
                continue
            info = tarfile.TarInfo(name)
            with path.open("rb") as file:
                info.size = path.stat().st_size
                tar.addfile(info, file)


def _unpack(archive: Path, entry: Path) -> bool:
    """Extract an entry's files from a tar; return whether the tar held nothing else."""
    try:
        with tarfile.open(archive, "r:") as tar:
            for member in tar:
                if member.name not in _NAMES or not member.isreg() or member.size > DEFAULT_LIMIT:
                    return False
                data = tar.extractfile(member)
                if data is None or (entry / member.name).exists():
                    return False
                with (entry / member.name).open("xb") as file:
                    shutil.copyfileobj(data, file, CHUNK)
    except tarfile.TarError:
        return False
    return True
