"""Look-up and storage of cells by cache key, in the local store and the remote, for one run."""

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from matrix_runner.cache.cache_key import SharedInputs, StableAbiBuilder, cell_inputs, why_not_cached
from matrix_runner.cache.freshness import is_fresh, pinned_since
from matrix_runner.digests import text_digest
from matrix_runner.errors import OutputError
from matrix_runner.files import sha256_of
from matrix_runner.json_values import NotJson, decode
from matrix_runner.matrix import Job, Selector
from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import Outcome
from matrix_runner.probe.image_probe import ProbedImage
from matrix_runner.store.cell_inputs import CellInputs, key
from matrix_runner.store.remote_store import Remote
from matrix_runner.store.store import CacheEntry, FinishedCell, Store
from matrix_runner.workspace.needed_wheels import NeededWheel

_LATEST = "latest"


class LatestKey(msgspec.Struct, frozen=True, kw_only=True):
    """The cache key under which a project's cell was last stored or found. `at`: seconds since 1970."""

    key: str
    at: float


class CacheTerms(msgspec.Struct, frozen=True, kw_only=True):
    """A run's terms of use of the store.

    `project`: the owner of the cells. `rebuild`: cells to build anew. `max_age`: seconds, 0 for any age. `staging`: a
    directory for copies.
    """

    project: str
    rebuild: Selector
    max_age: float
    staging: Path


class CacheHit(msgspec.Struct, frozen=True, kw_only=True):
    """A cached cell that need not run."""

    job: Job
    entry: CacheEntry


class CellFiles(msgspec.Struct, frozen=True, kw_only=True):
    """The files of a passed cell. `wheel`: its own, or that of another cell which it tested, None without either.

    `results`: of its tests; `provenance`: the statement of its own wheel. Each need not be there.
    """

    wheel: Path | None
    log: Path
    results: Path
    provenance: Path | None


