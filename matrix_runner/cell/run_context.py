"""What all cells of a run share."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from matrix_runner.before_all.project_volumes import ProjectVolumes
from matrix_runner.before_all.registry import BeforeAllRuns, SharedWheels
from matrix_runner.cell.warm_containers import WarmContainers
from matrix_runner.engine.api import Engine
from matrix_runner.errors import MachineError
from matrix_runner.matrix import Job
from matrix_runner.model.events import Event
from matrix_runner.probe.image_probe import ProbedImage
from matrix_runner.project.dependency_groups import DependencyGroups
from matrix_runner.project.source_archive import SourceArchive
from matrix_runner.wheelhouse import Wheelhouse


class Slot(Protocol):
    """A cell's place among those that are at work."""

    def taken(self) -> AbstractContextManager[None]:
        """Hold it, after waiting for it if need be: for what uses processors."""
        ...

    @property
    def share(self) -> int:
        """How many processors the cell's tools may use now."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class RunContext:
    """What all cells of a run share. `clock`: monotonic seconds since the run began.

    `package`: the directory of what is built, relative to the project with `/`; "" for the project itself. `groups`:
    its dependency groups. `pinned`: versions of our tools, as a constraints file. `runs_before_all`: False on a
    machine that is nobody's build image. `log_path`: where a cell's log will be.
    """

    engine: Engine
    source: SourceArchive
    package: str
    groups: DependencyGroups
    pinned: str
    wheelhouse: Wheelhouse
    places: Callable[[Job], ProbedImage | MachineError]
    shelf: SharedWheels
    preparations: BeforeAllRuns
    supplies: ProjectVolumes
    spares: WarmContainers
    emit: Callable[[Event], None]
    clock: Callable[[], float]
    is_cancelled: Callable[[], bool]
    on_prepared: Callable[[], None]
    environ: tuple[tuple[str, str], ...]
    log_path: Callable[[Job], str]
    runs_before_all: bool = True
