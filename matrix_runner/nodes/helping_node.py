"""A node that helps with cells of which another one is in charge, with images that are the same."""

import threading
from collections.abc import Sequence
from functools import partial

import msgspec

from matrix_runner.cache.arrivals import Arrivals
from matrix_runner.cell.run_context import Materials, RunContext
from matrix_runner.engine.api import ResolvedImage
from matrix_runner.errors import MachineError
from matrix_runner.matrix import Job
from matrix_runner.model.outcomes import Outcome
from matrix_runner.model.platforms import Platform
from matrix_runner.probe.image_probe import ProbedImage
from matrix_runner.probe.image_prober import Prober
from matrix_runner.schedule import Area, Task


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """A node as its cells see it. `context`: the run there; `prober`: of the images there."""

    context: RunContext
    materials: Materials
    prober: Prober


class HelpingNode:
    """The platforms with which a node helps. Thread-safe.

    A platform's images are brought once it is known that some of its cells must be built.
    """

    def __init__(self, number: int, jobs: Sequence[Job], site: Site) -> None:
        """`number`: the node's. `jobs`: those with which it may help. Starts nothing yet."""
        self._number = number
        self._jobs = jobs
        self._site = site
        self._lock = threading.Lock()
        self._ready: set[Platform] = set()
        self._ended: set[Platform] = set()

    @property
    def platforms(self) -> tuple[Platform, ...]:
        """The platforms with which it may help."""
        return tuple(dict.fromkeys(job.cell.platform for job in self._jobs))

    def is_ready(self, platform: Platform) -> bool:
        """Whether cells of a platform can start here."""
        return platform in self._ready

    def may_help(self, platform: Platform) -> bool:
        """Whether cells of a platform can start here, or perhaps can once its images are here."""
        return platform in self._ready or platform not in self._ended

    def task(self, platform: Platform, chief: Site, arrivals: Arrivals) -> Task[Outcome | None]:
        """Return the task that makes a platform ready. `chief`: the node in charge of it; `arrivals`: its jobs there.

        It waits for the network rather than using a processor.
        """

        def bring() -> None:
            try:
                self._bring(platform, chief, arrivals)
            finally:
                with self._lock:
                    self._ended.add(platform)

        is_known, here = partial(arrivals.is_ready, platform), Area(nodes=frozenset((self._number,)))
        return Task(run=bring, is_ready=is_known, takes_slot=False, area=here)

    def _bring(self, platform: Platform, chief: Site, arrivals: Arrivals) -> None:
        context, materials = self._site.context, self._site.materials
        jobs = [job for job in self._jobs if job.cell.platform == platform and job.cell not in arrivals.outcomes]
        if not jobs or context.is_cancelled:
            return
        for key, waiting in materials.images.unprobed(jobs).items():
            self._site.prober.bring(key, waiting)
        problem = next(filter(None, (_problem(job, self._site, chief) for job in jobs)), None)
        if problem is not None:
            context.notify(f"{context.node} does not help with cells of {platform}: {problem}", is_warning=True)
            return
        materials.prepared.expect(jobs)
        materials.prepared.adopt_existing(context.request.engine, [job.cell for job in jobs])
        with self._lock:
            self._ready.add(platform)


def _problem(job: Job, site: Site, chief: Site) -> str | None:
    """Return the reason why a job cannot be run at a site; None if it can. Systems to test on are the same too."""
    mine, others = site.materials.images, chief.materials.images
    own, other = mine.of(job), others.of(job)
    if isinstance(other, MachineError):
        return other.message
    if isinstance(own, MachineError):
        return own.message
    problem = own.problem(job)
    if problem is not None:
        return problem.message
    pairs = [(own, other), *((mine.of_rung(job, rung), others.of_rung(job, rung)) for rung in job.rungs)]
    for here, there in pairs:
        # What is wrong with a system is told by the cell, wherever it runs.
        if isinstance(here, ProbedImage) and isinstance(there, ProbedImage) and not is_same(here.image, there.image):
            return f"{here.display_name} there is another image than that of {chief.context.node}"
    return None


def is_same(one: ResolvedImage, other: ResolvedImage) -> bool:
    """Whether two engines have the same image. Ids differ from store to store (`container.portable_digest`)."""
    if one.id == other.id or (one.layers and one.layers == other.layers):
        return True
    digests = ({name.rpartition("@")[2] for name in image.digests} for image in (one, other))
    return bool(set.intersection(*digests))
