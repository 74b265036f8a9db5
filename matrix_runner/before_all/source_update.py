"""Source updates of an earlier run's prepared image: transfers only the files that differ."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from tarfile import BLOCKSIZE
from tarfile import open as open_tar

from matrix_runner.archives import END, archive_of_bytes
from matrix_runner.digests import text_digest
from matrix_runner.engine.api import Container, ExecRequest
from matrix_runner.files import read_exactly
from matrix_runner.project.source_archive import Digests, SourceArchive
from matrix_runner.recipe.layout import Layout

Put = Callable[[str, Iterable[bytes]], None]
"""Unpacks a tar stream in a directory of the container."""


class UnusableImage(Exception):
    """A prepared image of an earlier run cannot be updated; the message is the reason."""


def source_digest(digests: Digests) -> str:
    """Return a single digest of all files."""
    return text_digest(*(part for pair in digests for part in pair), "")


def update_source(container: Container, put: Put, layout: Layout, source: SourceArchive) -> None:
    """Update the project's files in a container of a prepared image. Raise UnusableImage.

    Files that `before-all` wrote or changed in the project stay as it left them.
    """
    listed = bytearray()
    result = container.exec(ExecRequest(argv=("cat", layout.source_list), timeout=60), listed.extend)
    before = read_list(bytes(listed)) if result.is_success else None
    if before is None:
        raise UnusableImage("it has no list of the files in it")
    changes = changes_between(before, source.digests)
    if changes.gone:
        put(layout.matrix, archive_of_bytes("gone", write_names(changes.gone)))
        put(layout.matrix, archive_of_bytes("empty", write_names(changes.empty)))
        # rmdir removes only empty directories: files that `before-all` left in the others stay.
        script = 'cd "$1" && xargs -0 rm -rf -- <"$2/gone" && { xargs -0 rmdir -- <"$2/empty" 2>/dev/null; true; }'
        argv = ("sh", "-c", script, "sh", layout.project, layout.matrix)
        if not container.exec(ExecRequest(argv=argv, timeout=600), lambda _: None).is_success:
            raise UnusableImage("files that are no longer in the project cannot be removed from it")
    put(layout.project, changes.archive(source))


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Changes:
    """The file changes from an older image to the current source. Files that `before-all` wrote or changed stay.

    `gone`: to remove, before `archive` is unpacked. `empty`: directories that may then be empty, deepest first.
    """

    gone: tuple[str, ...]
    empty: tuple[str, ...]
    changed: frozenset[str]

    def archive(self, source: SourceArchive) -> Iterator[bytes]:
        """Stream a tar of the changed files, cut out of the source archive."""
        with open_tar(source.path, encoding="utf-8", errors="surrogateescape") as tar, source.path.open("rb") as raw:
            for member in tar:
                if (".git" if member.name.startswith(".git/") else member.name) in self.changed:
                    raw.seek(member.offset)
                    data = member.size if member.isreg() else 0
                    size = member.offset_data + data + -data % BLOCKSIZE - member.offset
                    yield from read_exactly(raw, size, str(source.path))
        yield END


def changes_between(before: Digests, now: Digests) -> Changes:
    """Return the changes that turn the files of `before` into those of `now`."""
    old, new = dict(before), dict(now)
    changed = frozenset(name for name, digest in new.items() if old.get(name) != digest)
    gone = {name for name in old if name not in new}
    parents = {parent for name in gone for parent in _parents(name)}
    # A former directory with the name of a new file; and git's own files, known only as a whole.
    in_the_way = (parents & set(new)) | ({".git"} & changed & set(old))
    return Changes(
        gone=tuple(sorted(gone | in_the_way)),
        empty=tuple(sorted(parents - set(new), key=lambda name: (-name.count("/"), name))),
        changed=changed,
    )


def _parents(name: str) -> Iterator[str]:
    while "/" in name:
        name = name.rpartition("/")[0]
        yield name