class CellCache:
    """The cell cache of one run. Thread-safe. Its errors never stop a run.

    `trouble` is called once, with the first error; caching then stops.
    """

    def __init__(self, store: Store, terms: CacheTerms, remote: Remote | None, trouble: Callable[[str], None]) -> None:
        """`trouble` may be called from any thread."""
        self.store = store
        self._terms = terms
        self._remote = remote
        self._trouble = trouble
        self._lock = threading.Lock()
        self._is_broken = False
        self._inputs: dict[Cell, CellInputs] = {}
        self._keys: dict[Cell, str] = {}
        self._pinned: dict[Cell, float | None] = {}
        self._entries: dict[str, CacheEntry | None] = {}

    def look_up(
        self,
        jobs: Sequence[Job],
        image_of: Callable[[Job], ProbedImage | None],
        shared: SharedInputs,
        leader_of: Callable[[Cell], Cell | None],
        needed_of: Callable[[Cell], Sequence[NeededWheel] | None],
    ) -> dict[Cell, CacheHit]:
        """Return the cells that need not run. `image_of`: None for an unknown image; `needed_of`: for unknown wheels.

        `jobs`: all of one platform, or of several; a wheel may serve any cells of a platform, so what is taken for them
        is decided together. May be called again when more images are known, or with another source.
        """
        self._compute_keys(jobs, image_of, shared, leader_of, needed_of)
        hits: dict[Cell, CacheHit] = {}
        for job in jobs:
            entry = self._entry(job)
            if entry is not None and entry.wheel is not None:
                hits[job.cell] = CacheHit(job=job, entry=entry)
        _drop_rivals(hits)
        for job in jobs:
            entry = self._entry(job)
            if entry is not None and entry.wheel is None and self._is_still_served(job.cell, entry, hits):
                hits[job.cell] = CacheHit(job=job, entry=entry)
        for cell in hits:
            self._remember(cell)
        return hits

    def keep(self, job: Job, outcome: Outcome, files: CellFiles) -> None:
        """Store a passed cell."""
        inputs, wheel, log = self._inputs.get(job.cell), files.wheel, files.log
        if inputs is None or wheel is None or self._is_broken:
            return
        builder = outcome.reused_from
        try:
            finished = FinishedCell(
                outcome=outcome,
                project=self._terms.project,
                wheel=wheel if builder is None else None,
                log=log if log.is_file() else None,
                builder=None if builder is None else self._keys.get(builder),
                tested=None if builder is None else sha256_of(wheel),
                results=files.results,
                provenance=files.provenance if builder is None else None,
            )
            kept = self.store.put(inputs, finished)
            self._remember(job.cell)
        except (OSError, OutputError) as error:
            self.give_up(f"finished cells are not kept: {error.message if isinstance(error, OutputError) else error}")
            return
        if self._remote is not None:
            self._remote.push(self.store, kept)

    def give_up(self, text: str) -> None:
        """Report the first error, and stop caching."""
        with self._lock:
            is_first, self._is_broken = not self._is_broken, True
        if is_first:
            self._trouble(text)

    def _compute_keys(
        self,
        jobs: Sequence[Job],
        image_of: Callable[[Job], ProbedImage | None],
        shared: SharedInputs,
        leader_of: Callable[[Cell], Cell | None],
        needed_of: Callable[[Cell], Sequence[NeededWheel] | None],
    ) -> None:
        """Compute the key of every cell with a known image; cells that others wait for first."""
        for job in jobs:
            self._inputs.pop(job.cell, None)
            self._keys.pop(job.cell, None)
        for job in sorted(jobs, key=lambda job: leader_of(job.cell) is not None):
            image, leading, leader = image_of(job), leader_of(job.cell), None
            needed = needed_of(job.cell)
            if image is None or needed is None or why_not_cached(job) is not None:
                continue
            if leading is not None:
                if leading not in self._keys:
                    continue
                leader = StableAbiBuilder(cell=leading.local, key=self._keys[leading])
            inputs = cell_inputs(job, image, shared, leader, needed)
            self._inputs[job.cell] = inputs
            self._pinned[job.cell] = pinned_since(job, has_hashes=job.cell in shared.hashed)
            self._keys[job.cell] = key(inputs)

    def _entry(self, job: Job) -> CacheEntry | None:
        name = self._keys.get(job.cell)
        if name is None or self._terms.rebuild.matches(job.cell):
            return None
        if name not in self._entries:
            self._entries[name] = self._fetch(name, self._pinned[job.cell])
        entry = self._entries[name]
        return entry if entry is not None and entry.record.cell == job.cell.local else None

    def _fetch(self, name: str, pinned: float | None) -> CacheEntry | None:
        try:
            entry = self._fresh(name, pinned)
            if entry is None and self._remote is not None and self._remote.pull(self.store, name):
                entry = self._fresh(name, pinned)
        except OutputError as error:
            self.give_up(f"finished cells cannot be taken: {error.message}")
            return None
        return entry

    def _fresh(self, name: str, pinned: float | None) -> CacheEntry | None:
        record = self.store.peek(name)
        if record is None or not is_fresh(record.created, self.store.clock(), self._terms.max_age, pinned):
            return None
        return self.store.get(name, self._terms.staging / name)

    def _is_still_served(self, cell: Cell, entry: CacheEntry, hits: Mapping[Cell, CacheHit]) -> bool:
        """Whether the wheel that a cell tested is the one in its builder's entry."""
        record = entry.record
        builder = None if record.reused_from is None else hits.get(own_cell(record.reused_from, cell))
        wheel = None if builder is None else builder.entry.record.wheel
        return (
            builder is not None
            and wheel is not None
            and builder.entry.record.key == record.builder
            and wheel.sha256 == record.tested
        )

    def _remember(self, cell: Cell) -> None:
        """Record the cell's cache key, for `runner explain`."""
        name = self._keys[cell]
        note = latest_key_note(self._terms.project, cell.local)
        known = latest_key(self.store, self._terms.project, cell.local)
        if known is not None and known.key == name:
            return
        content = msgspec.json.encode(LatestKey(key=name, at=self.store.clock()))
        try:
            self.store.write_note(_LATEST, note, content)
        except OutputError as error:
            self.give_up(f"finished cells are not kept: {error.message}")


def own_cell(kept: str, cell: Cell) -> Cell:
    """Return the cell of a package that an entry of it names. `cell`: another one of the package, in this run.

    The store knows a package's cells by what they are called within it, whatever else a run builds.
    """
    return Cell.parse(kept).of_package(cell.package)


def latest_key_note(project: str, cell: str) -> str:
    """Return the note's name for a project's cell."""
    return text_digest(project, cell)


def latest_key(store: Store, project: str, cell: str) -> LatestKey | None:
    """Return the last cache key of a project's cell, or None."""
    content = store.note(_LATEST, latest_key_note(project, cell))
    if content is None:
        return None
    try:
        return decode(content, LatestKey)
    except NotJson:
        return None


def _drop_rivals(hits: dict[Cell, CacheHit]) -> None:
    """Drop all hits but the first of those with different wheels of one name: those cells test that one instead.

    Two runs, each of one of the cells, leave such entries.
    """
    firsts: dict[str, str] = {}
    for cell, hit in tuple(hits.items()):
        wheel = hit.entry.record.wheel
        if wheel is not None and firsts.setdefault(wheel.name, wheel.sha256) != wheel.sha256:
            del hits[cell]
