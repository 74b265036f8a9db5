"""Images that `before-all` prepared: what decides one, which there are, and how an older one gets today's source."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from tarfile import BLOCKSIZE
from tarfile import open as open_tar

from matrix_runner.before_all.project_volumes import LABEL_SOURCE, ProjectVolumes, prepared_name
from matrix_runner.before_all.registry import BeforeAllRuns, PreparedImage
from matrix_runner.config.options.build_options import BEFORE_ALL, ENVIRONMENT, ENVIRONMENT_PASS
from matrix_runner.config.options.cache_options import BEFORE_ALL_INPUTS
from matrix_runner.config.options.run_options import CONTAINER_ENGINE
from matrix_runner.engine.api import Engine
from matrix_runner.errors import MachineError
from matrix_runner.matrix import Job
from matrix_runner.model.cells import Cell
from matrix_runner.probe.image_probe import ProbedImage
from matrix_runner.project.source_archive import Digests, SourceArchive

_FORMAT = "1"
"""Raised when prepared images are made in another way, so that none of before is taken."""

_CHUNK = 1 << 20


def source_digest(digests: Digests) -> str:
    """Return one digest of all files."""
    pieces = hashlib.sha256()
    for name, digest in digests:
        pieces.update(f"{name}\0{digest}\0".encode("utf-8", "surrogateescape"))
    return pieces.hexdigest()


def inputs_of(digests: Digests, patterns: tuple[str, ...]) -> Digests:
    """Return the files that `before-all` depends on: all, or those that the patterns of .gitignore match."""
    if not patterns:
        return digests
    from pathspec import GitIgnoreSpec

    spec = GitIgnoreSpec.from_lines(patterns)
    return tuple(pair for pair in digests if spec.match_file(pair[0]))


def unmatched_patterns(digests: Digests, patterns: tuple[str, ...]) -> tuple[str, ...]:
    """Return the patterns that match no file of the project; those that only leave out are not among them."""
    if not patterns:
        return ()
    from pathspec import GitIgnoreSpec

    names = [name for name, _ in digests]
    return tuple(
        pattern
        for pattern in patterns
        if not pattern.startswith("!") and not any(map(GitIgnoreSpec.from_lines([pattern]).match_file, names))
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class PreparedKeys:
    """Makes the keys of prepared images: all that `before-all` can see, but for the cell that happens to run it.

    Not the time of the last commit (SOURCE_DATE_EPOCH), which would make every commit another image.
    """

    supplies: ProjectVolumes
    places: Callable[[Job], ProbedImage | MachineError]
    digests: Digests
    environ: tuple[tuple[str, str], ...]

    def of(self, jobs: Iterable[Job]) -> dict[Cell, str]:
        """Return the key of each job that has a `before-all`; those with equal keys share one image."""
        inputs: dict[tuple[str, ...], str] = {}
        keys: dict[Cell, str] = {}
        for job in jobs:
            place = self.places(job)
            if job.settings[BEFORE_ALL] and isinstance(place, ProbedImage):
                patterns = job.settings[BEFORE_ALL_INPUTS]
                if patterns not in inputs:
                    inputs[patterns] = source_digest(inputs_of(self.digests, patterns))
                keys[job.cell] = self._key(job, place, inputs[patterns])
        return keys

    def _key(self, job: Job, place: ProbedImage, inputs: str) -> str:
        settings, environ = job.settings, dict(self.environ)
        parts = (
            _FORMAT,
            self.supplies.identity,
            place.image.id,
            str(place.arch),
            settings[BEFORE_ALL],
            settings[ENVIRONMENT],
            [(name, environ.get(name)) for name in settings[ENVIRONMENT_PASS]],
            settings[CONTAINER_ENGINE].create_args,
            settings.is_drop_in,
            inputs,
        )
        return hashlib.sha256(json.dumps(parts).encode("utf-8", "surrogateescape")).hexdigest()


def adopt_existing(engine: Engine, keys: Iterable[str], preparations: BeforeAllRuns) -> frozenset[str]:
    """Find the images that earlier runs prepared, so that no cell need; return the keys of those there are.

    What an engine that cannot answer has is not known: then all is prepared anew, or fails for that reason.
    """
    found = set()
    for key in frozenset(keys):
        try:
            image = engine.find_persistent_image(prepared_name(key))
        except MachineError:
            break
        if image is not None:
            source = dict(image.labels).get(LABEL_SOURCE, "")
            preparations.adopt(key, PreparedImage(image=image.id, source=source, is_kept=True))
            found.add(key)
    return frozenset(found)


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
                    left = member.offset_data + data + -data % BLOCKSIZE - member.offset
                    while left:
                        piece = raw.read(min(left, _CHUNK))
                        left -= len(piece)
                        yield piece
        yield bytes(2 * BLOCKSIZE)


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
