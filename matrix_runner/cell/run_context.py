"""The values common to all cells of a run (`RunContext`), and the materials they are built from (`Materials`)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from matrix_runner.before_all.prepared_images import PreparedImages
from matrix_runner.cell.shared_wheels import SharedWheels
from matrix_runner.container.project_volumes import ProjectVolumes
from matrix_runner.container.warm_containers import WarmContainers
from matrix_runner.model.cells import Cell
from matrix_runner.probe.probed_images import ProbedImages
from matrix_runner.project.dependency_groups import DependencyGroups
from matrix_runner.project.source_archive import SourceArchive
from matrix_runner.redaction.redactor import Redactor
from matrix_runner.request import BuildRequest
from matrix_runner.schedule import Interrupt, Pool, Task
from matrix_runner.wheelhouse import Wheelhouse

R = TypeVar("R")


@dataclass(frozen=True, kw_only=True, slots=True)
class RunContext:
    """The request, and what a run opens to answer it. `started`: ISO 8601, with offset.

    `scratch`: a directory of the run's own, removed at its end. `redactor`: masks the run's secrets in what it says.
    """

    request: BuildRequest
    started: str
    pool: Pool
    interrupt: Interrupt
    scratch: Path
    wheelhouse: Wheelhouse
    shared_wheels: SharedWheels
    volumes: ProjectVolumes
    containers: WarmContainers
    groups: DependencyGroups
    redactor: Redactor

    @property
    def is_cancelled(self) -> bool:
        """Whether a signal has asked the run to stop."""
        return self.interrupt.is_requested

    def notify(self, text: str, *, cell: Cell | None = None, is_warning: bool = False) -> None:
        """Tell the user something, about the run or about one cell. From any thread."""
        self.pool.notify(self.redactor.text(text), cell=cell, is_warning=is_warning)

    def beside(self, work: Callable[[], R]) -> R | None:
        """Do some work beside the main thread, which goes on to answer signals. None if one came before its end."""
        return self.side_by_side((work,))[0]

    def side_by_side(self, works: Sequence[Callable[[], R]]) -> tuple[R | None, ...]:
        """Do several pieces of work at once; None for each that a signal kept from its end."""
        return self.pool.run([Task(run=work) for work in works], self.interrupt)


@dataclass(frozen=True, kw_only=True, slots=True)
class Materials:
    """What the cells of a run are built from: known once the project is packed and the images are probed.

    `has_crates`: whether the project has Rust in it.
    """

    source: SourceArchive
    images: ProbedImages
    prepared: PreparedImages
    has_crates: bool = False
