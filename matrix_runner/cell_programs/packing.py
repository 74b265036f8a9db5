"""The program that packs files within a container: what a command has changed there, or a directory as a whole.

An interpreter of the image starts it, Python 3.8 or later.

    mark STATE SKIPPED...    before the command: lists all files
    pack STATE SKIPPED...    after it: writes a tar of all that is new or changed, and the names of all that is gone
    digest DIRECTORY         a digest of the names, kinds and sizes of a directory's files, and their total size
    tree DIRECTORY           writes a tar of a directory's files, which are named relative to it

Of a directory, wheels that uv has unpacked from files of the machine are left out: those of the project itself, which
are new ones in each run and serve no other.

All times are those of inodes (ctime), which no program can set back.
"""

import hashlib
import io
import os
import stat
import sys
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path

MOUNTED = {b"/etc/resolv.conf", b"/etc/hosts", b"/etc/hostname", b"/.dockerenv", b"/run/.containerenv"}
"""Files that engines put into every container."""
GONE = "matrix-runner-gone"
"""The member of the archive with the names of all that is gone."""


def walk(top: bytes, skipped: Iterable[bytes]) -> Iterator[tuple[bytes, os.stat_result]]:
    """Yield path and status of all below a directory that is on the same file system."""
    device = os.lstat(top).st_dev
    left_out = MOUNTED.union(skipped)
    pending = [top]
    while pending:
        directory = pending.pop()
        try:
            entries = list(os.scandir(directory))
        except OSError:
            continue
        for entry in entries:
            if entry.path in left_out:
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            if stat.S_ISDIR(status.st_mode):
                # Of other files overlayfs may tell the device of a layer.
                if status.st_dev != device:
                    continue
                pending.append(entry.path)
            yield entry.path, status


def mark(state: str, skipped: list[bytes]) -> None:
    """List all files, and note the time."""
    with Path(state, "before").open("wb") as file:
        file.writelines(path + b"\0" for path, _ in walk(b"/", skipped))
    Path(state, "stamp").write_bytes(b"")


def pack(state: str, skipped: list[bytes]) -> None:
    """Write the archive of all changes since `mark`."""
    before = set(Path(state, "before").read_bytes().split(b"\0")) - {b""}
    stamp = Path(state, "stamp").stat().st_ctime_ns
    changed = []
    for path, status in walk(b"/", skipped):
        if path in before:
            before.discard(path)
            if status.st_ctime_ns < stamp:
                continue
        if not stat.S_ISSOCK(status.st_mode):
            changed.append(path)
    gone = b"".join(path + b"\0" for path in sorted(before))
    with archive() as tar:
        info = tarfile.TarInfo(GONE)
        info.size = len(gone)
        tar.addfile(info, io.BytesIO(gone))
        for path in sorted(changed):
            add(tar, path, os.fsdecode(path).lstrip("/"))


def tree(directory: str) -> None:
    """Write the archive of a directory."""
    top = os.fsencode(directory)
    with archive() as tar:
        for path, status in sorted(walk(top, wheels_of_files(top))):
            if not stat.S_ISSOCK(status.st_mode):
                add(tar, path, os.fsdecode(path[len(top) :]).lstrip("/"))


def wheels_of_files(top: bytes) -> Iterable[bytes]:
    """Return the directories in uv's cache of wheels that were installed from a file.

    `wheels-v8/url/DIGEST/PROJECT/VERSION.rev`, of the file's address, stands beside a link to the unpacked wheel in
    `archive-v0`; what came from an index or another machine has a file `.http` in its place (uv 0.13.9).
    """
    found = []
    # Only below these: the directories of compiler caches have very many files, and are looked through once already.
    for wheels in Path(os.fsdecode(top)).glob("uv/wheels-v*"):
        for path, _ in walk(os.fsencode(wheels), ()):
            if path.endswith(b".rev"):
                found += [path.rsplit(b"/", 2)[0], os.path.realpath(path[: -len(b".rev")])]
    return found


def digest(directory: str) -> None:
    """Print the digest of a directory, and its size in bytes."""
    top, size = os.fsencode(directory), 0
    found = hashlib.sha256()
    for path, status in sorted(walk(top, wheels_of_files(top))):
        length = status.st_size if stat.S_ISREG(status.st_mode) else 0
        size += length
        found.update(b"%s\0%d\0%d\0" % (path[len(top) :], stat.S_IFMT(status.st_mode), length))
    sys.stdout.write(f"{found.hexdigest()} {size}\n")


def archive() -> tarfile.TarFile:
    """Open the archive on standard output."""
    return tarfile.open(
        fileobj=sys.stdout.buffer,
        mode="w|",
        format=tarfile.PAX_FORMAT,
        bufsize=1 << 20,
        encoding="utf-8",
        errors="surrogateescape",
    )


def add(tar: tarfile.TarFile, path: bytes, name: str) -> None:
    """Add a file as it is, with its extended attributes; one that has gone meanwhile is left out."""
    try:
        info = tar.gettarinfo(os.fsdecode(path), name)
        info.uname = info.gname = ""
        if not info.issym():
            attributes = {}
            for attribute in os.listxattr(path, follow_symlinks=False):
                value = os.getxattr(path, attribute, follow_symlinks=False)
                attributes["SCHILY.xattr." + attribute] = value.decode("utf-8", "surrogateescape")
            info.pax_headers = attributes
        if info.isreg():
            with Path(os.fsdecode(path)).open("rb") as file:
                tar.addfile(info, file)
        else:
            tar.addfile(info)
    except FileNotFoundError:
        pass


def main(command: str, directory: str, *more: str) -> None:
    """Do what the first argument says."""
    skipped = [os.fsencode(each) for each in more]
    if command == "mark":
        mark(directory, skipped)
    elif command == "pack":
        pack(directory, skipped)
    elif command == "tree":
        tree(directory)
    else:
        digest(directory)


main(*sys.argv[1:])
