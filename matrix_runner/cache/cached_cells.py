"""What a run need not do again: finished cells are looked up before anything is started, and kept when they pass."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

from matrix_runner.before_all.project_volumes import ProjectVolumes
from matrix_runner.before_all.registry import SharedWheel, SharedWheels
from matrix_runner.cache.cache_key import RunInputs
from matrix_runner.cache.cell_cache import CacheHit, CacheTerms, CellCache
from matrix_runner.catalog.constraints import load_constraints
from matrix_runner.cell.warm_containers import WarmContainers, container_spec
from matrix_runner.config.options.cache_options import (
    CACHE_MAX_AGE,
    CACHE_REMOTE,
    CACHE_REMOTE_READ_ONLY,
    CACHE_SIZE,
    NO_CACHE,
    REBUILD,
)
from matrix_runner.engine.api import Container, ResolvedImage
from matrix_runner.errors import MachineError, OutputError
from matrix_runner.matrix import Job, Selector
from matrix_runner.model.cells import Cell
from matrix_runner.model.events import CellFinished, Event, Notice, Output
from matrix_runner.model.outcomes import Failure, Outcome, Reason, Status, StepKind
from matrix_runner.probe.image_probe import ImageKey, ProbedImage, image_key, missing_emulator, probe_image
from matrix_runner.probe.probe_cache import CachedProbe, ProbeCache
from matrix_runner.project.source_archive import SourceArchive, Survey, survey
from matrix_runner.request import BuildRequest
from matrix_runner.schedule import Interrupt, Pool, Task
from matrix_runner.store.cell_inputs import SourceInputs
from matrix_runner.store.entry_pruning import prune
from matrix_runner.store.entry_record import wheel_record
from matrix_runner.store.remote_store import Remote, open_remote
from matrix_runner.store.store import Store
from matrix_runner.wheelhouse import Wheelhouse

_HEARD_SECONDS = 30.0
"""How long a worker waits for the main thread to have written the end of a cell's log, before it keeps it."""


_FIRST = 2
"""How many cells of an image are tried for a container to look into it. A third would find the same fault."""


class LogBarrier:
    """A listener, the last of all: tells workers when everything about a cell has been heard by the others."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._ended: set[Cell] = set()

    def handle(self, event: Event) -> None:
        """Take note of a cell's end."""
        if isinstance(event, CellFinished):
            with self._changed:
                self._ended.add(event.outcome.cell)
                self._changed.notify_all()

    def close(self) -> None:
        """Nothing is held."""

    def wait(self, cell: Cell) -> bool:
        """Wait until the cell's end was heard; return whether it was."""
        with self._changed:
            return self._changed.wait_for(lambda: cell in self._ended, _HEARD_SECONDS)


