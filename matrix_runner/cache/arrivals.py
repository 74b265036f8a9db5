"""The jobs of a node as their images arrive: each platform's are delivered from the cache, or made ready to run."""

import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from msgspec.structs import replace

from matrix_runner.before_all.prepared_images import unmatched_inputs
from matrix_runner.cache.cached_cells import CachedCells, Known
from matrix_runner.cell.run_context import Materials, RunContext
from matrix_runner.config.options.cache_options import BEFORE_ALL_INPUTS
from matrix_runner.errors import MachineError
from matrix_runner.matrix import Job
from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import Outcome
from matrix_runner.model.platforms import Platform
from matrix_runner.probe.image_prober import Prober
from matrix_runner.probe.image_remarks import image_remarks
from matrix_runner.probe.room_ahead import warnings_of_room
from matrix_runner.schedule import Again, Area, Load, Slot, Task

Perform = Callable[[Job, Slot], Outcome | Again]


class Arrivals:
    """The jobs of a node, made ready platform by platform while others of them run already. Thread-safe.

    By platform rather than by image, though most have but one: a wheel may serve any cells of its platform, so which of
    them are taken from the cache is decided for all at once.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        context: RunContext,
        cached: CachedCells,
        materials: Materials,
        prober: Prober,
    ) -> None:
        """`context`, `materials`: the node's; with the sdist, if the run makes one. `prober`: of their images.

        Starts nothing yet.
        """
        self._jobs = jobs
        self._context = context
        self._cached = cached
        self._materials = materials
        self._prober = prober
        self._lock = threading.Lock()
        self._known = Known()
        self._awaited: dict[Platform, list[Job]] = {}
        self._begun: set[Platform] = set()
        self._ready: set[Platform] = set()
        self._told: set[str] = set()
        self.outcomes: dict[Cell, Outcome] = {}
        """Of jobs that need not run, or cannot."""
        self.has_missing = False
        """Whether any job must run."""

    def begin(self, perform: Perform) -> None:
        """Make the platforms ready whose images are known. `perform`: runs a cell. From any thread but the main one."""
        jobs = self._jobs
        known = self._known = self._cached.find(jobs, self._materials)
        missing = known.missing(jobs)
        unprobed = self._materials.images.unprobed(missing)
        for warning in warnings_of_room(self._context.request, missing, unprobed, self._materials.earlier):
            self._warn(warning)
        awaited = {job.cell.platform for waiting in unprobed.values() for job in waiting}
        awaited |= {job.cell.platform for job in jobs if not self._context.needed.may_start(job.cell)}
        for job in jobs:
            if job.cell.platform in awaited:
                self._awaited.setdefault(job.cell.platform, []).append(job)
        hits = {cell: hit for cell, hit in known.hits.items() if cell.platform not in awaited}
        ready = [job for job in jobs if job.cell.platform not in awaited]
        self._make_ready(ready, replace(known, hits=hits), perform)

    def tasks(self, number: int, order: Sequence[Job], perform: Perform) -> Iterator[Task[Outcome | None]]:
        """Yield a task for each other platform, to stand before those of the cells. `number`: the node's.

        `order`: of the cells.

        As many images are fetched at once as there are workers: all at once would share the network, and the first
        would be as late as the last.
        """
        here = Area(nodes=frozenset((number,)))
        for platform in dict.fromkeys(job.cell.platform for job in order):
            if platform in self._awaited:
                run, claim = partial(self._bring, platform, perform), partial(self._may_begin, platform)
                yield Task(run=run, claim=claim, takes_slot=False, area=here)

    def is_ready(self, platform: Platform) -> bool:
        """Whether it is known which of the platform's cells need not run."""
        return platform in self._ready

    def _may_begin(self, platform: Platform, _: int) -> bool:
        with self._lock:
            if not all(self._context.needed.may_start(job.cell) for job in self._awaited[platform]):
                return False
            if platform not in self._begun and len(self._begun - self._ready) >= self._context.request.workers:
                return False
            self._begun.add(platform)
            return True

    def _bring(self, platform: Platform, perform: Perform) -> None:
        jobs, known = self._awaited[platform], self._known
        if not self._materials.images.unprobed(known.missing(jobs)):
            # Wheels of other packages have come meanwhile, or these have brought the image.
            known = self._cached.find(jobs, self._materials)
        while unprobed := self._materials.images.unprobed(known.missing(jobs)):
            for key, waiting in unprobed.items():
                self._prober.bring(key, waiting)
            known = self._cached.find(jobs, self._materials)
        self._make_ready(jobs, known, perform)

    def _make_ready(self, jobs: Sequence[Job], known: Known, perform: Perform) -> None:
        """`known`: of these jobs only."""
        context, missing = self._context, known.missing(jobs)
        context.containers.drop(cell.stem for cell in known.hits)
        outcomes = self._cached.replay(known)
        self._materials.prepared.expect(jobs)
        if missing and not context.is_cancelled:
            self._prepare(missing)
            outcomes |= self._fail_hopeless(missing, perform)
        with self._lock:
            self.has_missing = self.has_missing or bool(missing)
            self.outcomes |= outcomes
            self._ready |= {job.cell.platform for job in jobs}

    def _prepare(self, missing: Sequence[Job]) -> None:
        """Find the prepared images of earlier runs, and tell what there is to tell before the cells start."""
        request, materials, prepared = self._context.request, self._materials, self._materials.prepared
        cells = tuple(job.cell for job in missing)
        prepared.adopt_existing(request.engine, cells)
        for notice in prepared.notices(cells):
            self._context.notify(notice)
        for pattern in unmatched_inputs(missing, materials.source):
            self._warn(f"{BEFORE_ALL_INPUTS.name}: {pattern} matches no file of the project")
        for remark in image_remarks(missing, materials.images, request.inputs.environ):
            self._warn(remark)

    def _warn(self, text: str) -> None:
        """Warn once a run: several platforms may have the same to tell."""
        with self._lock:
            if text in self._told:
                return
            self._told.add(text)
        self._context.notify(text, is_warning=True)

    def _fail_hopeless(self, missing: Sequence[Job], perform: Perform) -> dict[Cell, Outcome]:
        """Perform the cells that cannot run, which thus fail at once rather than an hour later."""
        outcomes: dict[Cell, Outcome] = {}
        for job in missing:
            image = self._materials.images.of(job)
            is_needy = self._context.needed.problem(job.cell) is not None
            if is_needy or isinstance(image, MachineError) or image.problem(job) is not None:
                outcome = perform(job, Slot(Load()))
                if isinstance(outcome, Outcome):
                    outcomes[job.cell] = outcome
        return outcomes
