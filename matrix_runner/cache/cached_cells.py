"""A run's use of the cell cache: look-up before anything starts, delivery of hits, caching of passed cells.

Each passed cell is cached at once: it need not run again, whatever happens to the run.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from matrix_runner.cache.cache_key import SharedInputs, why_not_cached
from matrix_runner.cache.cell_cache import CacheHit, CacheTerms, CellCache, CellFiles, own_cell
from matrix_runner.cache.log_barrier import LogBarrier
from matrix_runner.cache.replayed_files import replay_results, replay_statement
from matrix_runner.cache.sdist_cache import KeptSdist, SdistQuestion, contents_of, find_sdist, store_sdist
from matrix_runner.cell.run_context import Materials, RunContext
from matrix_runner.cell.shared_wheels import SharedWheel
from matrix_runner.config.options.cache_options import (
    CACHE_MAX_AGE,
    CACHE_REMOTE,
    CACHE_REMOTE_READ_ONLY,
    CACHE_SIZE,
    NO_CACHE,
    REBUILD,
)
from matrix_runner.engine.node import Node
from matrix_runner.errors import MachineError, OutputError, WheelConflict
from matrix_runner.files import chunks_of
from matrix_runner.matrix import Job, Selector
from matrix_runner.model.cells import Cell
from matrix_runner.model.events import CellFinished, Output
from matrix_runner.model.outcomes import Failure, Outcome, Reason, Status, StepKind
from matrix_runner.probe.probe_cache import ProbeCache
from matrix_runner.probe.probed_images import ProbedImages
from matrix_runner.project.source_archive import SourceArchive, Survey, survey
from matrix_runner.schedule import Again
from matrix_runner.store.entry_pruning import prune
from matrix_runner.store.entry_record import wheel_record
from matrix_runner.store.remote_store import Remote, open_remote
from matrix_runner.store.store import Store

if TYPE_CHECKING:
    # A run without an sdist needs nothing of it.
    from matrix_runner.project.made_sdist import MadeSdist

_CHUNK = 64 * 1024


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a run's cache look-up. `hits`: cells that need not run. `source`: None if it was not read.

    `sdist`: a kept one that need not be built.
    """

    source: Survey | SourceArchive | None = None
    images: ProbedImages = msgspec.field(default_factory=ProbedImages)
    hits: Mapping[Cell, CacheHit] = msgspec.field(default_factory=lambda: MappingProxyType({}))
    sdist: KeptSdist | None = None

    def missing(self, jobs: Sequence[Job]) -> tuple[Job, ...]:
        """Return the jobs that must run."""
        return tuple(job for job in jobs if job.cell not in self.hits)

    def offer(self, context: RunContext) -> None:
        """Offer the wheels of a package's cells, of which none must run, to the look-up of those that need them."""
        wheels = {cell: hit.entry.wheel for cell, hit in self.hits.items()}
        for cell, hit in self.hits.items():
            tested = hit.entry.record.reused_from
            builder = cell if tested is None else own_cell(tested, cell)
            context.needed.end(cell, partial(wheels.get, builder))


