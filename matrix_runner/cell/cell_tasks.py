"""The cells of a run as tasks of the pool: readiness, order, load (slots, memory)."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import zip_longest

from matrix_runner.cell.run_context import Materials, RunContext
from matrix_runner.config.options.run_options import CPUS, MEMORY
from matrix_runner.matrix import Host, Job
from matrix_runner.model.outcomes import Outcome
from matrix_runner.probe.probed_images import jobs_by_image
from matrix_runner.schedule import Again, Durations, Load, Slot, Task, queue_order


def starting_order(
    jobs: Sequence[Job], context: RunContext, materials: Materials, durations: Durations
) -> tuple[tuple[Job, Load], ...]:
    """Return the jobs in starting order, each with its load.

    The longest first, which are the emulated ones where nothing is known, and of equals one from each image in turn;
    before these, a cell for each `before-all`.
    """
    alternating = alternate_images(jobs)
    loads = [_load(job, durations, context.request.host) for job in alternating]
    order = queue_order(loads, [materials.prepared.group(job) for job in alternating])
    return tuple((alternating[at], loads[at]) for at in order)


def cell_tasks(
    order: Sequence[tuple[Job, Load]],
    perform: Callable[[Job, Slot], Outcome | Again],
    may_start: Callable[[Job], bool],
) -> tuple[Task[Outcome | None], ...]:
    """Return a task for each job, in order. `may_start`: as the claim of a task."""

    def task(job: Job, load: Load) -> Task[Outcome | None]:
        slot = Slot(load)
        return Task(run=partial(perform, job, slot), claim=partial(may_start, job), slot=slot)

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
