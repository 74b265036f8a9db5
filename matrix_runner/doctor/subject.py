"""What is examined: the machine, and the project for which it is to build, if there is one."""

from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from matrix_runner.config.create_args.container_arguments import ContainerArguments
from matrix_runner.config.kinds.values import EngineChoice, EngineEntry, Variables
from matrix_runner.config.loading.build_files import BuildFiles
from matrix_runner.engine.cluster.worker_engine import WorkerPlace
from matrix_runner.engine.emulation import is_on_this_kernel
from matrix_runner.engine.surroundings import EngineSurroundings
from matrix_runner.errors import RunnerError
from matrix_runner.matrix import Host, Plan
from matrix_runner.redaction.redactor import NO_SECRETS, Redactor

if TYPE_CHECKING:
    from matrix_runner.engine.local.local_engine import LocalEngine


class Purpose(Enum):
    """What a directory of this machine is for."""

    OUTPUT = "wheels"
    REPORT = "report"
    CACHE = "cached cells"
    SCRATCH = "files of the run"
    STATE = "locks and records"

    def __str__(self) -> str:
        return self.value


class ExaminedPackage(msgspec.Struct, frozen=True, kw_only=True):
    """A package of a workspace. `name`: as cells have it in front, its directory's if it has mistakes.

    `mistake`: why it cannot be loaded, None if it can.
    """

    name: str
    directory: Path
    files: BuildFiles
    mistake: RunnerError | None = None


class ExaminedProject(msgspec.Struct, frozen=True, kw_only=True):
    """A project, as far as the machine must serve it.

    `directory`: its own, or the top of a workspace. `plan`: for the machines that are foreseen. `plan_for`: plans for
    others, once they are known; raises RunnerError. `files`: the package's build files. `wheel_bytes`: the size of the
    last run's wheels, None without one.
    """

    directory: Path
    plan: Plan
    files: BuildFiles
    wheel_bytes: int | None = None
    plan_for: Callable[[Host], Plan] | None = None


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known before anything is asked.

    `choice`: the engine that a build is told to take. `wants_containers`: whether it would take one with containers.
    `places`: directories that a build writes to. `workers`: how many cells run at once. `arguments`, `variables`: the
    user's, for containers and for commands in them. `redactor`: of the secrets that are known. `project`: None without
    one; `mistake`: why there is none, if there should be one. `packages`: those of a workspace, or that were named.

    `engines`, `cluster`: the engines on which a build would spread its cells, or the cluster's address; `place`: a
    worker's machine, as it is asked about there. `jobs`: the option, 0 if it is not set.
    """

    environ: Mapping[str, str]
    surroundings: EngineSurroundings
    local: "LocalEngine"
    choice: EngineChoice
    wants_containers: bool
    places: tuple[tuple[Purpose, Path], ...]
    workers: int
    arguments: ContainerArguments = msgspec.field(default_factory=ContainerArguments)
    variables: Variables = ()
    redactor: Redactor = NO_SECRETS
    project: ExaminedProject | None = None
    packages: tuple[ExaminedPackage, ...] = ()
    engines: tuple[EngineEntry, ...] = ()
    cluster: str = ""
    place: WorkerPlace | None = None
    jobs: int = 0
    mistake: RunnerError | None = None

    @property
    def is_elsewhere(self) -> bool:
        """Whether a build would spread its cells over engines or workers that its settings name."""
        return bool(self.engines) or bool(self.cluster)

    @property
    def has_mistakes(self) -> bool:
        """Whether there is no plan because of the configuration."""
        return self.mistake is not None or any(package.mistake is not None for package in self.packages)

    @property
    def uses_this_kernel(self) -> bool:
        """Whether cells may run on this machine, in containers or not."""
        if self.is_elsewhere:
            return any(is_on_this_kernel(entry.endpoint) for entry in self.engines if not self.cluster)
        return True

    def with_plan_for(self, host: Host | None) -> "Subject":
        """Return it with the plan for these machines, or with the mistake that prevents one. None: as foreseen."""
        if host is None or self.project is None or self.project.plan_for is None:
            return self
        try:
            return replace(self, project=replace(self.project, plan=self.project.plan_for(host)))
        except RunnerError as error:
            return replace(self, project=None, mistake=error)
