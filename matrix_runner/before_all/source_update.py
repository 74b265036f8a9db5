"""How a prepared image of an earlier run gets today's source: only the files that differ from those in it."""

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
    """A prepared image of an earlier run that cannot be brought up to date; its text says why."""


def source_digest(digests: Digests) -> str:
    """Return one digest of all files."""
    return text_digest(*(part for pair in digests for part in pair), "")


def update_source(container: Container, put: Put, layout: Layout, source: SourceArchive) -> None:
    """Bring the project's files in a container of a prepared image up to date. Raise UnusableImage.

    What `before-all` wrote into the project, or changed there, stays as it left it.
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
        # rmdir takes only those that are empty: what before-all left in the others stays.
        script = 'cd "$1" && xargs -0 rm -rf -- <"$2/gone" && { xargs -0 rmdir -- <"$2/empty" 2>/dev/null; true; }'
        argv = ("sh", "-c", script, "sh", layout.project, layout.matrix)
        if not container.exec(ExecRequest(argv=argv, timeout=600), lambda _: None).is_success:
            raise UnusableImage("files that are no longer in the project cannot be removed from it")
    put(layout.project, changes.archive(source))


def write_list(digests: Digests) -> bytes:
    """Return the list of the project's files that goes into a prepared image."""
    return "".join(f"{name}\0{digest}\0" for name, digest in digests).encode("utf-8", "surrogateescape")


def write_names(names: Iterable[str]) -> bytes:
    """Return names as `xargs -0` reads them."""
    return "".join(f"{name}\0" for name in names).encode("utf-8", "surrogateescape")


def read_list(data: bytes) -> Digests | None:
    """Return what such a list says; None for anything else."""
    words = data.decode("utf-8", "surrogateescape").split("\0")
    if words.pop() or len(words) % 2 or not words:
        return None
    return tuple(zip(words[::2], words[1::2], strict=True))


@dataclass(frozen=True, kw_only=True, slots=True)
class Changes:
    """What an older image needs for today's source, by names. What `before-all` wrote or changed is left alone.

    `gone`: to be removed, before anything is put. `empty`: directories that may be empty then, deepest first.
    """

    gone: tuple[str, ...]
    empty: tuple[str, ...]
    changed: frozenset[str]

    def archive(self, source: SourceArchive) -> Iterator[bytes]:
        """Stream a tar of what has changed, cut out of the tar of all."""
        with open_tar(source.path, encoding="utf-8", errors="surrogateescape") as tar, source.path.open("rb") as raw:
            for member in tar:
                if (".git" if member.name.startswith(".git/") else member.name) in self.changed:
                    raw.seek(member.offset)
                    data = member.size if member.isreg() else 0
                    size = member.offset_data + data + -data % BLOCKSIZE - member.offset
                    yield from read_exactly(raw, size, str(source.path))
        yield END


def changes_between(before: Digests, now: Digests) -> Changes:
    """Return what must happen to files of `before` so that they are those of `now`."""
    old, new = dict(before), dict(now)
    changed = frozenset(name for name, digest in new.items() if old.get(name) != digest)
    gone = {name for name in old if name not in new}
    parents = {parent for name in gone for parent in _parents(name)}
    # A directory of before whose name is a file's now; and git's own files, of which only the whole is known.
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
