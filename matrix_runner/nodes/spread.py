"""The cells of a run on its nodes: which may start where, and which go elsewhere when a node is lost."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Final

import msgspec
from msgspec.structs import replace

from matrix_runner.cache.arrivals import Arrivals
from matrix_runner.cache.cached_cells import CachedCells
from matrix_runner.cell.run_context import Materials, RunContext
from matrix_runner.engine.node import Node
from matrix_runner.matrix import Job
from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import Outcome
from matrix_runner.model.platforms import Arch, Platform
from matrix_runner.nodes.helping_node import HelpingNode, Site
from matrix_runner.nodes.lost_nodes import LostNodes
from matrix_runner.request import BuildRequest
from matrix_runner.schedule import Again, Area, Slot, Task

LOSSES: Final = 2
"""The nodes that may be lost under one cell. It may be what takes them down: it is not to go through all of them."""

RunCell = Callable[[Job, RunContext, Materials, Slot], Outcome | Again]


def nodes_of(jobs: Sequence[Job], nodes: Sequence[Node]) -> dict[Arch, tuple[int, ...]]:
    """Return the nodes that run each architecture of some jobs, by number: those that need no emulator, if any do.

    Else those that may have one; the first node where none has, as its error is as good as another's.
    """
    found: dict[Arch, tuple[int, ...]] = {}
    for arch in dict.fromkeys(job.cell.platform.arch for job in jobs):
        asked = tuple((at, node.host) for at, node in enumerate(nodes) if node.arch in {None, arch, arch.wider})
        natives = tuple(at for at, host in asked if host is None or not host.emulates(arch))
        able = tuple(at for at, host in asked if host is None or not host.lacks_emulator(arch))
        found[arch] = natives or able or (0,)
    return found


def jobs_of_first(request: BuildRequest) -> tuple[Job, ...]:
    """Return the jobs that can run at the first node."""
    able = nodes_of(request.jobs, request.nodes)
    return tuple(job for job in request.jobs if 0 in able[job.cell.platform.arch])


class Spread:
    """The cells of a run on its nodes. Thread-safe.

    Of the nodes that run an architecture the first one is in charge of its cells: its images decide which of them the
    cache has. The others help with those that must be built, with images that are the same.
    """

    def __init__(self, sites: Sequence[Site], cached: CachedCells, jobs: Sequence[Job], run_cell: RunCell) -> None:
        """`sites`: all nodes, in their order. `jobs`: all of the run. Starts nothing yet."""
        self._sites = tuple(
            replace(site, context=replace(site.context, elsewhere=_Elsewhere(self, number) if sites[1:] else None))
            for number, site in enumerate(sites)
        )
        self._cached = cached
        self._run_cell = run_cell
        self._lock = threading.Lock()
        self._losses: dict[Cell, int] = {}
        self._lost = LostNodes([site.context for site in sites], wake=sites[0].context.pool.wake)
        self._able = nodes_of(jobs, [site.context.request.nodes[0] for site in sites])
        self._arrivals: dict[int, Arrivals] = {}
        self._helpers: dict[int, HelpingNode] = {}
        self._areas: dict[Platform, Area] = {}
        for number, site in enumerate(sites):
            led = [job for job in jobs if self._chief(job.cell.platform.arch) == number]
            helped = [job for job in jobs if number in self._helping(job.cell.platform.arch)]
            if led:
                self._arrivals[number] = Arrivals(led, site.context, cached, site.materials, site.prober)
            if helped:
                self._helpers[number] = HelpingNode(number, helped, site)

    def _chief(self, arch: Arch) -> int:
        """Return the node in charge of an architecture's cells."""
        return self._able[arch][0]

    def _helping(self, arch: Arch) -> tuple[int, ...]:
        """Return the nodes that may help with an architecture's cells."""
        return self._able[arch][1:]

    @property
    def outcomes(self) -> Mapping[Cell, Outcome]:
        """The outcomes of cells that need not run, or cannot."""
        return {cell: one for arrivals in self._arrivals.values() for cell, one in arrivals.outcomes.items()}

    @property
    def has_missing(self) -> bool:
        """Whether any cell must run."""
        return any(arrivals.has_missing for arrivals in self._arrivals.values())

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Ask the nodes now and then whether they are there, in this context, if there are several."""
        if len(self._sites) > 1:
            self._lost.watch()
        try:
            yield
        finally:
            self._lost.close()

    def beginnings(self) -> tuple[Callable[[], None], ...]:
        """Return what is to be done first, side by side: the cells whose images are known are made ready."""
        return tuple(
            partial(arrivals.begin, partial(self._perform_at, number)) for number, arrivals in self._arrivals.items()
        )

    def arriving(self, order: Sequence[Job]) -> Iterator[Task[Outcome | None]]:
        """Yield the tasks that bring the other images, to stand before those of the cells. `order`: of the cells."""
        for number, arrivals in self._arrivals.items():
            yield from arrivals.tasks(number, order, partial(self._perform_at, number))
        for helper in self._helpers.values():
            for platform in helper.platforms:
                chief = self._chief(platform.arch)
                yield helper.task(platform, self._sites[chief], self._arrivals[chief])

    def area(self, platform: Platform) -> Area:
        """Return the nodes at which cells of a platform may start: those that are there, and have its images."""
        if platform not in self._areas:
            nodes = frozenset(self._able[platform.arch])
            self._areas[platform] = Area(nodes=nodes, is_open=partial(self._is_open, platform))
        return self._areas[platform]

    def _is_open(self, platform: Platform, number: int) -> bool:
        if self._lost.is_away(number) and self._substitutes(platform, number):
            return False
        return number == self._chief(platform.arch) or self._helpers[number].is_ready(platform)

    def is_ready(self, job: Job) -> bool:
        """Whether a job need not wait for its platform's images or for a wheel; or it need not run at all."""
        platform = job.cell.platform
        arrivals = self._arrivals[self._chief(platform.arch)]
        if job.cell in arrivals.outcomes:
            return True
        return arrivals.is_ready(platform) and self._sites[0].context.shared_wheels.may_start(job)

    def may_start(self, job: Job, number: int) -> bool:
        """Whether a job that is ready need not wait for `before-all` at a node, as the claim of its task."""
        is_known = job.cell in self._arrivals[self._chief(job.cell.platform.arch)].outcomes
        return is_known or self._sites[number].materials.prepared.may_start(job)

    def perform(self, job: Job, slot: Slot) -> Outcome | Again:
        """Run a cell at the node at which its task has begun; an outcome that is known is returned at once."""
        known = self._arrivals[self._chief(job.cell.platform.arch)].outcomes.get(job.cell)
        return self._perform_at(slot.node, job, slot) if known is None else known

    def takes_over(self, cell: Cell, number: int) -> bool:
        """Whether another node takes over a cell of one that is away. Where none can, the cell waits for its own."""
        self._lost.lose(number)
        with self._lock:
            self._losses[cell] = self._losses.get(cell, 0) + 1
            return self._losses[cell] <= LOSSES and bool(self._substitutes(cell.platform, number))

    def _substitutes(self, platform: Platform, number: int) -> list[int]:
        """Return the nodes that could run cells in place of one, and are there. Their images may be on their way."""
        able = [
            self._chief(platform.arch),
            *(other for other in self._helping(platform.arch) if self._helpers[other].may_help(platform)),
        ]
        return [other for other in able if other != number and not self._lost.is_away(other)]

    def _perform_at(self, number: int, job: Job, slot: Slot) -> Outcome | Again:
        site, others = self._sites[number], [site for at, site in enumerate(self._sites) if at != number]
        for other in others:
            # It may have been counted on there: for `before-all`, or by a container that is open for it.
            other.materials.prepared.release(job)
        if others:
            site.context.pool.wake()
        for other in others:
            other.context.containers.drop((job.cell.stem,))
        return self._cached.run(job, partial(self._run_cell, job, site.context, site.materials, slot))


class _Elsewhere(msgspec.Struct, frozen=True):
    """`Elsewhere` of the cells of one node."""

    spread: Spread
    number: int

    def takes(self, cell: Cell) -> bool:
        return self.spread.takes_over(cell, self.number)
