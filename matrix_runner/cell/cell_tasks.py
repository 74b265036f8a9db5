"""The cells of a run as tasks of the pool: readiness, order, load (slots, memory)."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import zip_longest
from typing import Protocol

import msgspec
from msgspec.structs import replace

from matrix_runner.cell.run_context import Materials
from matrix_runner.config.options.run_options import CPUS, MEMORY
from matrix_runner.matrix import Host, Job
from matrix_runner.model.outcomes import Outcome
from matrix_runner.model.platforms import Platform
from matrix_runner.probe.probed_images import jobs_by_image
from matrix_runner.schedule import Again, Area, Durations, Load, Slot, Task, queue_order
from matrix_runner.workspace.needs import NO_NEEDS, Needs


class WaitingJobs(msgspec.Struct, frozen=True, kw_only=True):
    """The jobs of a package that must run. `durations`: the package's in earlier runs."""

    jobs: Sequence[Job]
    materials: Materials
    durations: Durations


class Places(Protocol):
    """Where cells may start, and what runs them."""

    def area(self, platform: Platform) -> Area:
        """Return the nodes at which cells of a platform may start; always the same one."""
        ...

    def is_ready(self, job: Job) -> bool:
        """Whether nothing must come first, anywhere."""
        ...

    def may_start(self, job: Job, number: int) -> bool:
        """Whether nothing must come first at a node, as the claim of a task."""
        ...

    def perform(self, job: Job, slot: Slot) -> Outcome | Again:
        """Run a cell at the node at which its task has begun."""
        ...


def starting_order(
    several: Sequence[WaitingJobs], host: Host | None, needs: Needs = NO_NEEDS
) -> tuple[tuple[Job, Load], ...]:
    """Return the jobs of all packages in starting order, each with its load. `host`: the machines of the run.

    The longest first, which are the emulated ones where nothing is known, and of equals one from each image in turn;
    before these, a cell for each `before-all`. A cell that others wait for counts with the longest chain of them.
    """
    jobs = [(job, each) for each in several for job in alternate_images(each.jobs)]
    loads = [_load(job, each.durations, host) for job, each in jobs]
    behind = needs.seconds_behind({job.cell: load.seconds for (job, _), load in zip(jobs, loads, strict=True)})
    weights = [
        replace(load, seconds=load.seconds + behind.get(job.cell, 0.0))
        for (job, _), load in zip(jobs, loads, strict=True)
    ]
    order = queue_order(weights, [each.materials.prepared.group(job) for job, each in jobs])
    return tuple((jobs[at][0], loads[at]) for at in order)


def cell_tasks(
    order: Sequence[tuple[Job, Load]], places_of: Callable[[Job], Places]
) -> tuple[Task[Outcome | None], ...]:
    """Return a task for each job, in order. `places_of`: of a job's package.

    Cells wait for others of their platform only: for a wheel that serves them too, or for `before-all` in their image.
    """

    def task(job: Job, load: Load) -> Task[Outcome | None]:
        slot, places = Slot(load), places_of(job)
        return Task(
            run=partial(places.perform, job, slot),
            claim=partial(places.may_start, job),
            slot=slot,
            area=places.area(job.cell.platform),
            is_ready=partial(places.is_ready, job),
            lane=job.cell.platform,
        )

    return tuple(task(job, load) for job, load in order)


def _load(job: Job, durations: Durations, host: Host | None) -> Load:
    settings = job.settings
    seconds = durations.expected(job.cell) if host is None else durations.expected(job.cell, host.slowness)
    return Load(slots=settings[CPUS] or 1, memory=settings[MEMORY], seconds=seconds)


def alternate_images(jobs: Sequence[Job]) -> tuple[Job, ...]:
    """Return the jobs with their images alternating, so that several `before-all` run in parallel.

    In each turn the 32-bit architectures come first, which take 5 to 15 % longer (zstandard 41.1 to 39.1 s, MarkupSafe
    2.3 to 2.1). Otherwise the worker that was quicker with a 64-bit cell would start the next 64-bit cell, and leave
    all 32-bit cells to the other. Each image begins with another Python: the bytecode that its cell compiles is there
    when that Python's next cell comes (6 cells of MarkupSafe: 13.4 in place of 14.2 s of a processor).
    """
    by_image = jobs_by_image(jobs)
    slow_first = sorted(by_image, key=lambda key: key.arch.bits)
    turned = [_turned(by_image[key], at) for at, key in enumerate(slow_first)]
    return tuple(job for turn in zip_longest(*turned) for job in turn if job is not None)


def _turned(jobs: Sequence[Job], places: int) -> tuple[Job, ...]:
    at = places % len(jobs)
    return (*jobs[at:], *jobs[:at])
