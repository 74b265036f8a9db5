"""The values common to all cells of a run (`RunContext`), the materials they are built from, the run's sdist."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol, TypeVar

import msgspec
from msgspec.structs import replace

from matrix_runner.cell.shared_wheels import SharedWheels
from matrix_runner.config.options.build_options import EXCLUDE_NEWER
from matrix_runner.container.engine_loss import EngineWatch
from matrix_runner.container.given_source import GivenSource
from matrix_runner.container.project_volumes import ProjectVolumes
from matrix_runner.container.warm_containers import WarmContainers
from matrix_runner.model.cells import Cell
from matrix_runner.model.events import OnTransfer
from matrix_runner.model.outcomes import Outcome, SdistRecord, WheelRecord
from matrix_runner.probe.probed_images import ProbedImages
from matrix_runner.project.build_backend import OTHER_BACKEND, BuildBackend
from matrix_runner.project.dependency_groups import DependencyGroups
from matrix_runner.project.source_archive import SourceArchive
from matrix_runner.redaction.redactor import Redactor
from matrix_runner.request import BuildRequest
from matrix_runner.schedule import Interrupt, Pool, Task
from matrix_runner.wheelhouse import Wheelhouse
from matrix_runner.wheelhouse.report_directory import ReportDirectory
from matrix_runner.workspace.needed_wheels import NeededWheels

if TYPE_CHECKING:
    # A run in which nothing is new needs nothing of it.
    from matrix_runner.before_all.prepared_images import PreparedImages
    from matrix_runner.carry.carrying import Carrying
    from matrix_runner.project.made_sdist import MadeSdist

R = TypeVar("R")


class OpenNode(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a run opens at one of its nodes. `given`: the source there, if that is sent only once."""

    containers: WarmContainers
    engine_watch: EngineWatch
    volumes: ProjectVolumes
    given: GivenSource | None = None


class Elsewhere(Protocol):
    """The other nodes of a run, as a cell sees them whose own does not answer any more."""

    def takes(self, cell: Cell) -> bool:
        """Whether one of them takes the cell over; the cell's own then counts as away."""
        ...


class RunContext(msgspec.Struct, frozen=True, kw_only=True):
    """The request, and everything that a run opens for it. `started`: ISO 8601, with offset.

    `scratch`: the run's own directory, removed at its end. `nodes`: in the order of the request's. `redactor`: masks
    the run's secrets in its messages. `needed`: the wheels that cells of the run need of each other. `elsewhere`: None
    for cells whose node is alone. `members`: the same for each package of a workspace, with the package's own request.
    """

    request: BuildRequest
    started: str
    pool: Pool
    interrupt: Interrupt
    scratch: Path
    wheelhouse: Wheelhouse
    report_directory: ReportDirectory
    shared_wheels: SharedWheels
    nodes: tuple[OpenNode, ...]
    groups: DependencyGroups
    redactor: Redactor
    needed: NeededWheels
    elsewhere: Elsewhere | None = None
    members: tuple["RunContext", ...] = ()

    @property
    def packages(self) -> tuple["RunContext", ...]:
        """The run as the cells of each package see it, each package after those that it needs."""
        return self.members or (self,)

    def end(self, outcome: Outcome) -> None:
        """Note that a cell has ended, for those that wait for its wheel."""

        def wheel() -> Path | None:
            if not outcome.status.is_success:
                return None
            if outcome.reused_from is not None:
                return self.shared_wheels.wheel_of(outcome.reused_from)
            return None if outcome.wheel is None else self.wheelhouse.directory / outcome.wheel.name

        self.shared_wheels.finish(outcome.cell)
        self.needed.end(outcome.cell, wheel)

    def at(self, number: int) -> "RunContext":
        """Return the run as the cells of one node see it. `number`: of the node, from 0."""
        request = self.request.at(self.request.nodes[number])
        return replace(self, request=request, nodes=(self.nodes[number],))

    @property
    def node(self) -> str:
        """The name of the node: where there are several, of the first."""
        return self.request.nodes[0].name

    @property
    def volumes(self) -> ProjectVolumes:
        """The volumes of the project at the node."""
        return self.nodes[0].volumes

    @property
    def containers(self) -> WarmContainers:
        """The node's containers that are open already."""
        return self.nodes[0].containers

    @property
    def engine_watch(self) -> EngineWatch:
        """The run's view of whether the node's engine is there."""
        return self.nodes[0].engine_watch

    @property
    def exclude_newer(self) -> str:
        """The upload time after which packages do not count, one for the whole run; "" for none."""
        return self.request.settings[EXCLUDE_NEWER].instant(datetime.fromisoformat(self.started))

    @property
    def is_cancelled(self) -> bool:
        """Whether a signal has requested the run's end."""
        return self.interrupt.is_requested

    def notify(self, text: str, *, cell: Cell | None = None, is_warning: bool = False) -> None:
        """Emit a message for the user, on the run or on one cell; from any thread."""
        self.pool.notify(self.redactor.text(text), cell=cell, is_warning=is_warning)

    def waiting(self, text: str) -> AbstractContextManager[OnTransfer]:
        """Tell that cells wait for the work in this context, in a worker. `text`: what is done.

        The context's value tells what of it has come so far.
        """
        return self.pool.waiting(self.redactor.text(text))

    def beside(self, work: Callable[[], R]) -> R | None:
        """Do some work in another thread while the main one handles signals; return None if a signal came first."""
        return self.side_by_side((work,))[0]

    def side_by_side(self, works: Sequence[Callable[[], R]]) -> tuple[R | None, ...]:
        """Do several pieces of work in parallel; return None for each that a signal interrupted."""
        return self.pool.run([Task(run=work) for work in works], self.interrupt)


class Materials(msgspec.Struct, frozen=True, kw_only=True):
    """The materials of the run's cells, known once the source is packed and the images are probed.

    `has_crates`: whether the project contains Rust code. `backend`: the package's build backend. `sdist`: that of the
    run, from which wheels are built, if it has made one. `earlier`: the wheels in the last report. `carrying`: None if
    nothing is carried to other machines.
    """

    source: SourceArchive
    images: ProbedImages
    prepared: "PreparedImages"
    carrying: "Carrying | None" = None
    has_crates: bool = False
    backend: BuildBackend = OTHER_BACKEND
    sdist: "MadeSdist | None" = None
    earlier: Mapping[Cell, WheelRecord] = msgspec.field(default_factory=lambda: MappingProxyType({}))

    @property
    def built_from(self) -> SourceArchive:
        """The files that wheels are built from."""
        return self.source if self.sdist is None else self.sdist.archive


class DeliveredSdist(msgspec.Struct, frozen=True, kw_only=True):
    """The run's sdist, and its record in the output directory."""

    made: "MadeSdist"
    record: SdistRecord


class NoSdist(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a run whose sdist failed: the outcome of every job."""

    outcomes: tuple[Outcome, ...]
