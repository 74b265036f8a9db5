"""Look-up and storage of a project's sdist, which is built anew only if something has changed that decides it."""

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from matrix_runner.cache.cache_key import SharedInputs, sdist_key
from matrix_runner.cache.freshness import is_fresh, pinned_since
from matrix_runner.config.options.cache_options import CACHE_MAX_AGE
from matrix_runner.digests import text_digest
from matrix_runner.matrix import Job
from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import SdistRecord
from matrix_runner.probe.image_probe import ProbedImage
from matrix_runner.request import BuildInputs
from matrix_runner.store.cell_inputs import SourceInputs
from matrix_runner.store.kept_sdist import SdistNote, keep_sdist, kept_note, take_sdist
from matrix_runner.store.store import Store

if TYPE_CHECKING:
    # A run without an sdist needs nothing of it.
    from matrix_runner.project.made_sdist import MadeSdist


class KeptSdist(msgspec.Struct, frozen=True, kw_only=True):
    """An sdist of an earlier run. `path`: a copy of it. `contents`: the digest of its files."""

    path: Path
    contents: str
    record: SdistRecord


class SdistQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """All that decides an sdist. `maker`: the job in whose cell it is built, in `image`. `shared`: as for cells."""

    inputs: BuildInputs
    maker: Job
    image: ProbedImage
    shared: SharedInputs

    @property
    def key(self) -> str:
        """The key of the sdist."""
        return sdist_key(self.maker, self.image, self.shared)

    @property
    def project(self) -> str:
        """The name of the project's sdist in the store: one for each maker, as runs of fewer cells have another."""
        return text_digest(self.inputs.identity, self.maker.cell.local)


def kept_contents(store: Store, question: SdistQuestion) -> str | None:
    """Return the digest of the files of the sdist that a build would take; None if it would make one. Reads only."""
    note = _fresh_note(store, question)
    return None if note is None else note.contents


def find_sdist(store: Store, question: SdistQuestion, staging: Path) -> KeptSdist | None:
    """Return the kept sdist, copied to `staging`; None if there is none of the same inputs, or it is too old."""
    note = _fresh_note(store, question)
    path = None if note is None else take_sdist(store, question.project, note, staging)
    if note is None or path is None:
        return None
    made_in = Cell.parse(note.made_in).of_package(question.maker.cell.package)
    record = SdistRecord(name=note.name, size=note.size, sha256=note.sha256, made_in=made_in, is_cached=True)
    return KeptSdist(path=path, contents=note.contents, record=record)


def store_sdist(store: Store, question: SdistQuestion, made: "MadeSdist") -> None:
    """Keep a made sdist. Raise OutputError."""
    note = SdistNote(
        key=question.key,
        name=made.path.name,
        size=made.size,
        sha256=made.sha256,
        contents=contents_of(made),
        made_in=question.maker.cell.local,
        created=store.clock(),
    )
    keep_sdist(store, question.project, note, made.path)


def contents_of(made: "MadeSdist") -> str:
    """Return the digest of an sdist's files, whatever the times in it."""
    return SourceInputs.of(made.archive.digests).sha256


def _fresh_note(store: Store, question: SdistQuestion) -> SdistNote | None:
    note = kept_note(store, question.project, question.key)
    pinned = pinned_since(question.maker, has_hashes=question.maker.cell in question.shared.hashed)
    max_age = question.inputs.settings[CACHE_MAX_AGE]
    return note if note is not None and is_fresh(note.created, store.clock(), max_age, pinned) else None
