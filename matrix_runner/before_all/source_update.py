"""Source updates of an earlier run's prepared image: transfers only the files that differ."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from tarfile import BLOCKSIZE
from tarfile import open as open_tar
from typing import Final

import msgspec

from matrix_runner.archives import END, archive_of_bytes
from matrix_runner.digests import text_digest
from matrix_runner.engine.answer import Answer
from matrix_runner.engine.api import SHORT_COMMAND_SECONDS, Container, ExecRequest
from matrix_runner.files import read_exactly
from matrix_runner.project.source_archive import DIRECTORY, Digests, SourceArchive
from matrix_runner.project.source_files import directories_around
from matrix_runner.recipe.layout import Layout

_GIT: Final = ".git"
_LONGEST_LIST: Final = 256 * 1024**2
"""Bytes of a list of the project's files, which is ours, but has been where a project's commands could write."""

Put = Callable[[str, Iterable[bytes]], None]
"""Unpacks a tar stream in a directory of the container."""


class UnusableImage(Exception):
    """A prepared image of an earlier run cannot be updated; the message is the reason."""


def source_digest(digests: Digests) -> str:
    """Return a single digest of all files."""
    return text_digest(*(part for pair in digests for part in pair), "")


_REMOVE: Final = 'cd "$1" && xargs -0 rm -rf -- <"$2/gone" && { xargs -0 rmdir -- <"$2/empty" 2>/dev/null; true; }'
"""rmdir removes only empty directories: files that `before-all` left in the others stay."""

_SET_TIMES: Final = """
cd "$1" && for times in "$2"/times-*; do xargs -0 -n 500 sh -c '
  list=$1 times=$2 left=$(($# - 2)); shift 2
  while [ $left -gt 0 ]; do
    left=$((left - 1))
    if [ -e "$1" ] && [ ! "$1" -nt "$list" ] && { [ "$1" -nt "$times" ] || [ "$1" -ot "$times" ]; }
    then set -- "$@" "$1"
    fi
    shift
  done
  [ $# -eq 0 ] || touch -h -r "$times" -- "$@"
' sh "$2/source-list" "$times" <"$times" || exit 1; done; rm -f "$2"/times-*
"""
"""Gives files the times of this run's, but those that `before-all` wrote: they are newer than all files of then, whose
latest time is that of the list. `times-...`: names of files, and in its own time the one that they get."""


def update_source(container: Container, put: Put, layout: Layout, source: SourceArchive) -> None:
    """Update the project's files in a container of a prepared image. Raise UnusableImage.

    Files that `before-all` wrote or changed in the project stay as it left them.
    """
    listed = Answer(_LONGEST_LIST)
    result = container.exec(ExecRequest(argv=("cat", layout.source_list), timeout=SHORT_COMMAND_SECONDS), listed.hear)
    before = read_list(listed.data) if result.is_success and listed.is_whole else None
    if before is None:
        raise UnusableImage("it has no list of the files in it")
    changes = changes_between(before, source.digests)
    if changes.gone:
        put(layout.matrix, archive_of_bytes("gone", write_names(changes.gone_in(source.prefix))))
        put(layout.matrix, archive_of_bytes("empty", write_names(changes.empty_in(source.prefix))))
        if not _run(container, _REMOVE, layout):
            raise UnusableImage("files that are no longer in the project cannot be removed from it")
    put(layout.source, changes.archive(source))
    if not source.is_uniform:
        for time, names in changes.times(source).items():
            put(layout.matrix, archive_of_bytes(f"times-{time}", write_names(names), time=time))
        if not _run(container, _SET_TIMES, layout):
            raise UnusableImage("its files cannot be given the times of the project's")


def _run(container: Container, script: str, layout: Layout) -> bool:
    argv = ("sh", "-c", script, "sh", layout.source, layout.matrix)
    return container.exec(ExecRequest(argv=argv, timeout=SHORT_COMMAND_SECONDS), lambda _: None).is_success


def write_list(digests: Digests) -> bytes:
    """Return the list of the project's files to store in a prepared image."""
    return "".join(f"{name}\0{digest}\0" for name, digest in digests).encode("utf-8", "surrogateescape")


def write_names(names: Iterable[str]) -> bytes:
    """Return names in the input format of `xargs -0`."""
    return "".join(f"{name}\0" for name in names).encode("utf-8", "surrogateescape")


def read_list(data: bytes) -> Digests | None:
    """Parse the output of `write_list`; return None for anything else."""
    words = data.decode("utf-8", "surrogateescape").split("\0")
    if words.pop() or len(words) % 2 or not words:
        return None
    return tuple(zip(words[::2], words[1::2], strict=True))


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """The file changes from an older image to the current source. Files that `before-all` wrote or changed stay.

    `gone`: to remove, before `archive` is unpacked. `empty`: directories that may then be empty, deepest first.
    """

    gone: tuple[str, ...]
    empty: tuple[str, ...]
    changed: frozenset[str]

    def gone_in(self, prefix: str) -> tuple[str, ...]:
        """Return `gone` as named in the archive of a source with this prefix."""
        return tuple(_in_archive(name, prefix) for name in self.gone)

    def empty_in(self, prefix: str) -> tuple[str, ...]:
        """Return `empty` as named in the archive of a source with this prefix."""
        return tuple(_in_archive(name, prefix) for name in self.empty)

    def archive(self, source: SourceArchive) -> Iterator[bytes]:
        """Stream a tar of the changed files, cut out of the source archive."""
        with open_tar(source.path, encoding="utf-8", errors="surrogateescape") as tar, source.path.open("rb") as raw:
            for member in tar:
                if _listed_name(member.name, source.prefix) in self.changed:
                    raw.seek(member.offset)
                    data = member.size if member.isreg() else 0
                    size = member.offset_data + data + -data % BLOCKSIZE - member.offset
                    yield from read_exactly(raw, size, str(source.path))
        yield END

    def times(self, source: SourceArchive) -> Mapping[int, tuple[str, ...]]:
        """Return the unchanged files, as named in the archive, by their time in it."""
        found: dict[int, list[str]] = {}
        with open_tar(source.path, encoding="utf-8", errors="surrogateescape") as tar:
            for member in tar:
                name = _listed_name(member.name, source.prefix)
                if name not in self.changed and not member.isdir() and not _is_git(name):
                    found.setdefault(int(member.mtime), []).append(member.name)
        return {time: tuple(names) for time, names in found.items()}


def changes_between(before: Digests, now: Digests) -> Changes:
    """Return the changes that turn the files of `before` into those of `now`."""
    old, new = dict(before), dict(now)
    changed = frozenset(name for name, digest in new.items() if old.get(name) != digest)
    left = {name for name in old if name not in new}
    # Of a directory that was empty: `before-all` may have written into it.
    directories = {name for name in left if old[name] == DIRECTORY}
    gone = left - directories
    parents = directories | {parent for name in left for parent in directories_around(name)}
    # A former directory with the name of a new file; and git's own files, known only as a whole.
    in_the_way = (parents & set(new)) | {name for name in changed & old.keys() if _is_git(name)}
    return Changes(
        gone=tuple(sorted(gone | in_the_way)),
        empty=tuple(sorted(parents - set(new), key=lambda name: (-name.count("/"), name))),
        changed=changed,
    )


def _is_git(name: str) -> bool:
    return name == _GIT or name.endswith(f"/{_GIT}")


def _in_archive(name: str, prefix: str) -> str:
    # The repository's own `.git` is at its top.
    return name if not prefix or name == _GIT else f"{prefix}/{name}"


def _listed_name(name: str, prefix: str) -> str:
    """Return the name in the list of a member of the archive: all of a `.git` is one item."""
    name = name.removeprefix(f"{prefix}/") if prefix else name
    before, separator, _ = f"/{name}".partition(f"/{_GIT}/")
    return f"{before}/{_GIT}".lstrip("/") if separator else name