class CachedCells:
    """The cell cache of one run. Without a store there are no hits, and nothing is cached."""

    def __init__(self, context: RunContext, barrier: LogBarrier) -> None:
        """Touch nothing yet. Raise UsageError if the settings name an unusable remote cache."""
        self._context = context
        self._barrier = barrier
        self.remote: Remote | None = None
        """The place that machines share, or None; also where nothing is cached."""
        self._cache = self._open()

    def probes_at(self, node: Node) -> ProbeCache | None:
        """Return the cache of probe results at a node, or None."""
        return None if self._cache is None else ProbeCache(self._cache.store, node.info.machine)

    def look_up(self, images: ProbedImages) -> Known:
        """Find the cells that need not run, as far as known without containers and network. `images`: as known."""
        request = self._context.request
        if self._cache is None:
            return Known(images=images)
        source = None
        with suppress(MachineError):
            # An unreadable project is reported when it is packed.
            source = survey(request.inputs.source)
        if source is None:
            return Known(images=images)
        kept = self.find_sdist(source, images)
        if kept is None and request.sdist_maker is not None:
            # The key of every cell has the sdist's digest in it.
            return Known(source=source, images=images)
        found = self._find(request.jobs, source, images, None if kept is None else kept.contents)
        return replace(found, sdist=kept)

    def find(self, jobs: Sequence[Job], materials: Materials) -> Known:
        """Find those of the jobs that need not run, given the materials. `jobs`: all of one platform, or of several."""
        sdist = None if materials.sdist is None else contents_of(materials.sdist)
        return self._find(jobs, materials.source, materials.images, sdist)

    def _find(
        self, jobs: Sequence[Job], source: Survey | SourceArchive, images: ProbedImages, sdist: str | None
    ) -> Known:
        if self._cache is None:
            return Known(source=source, images=images)
        inputs = SharedInputs.of(self._context.request.inputs, source, sdist)
        leader = self._context.shared_wheels.leader
        hits = self._cache.look_up(jobs, images.with_rungs, inputs, leader, self._context.needed.of)
        return Known(source=source, images=images, hits=MappingProxyType(hits))

    def find_sdist(self, source: Survey | SourceArchive, images: ProbedImages) -> KeptSdist | None:
        """Find the sdist of an earlier run that was made from the same; None also if the run makes none."""
        question = self._sdist_question(source, images)
        if question is None or self._cache is None:
            return None
        if Selector(patterns=self._context.request.settings[REBUILD]).matches(question.maker.cell):
            return None
        return find_sdist(self._cache.store, question, self._context.scratch / "cached")

    def keep_sdist(self, made: "MadeSdist", source: SourceArchive, images: ProbedImages) -> None:
        """Keep the run's sdist for later runs."""
        question = self._sdist_question(source, images)
        if question is None or self._cache is None:
            return
        try:
            store_sdist(self._cache.store, question, made)
        except OutputError as error:
            self.give_up(error)

    def _sdist_question(self, source: Survey | SourceArchive, images: ProbedImages) -> SdistQuestion | None:
        request = self._context.request
        maker = request.sdist_maker
        image = None if maker is None else images.image(maker)
        if maker is None or image is None or why_not_cached(maker) is not None:
            return None
        shared = SharedInputs.of(request.inputs, source)
        return SdistQuestion(inputs=request.inputs, maker=maker, image=image, shared=shared)

    def replay(self, known: Known) -> dict[Cell, Outcome]:
        """Deliver the cached cells as if built now, in plan order; return the outcomes.

        From any thread but the main one.
        """
        outcomes = {outcome.cell: outcome for outcome in self._replayed(known.hits)}
        for outcome in outcomes.values():
            # After all of them: one may have tested the wheel of another.
            self._context.end(outcome)
        return outcomes

    def run(self, job: Job, run_cell: Callable[[], Outcome | Again]) -> Outcome | Again:
        """Run a cell, and cache it at once if it passes, or if only its wheel could not be delivered."""
        ended, context = run_cell(), self._context
        outcome = None if isinstance(ended, Again) else _as_delivered(ended)
        if outcome is None or self._cache is None:
            return ended
        context.pool.hurry()
        if self._barrier.wait(job.cell):
            own, undelivered = outcome.wheel, outcome.undelivered
            wheel = None if own is None else context.wheelhouse.directory / own.name
            if outcome.reused_from is not None:
                wheel = context.shared_wheels.wheel_of(outcome.reused_from)
            inputs = context.request.inputs
            statement = None if own is None or own.provenance is None else inputs.statement_of(own.name)
            if undelivered is not None:
                wheel = Path(undelivered.path)
                statement = None if undelivered.statement is None else Path(undelivered.statement)
            files = CellFiles(
                wheel=wheel,
                log=inputs.logs_dir / f"{job.cell.stem}.log",
                results=inputs.tests_dir / f"{job.cell.stem}.xml",
                provenance=statement,
            )
            self._cache.keep(job, outcome, files)
        return ended

    def give_up(self, error: MachineError) -> None:
        """Report, once, why no more cells are cached."""
        if self._cache is not None:
            self._cache.give_up(f"finished cells are not kept: {error.message}")

    def close(self, *, is_changed: bool) -> None:
        """Prune the store to its size limit. `is_changed`: whether the run may have kept something."""
        if self._cache is not None and is_changed:
            with suppress(OSError):
                prune(self._cache.store, limit=self._context.request.settings[CACHE_SIZE] or None)

    def _open(self) -> CellCache | None:
        request = self._context.request
        inputs, settings = request.inputs, request.settings
        if inputs.cache is None or settings[NO_CACHE]:
            return None
        if any(job.image is None for job in request.jobs):
            # A machine has no digest: its installed software may differ tomorrow.
            return None
        terms = CacheTerms(
            project=inputs.identity,
            rebuild=Selector(patterns=settings[REBUILD]),
            max_age=settings[CACHE_MAX_AGE],
            staging=self._context.scratch / "cached",
        )
        self.remote = self._remote()
        return CellCache(Store(inputs.cache), terms, self.remote, self._warn)

    def _remote(self) -> Remote | None:
        settings = self._context.request.settings
        if not settings[CACHE_REMOTE]:
            return None
        return open_remote(settings[CACHE_REMOTE], read_only=settings[CACHE_REMOTE_READ_ONLY], trouble=self._warn)

    def _warn(self, text: str) -> None:
        self._context.notify(text, is_warning=True)

    def _replayed(self, hits: Mapping[Cell, CacheHit]) -> Iterator[Outcome]:
        pool = self._context.pool
        for job in self._context.request.jobs:
            hit = hits.get(job.cell)
            if hit is None:
                continue
            if self._context.is_cancelled:
                return
            outcome = self._deliver(hit)
            pool.emit(CellFinished(at=pool.clock(), outcome=outcome))
            yield outcome

    def _deliver(self, hit: CacheHit) -> Outcome:
        at, began, record, cell = self._context.pool.clock(), time.monotonic(), hit.entry.record, hit.job.cell
        wheelhouse = self._context.wheelhouse
        wheel, failure = None, None
        try:
            if hit.entry.wheel is not None and record.wheel is not None:
                wheel = wheelhouse.publish_again(hit.entry.wheel, wheel_record(record.wheel))
                self._context.shared_wheels.add(SharedWheel(builder=cell, path=wheelhouse.directory / wheel.name))
        except (MachineError, WheelConflict) as error:
            redactor = self._context.redactor
            message, hint = redactor.text(error.message), redactor.optional_text(error.hint)
            reason = Reason.CONFLICT if isinstance(error, WheelConflict) else Reason.OUTPUT
            failure = Failure(step=StepKind.PUBLISH, reason=reason, message=message, hint=hint)
        self._replay_log(cell, hit)
        has_results = hit.entry.results is not None and replay_results(hit.entry.results, cell, self._context)
        if wheel is not None:
            wheel = replay_statement(hit.entry.provenance, wheel, cell, self._context)
        return Outcome(
            cell=cell,
            status=Status.CACHED if failure is None else Status.FAILED,
            seconds=time.monotonic() - began,
            failure=failure,
            wheel=wheel,
            reused_from=None if record.reused_from is None else own_cell(record.reused_from, cell),
            image=record.image,
            image_id=record.image_id,
            python_version=record.python_version,
            began=at,
            spared=record.seconds,
            log=self._context.request.log_path(hit.job),
            rungs=record.rungs,
            test_results=record.results.counts if record.results is not None and has_results else None,
        )

    def _replay_log(self, cell: Cell, hit: CacheHit) -> None:
        """Emit the cached log of the cell's build to the listeners.

        It is masked again: a value that is secret today need not have been known as one then.
        """
        pool, record, masked = self._context.pool, hit.entry.record, self._context.redactor.stream()
        built = datetime.fromtimestamp(record.created, timezone.utc).isoformat(sep=" ", timespec="seconds")
        with suppress(OSError):
            for data in chunks_of(hit.entry.log, _CHUNK):
                pool.emit(Output(at=pool.clock(), cell=cell, data=masked.feed(data)))
        pool.emit(Output(at=pool.clock(), cell=cell, data=masked.flush()))
        text = f"--- taken from the cache, where it is since {built}; above is its log of then\n"
        pool.emit(Output(at=pool.clock(), cell=cell, data=text.encode()))


def _as_delivered(outcome: Outcome) -> Outcome | None:
    """Return the outcome of a cell that passed, or would have if its wheel could be published; None of any other."""
    if outcome.undelivered is not None:
        return replace(outcome, status=Status.PASSED, failure=None, wheel=outcome.undelivered.record)
    return outcome if outcome.status is Status.PASSED else None