class CachedCells:
    """One run's dealings with what earlier runs left. Without a store it finds nothing and keeps nothing."""

    def __init__(  # noqa: PLR0913  each is what another room made
        self,
        order: BuildRequest,
        pool: Pool,
        interrupt: Interrupt,
        *,
        shelf: SharedWheels,
        wheelhouse: Wheelhouse,
        heard: LogBarrier,
        staging: Path,
        supplies: ProjectVolumes,
        spares: WarmContainers,
    ) -> None:
        """Touch nothing yet. Raise UsageError if the settings name a remote cache that cannot be spoken to."""
        self.places: dict[ImageKey, ProbedImage | MachineError] = {}
        """What each image holds; complete after `look_closer`."""
        self.survey: Survey | None = None
        self._order = order
        self._pool = pool
        self._interrupt = interrupt
        self._shelf = shelf
        self._wheelhouse = wheelhouse
        self._heard = heard
        self._supplies = supplies
        self._spares = spares
        self._pinned = load_constraints()
        self._known: dict[ImageKey, CachedProbe] = {}
        self._hits: dict[Cell, CacheHit] = {}
        self._jobs: dict[ImageKey, list[Job]] = {}
        for job in order.plan.jobs:
            self._jobs.setdefault(image_key(job), []).append(job)
        self._cellar = self._open(staging)
        self._known_places = None if self._cellar is None else ProbeCache(self._cellar.store, order.engine_info.machine)

    def look_up(self) -> tuple[Job, ...]:
        """Return the jobs that must run, as far as that is known without a container and without the network."""
        if self._cellar is not None:
            self._pool.run([Task(run=self._look_up)], self._interrupt)
        return self._missing()

    def look_closer(self, source: SourceArchive) -> tuple[Job, ...]:
        """Fetch and look into the images of the jobs that are left; return those of them that must run all the same."""
        self._look_into_images()
        if self._cellar is not None and not self._interrupt.is_requested:
            known = None if self.survey is None else self.survey.digests
            if source.digests != known:
                # Somebody edits: what is packed counts, and what was found is of another state.
                self._hits.clear()
            self._pool.run([Task(run=partial(self._find, source))], self._interrupt)
        missing = self._missing()
        self._spares.keep_only([str(job.cell) for job in missing])
        return missing

    def replay(self) -> dict[Cell, Outcome]:
        """Deliver what was found, as if it had been built now; return the outcomes."""
        if not self._hits:
            return {}
        (outcomes,) = self._pool.run([Task(run=self._replay)], self._interrupt)
        return outcomes or {}

    def run(self, job: Job, run_cell: Callable[[], Outcome]) -> Outcome:
        """Run a cell, and keep it at once if it passes: whatever becomes of the run, it need not run again."""
        outcome = run_cell()
        if self._cellar is not None and outcome.status is Status.PASSED and self._heard.wait(job.cell):
            wheel = None if outcome.wheel is None else self._wheelhouse.directory / outcome.wheel.name
            if outcome.reused_from is not None:
                wheel = self._shelf.wheel_of(outcome.reused_from)
            self._cellar.keep(job, outcome, wheel=wheel, log=self._order.logs_dir / f"{job.cell}.log")
        return outcome

    def close(self) -> None:
        """Keep the store within its bounds."""
        if self._cellar is not None and self._cellar.kept:
            with suppress(OSError):
                prune(self._cellar.store, limit=self._order.settings[CACHE_SIZE] or None)

    def _open(self, staging: Path) -> CellCache | None:
        settings = self._order.settings
        if self._order.cache is None or settings[NO_CACHE]:
            return None
        if any(job.image is None for job in self._order.plan.jobs):
            # A machine has no digest: what is installed on it may be another thing tomorrow.
            return None
        terms = CacheTerms(
            project=str((self._order.origin or self._order.project) / self._order.package),
            rebuild=Selector(patterns=settings[REBUILD]),
            max_age=settings[CACHE_MAX_AGE],
            staging=staging,
        )
        return CellCache(Store(self._order.cache), terms, self._remote(), self._tell)

    def _remote(self) -> Remote | None:
        settings = self._order.settings
        if not settings[CACHE_REMOTE]:
            return None
        return open_remote(settings[CACHE_REMOTE], read_only=settings[CACHE_REMOTE_READ_ONLY], trouble=self._tell)

    def _tell(self, text: str) -> None:
        notice = Notice(at=self._pool.clock(), text=text, is_warning=True)
        if threading.current_thread() is threading.main_thread():
            self._pool.tell(notice)
        else:
            self._pool.emit(notice)

    def _missing(self) -> tuple[Job, ...]:
        return tuple(job for job in self._order.plan.jobs if job.cell not in self._hits)

    def _look_up(self) -> None:
        order = self._order
        with suppress(MachineError):
            # What cannot be read is told when it is packed.
            self.survey = survey(order.project, environ=order.environ, exclude=order.not_source, package=order.package)
        if self.survey is None or self._known_places is None:
            return
        for key, jobs in self._jobs.items():
            known = self._known_places.find(order.engine, key, jobs)
            if known is not None:
                self._known[key] = known
        self._find(self.survey)

    def _find(self, source: Survey | SourceArchive) -> None:
        if self._cellar is None:
            return
        common = RunInputs(
            source=SourceInputs.of(source.digests),
            epoch=source.epoch,
            package=self._order.package,
            pinned=self._pinned,
            environ=self._order.environ,
        )
        self._hits = self._cellar.look_up(self._order.plan.jobs, self._place, common, self._shelf.leader)

    def _place(self, job: Job) -> ProbedImage | None:
        found = self.places.get(image_key(job))
        if isinstance(found, ProbedImage):
            return found
        known = self._known.get(image_key(job))
        return None if known is None or found is not None else known.place

    def _look_into_images(self) -> None:
        """Fetch and probe each image once, side by side. One that cannot be had fails its own cells only."""
        wanted: dict[ImageKey, list[Job]] = {}
        for job in self._missing():
            wanted.setdefault(image_key(job), []).append(job)
        self.places |= {key: known.place for key, known in self._known.items() if known.is_here}
        keys = [key for key in wanted if key not in self.places]
        found = self._pool.run([Task(run=partial(self._look_into, key, wanted[key])) for key in keys], self._interrupt)
        missing = MachineError("interrupted before the image was looked into")
        self.places |= {key: place or missing for key, place in zip(keys, found, strict=True)}

    def _look_into(self, key: ImageKey, missing: Sequence[Job]) -> ProbedImage | MachineError:
        """Look into an image, in the container in which the first of its cells that must run will run."""

        def on_notice(text: str) -> None:
            self._pool.emit(Notice(at=self._pool.clock(), text=text))

        def look(image: ResolvedImage) -> AbstractContextManager[Container]:
            return self._spares.look([container_spec(job, image, self._supplies) for job in missing[:_FIRST]])

        order, jobs = self._order, self._jobs[key]
        if order.host is not None and order.host.lacks_emulator(key.arch):
            return missing_emulator(key, order.host.machine)
        try:
            place = probe_image(order.engine, key, jobs, order.catalog, look, on_notice)
        except MachineError as error:
            return error
        if self._known_places is not None and self._cellar is not None:
            try:
                self._known_places.keep(key, place, jobs)
            except OutputError as error:
                self._cellar.give_up(f"finished cells are not kept: {error.message}")
        return place

    def _replay(self) -> dict[Cell, Outcome]:
        return {outcome.cell: outcome for outcome in self._replayed(tuple(self._hits.values()))}

    def _replayed(self, hits: Sequence[CacheHit]) -> Iterator[Outcome]:
        order = [job.cell for job in self._order.plan.jobs]
        for hit in sorted(hits, key=lambda hit: order.index(hit.job.cell)):
            if self._interrupt.is_requested:
                return
            outcome = self._deliver(hit)
            self._shelf.finish(hit.job.cell)
            self._pool.emit(CellFinished(at=self._pool.clock(), outcome=outcome))
            yield outcome

    def _deliver(self, hit: CacheHit) -> Outcome:
        began, record, cell = time.monotonic(), hit.entry.record, hit.job.cell
        wheel, failure = None, None
        try:
            if hit.entry.wheel is not None and record.wheel is not None:
                wheel = self._wheelhouse.publish_again(hit.entry.wheel, wheel_record(record.wheel))
                self._shelf.add(SharedWheel(builder=cell, path=self._wheelhouse.directory / wheel.name))
        except MachineError as error:
            failure = Failure(step=StepKind.PUBLISH, reason=Reason.OUTPUT, message=error.message, hint=error.hint)
        self._tell_log(cell, hit)
        return Outcome(
            cell=cell,
            status=Status.CACHED if failure is None else Status.FAILED,
            seconds=time.monotonic() - began,
            failure=failure,
            wheel=wheel,
            reused_from=None if record.reused_from is None else Cell.parse(record.reused_from),
            image=record.image,
            image_id=record.image_id,
            python_version=record.python_version,
            log=self._order.log_path(hit.job),
        )

    def _tell_log(self, cell: Cell, hit: CacheHit) -> None:
        """Give listeners the log of the time when the cell was built."""
        record = hit.entry.record
        built = datetime.fromtimestamp(record.created, timezone.utc).isoformat(sep=" ", timespec="seconds")
        with suppress(OSError), hit.entry.log.open("rb") as log:
            while data := log.read(64 * 1024):
                self._pool.emit(Output(at=self._pool.clock(), cell=cell, data=data))
        text = f"--- taken from the cache, where it is since {built}; above is its log of then\n"
        self._pool.emit(Output(at=self._pool.clock(), cell=cell, data=text.encode()))
