"""What is examined: the machine, and the project for which it is to build, if there is one."""

from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from matrix_runner.config.create_args.container_arguments import ContainerArguments
from matrix_runner.config.kinds.values import EngineChoice, Variables
from matrix_runner.config.loading.build_files import BuildFiles
from matrix_runner.engine.surroundings import EngineSurroundings
from matrix_runner.errors import RunnerError
from matrix_runner.matrix import Plan
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


class ExaminedProject(msgspec.Struct, frozen=True, kw_only=True):
    """A project, as far as the machine must serve it.

    `directory`: its own. `plan`: None if it cannot be planned. `files`: the package's build files. `wheel_bytes`: the
    size of the last run's wheels, None without one.
    """

    directory: Path
    plan: Plan
    files: BuildFiles
    wheel_bytes: int | None = None


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known before anything is asked.

    `choice`: the engine that a build is told to take. `wants_containers`: whether it would take one with containers.
    `places`: directories that a build writes to. `workers`: how many cells run at once. `arguments`, `variables`: the
    user's, for containers and for commands in them. `redactor`: of the secrets that are known. `project`: None without
    one; `mistake`: why there is none, if there should be one.
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
    mistake: RunnerError | None = None
