"""The request that a run answers: the inputs of the build, and where and how it runs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from matrix_runner.catalog import Catalog
from matrix_runner.config.loading.build_files import BuildFiles
from matrix_runner.config.loading.settings import Settings
from matrix_runner.engine.api import Engine, EngineInfo
from matrix_runner.matrix import Host, Job, Plan
from matrix_runner.model.events import Listener
from matrix_runner.project.source_archive import SourceSelection


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildInputs:
    """All that a build is made from, known before any engine is asked: `runner build` and `runner explain` share it.

    `project`: the directory that is copied into the cells. `package`: the directory in it that is built, relative
    with `/`; "" for the project itself. `build_files`: the package's. `origin`: the directory, or the sdist, that is
    the project's from run to run; None: `project`. `cache`: the directory of finished cells; None: none is taken or
    kept.
    """

    project: Path
    settings: Settings
    plan: Plan
    environ: Mapping[str, str]
    output_dir: Path
    build_files: BuildFiles
    package: str = ""
    origin: Path | None = None
    cache: Path | None = None

    @property
    def identity(self) -> str:
        """The name under which finished cells of the project are known, the same from run to run."""
        return str((self.origin or self.project) / self.package)

    @property
    def logs_dir(self) -> Path:
        """The directory of the cells' logs."""
        return self.output_dir / "logs"

    @property
    def source(self) -> SourceSelection:
        """The files to pack: the directories that runs themselves leave in a project are no part of it."""
        exclude = (self.output_dir, self.logs_dir, *(() if self.cache is None else (self.cache,)))
        files = (self.build_files, *((BuildFiles(self.project),) if self.package else ()))
        return SourceSelection(project=self.project, environ=self.environ, exclude=exclude, build_files=files)


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildRequest:
    """What to build, from which inputs, where and how.

    `run`: the run's id, a plain file name. `workers`: cells at once. `scratch`: a directory for what the run needs and
    does not keep. `log_path`: where a job's log will be, as a person can open it. `host`: the machine that runs the
    cells, if it is known. `runs_before_all`: False on a machine that is nobody's build image. `durations`: the file
    that remembers how long this project's cells take; None: nothing is remembered.
    """

    run: str
    inputs: BuildInputs
    catalog: Catalog
    engine: Engine
    engine_info: EngineInfo
    workers: int
    scratch: Path
    log_path: Callable[[Job], str]
    listeners: Sequence[Listener]
    host: Host | None = None
    runs_before_all: bool = True
    durations: Path | None = None

    @property
    def settings(self) -> Settings:
        """The configuration of the run as a whole."""
        return self.inputs.settings

    @property
    def jobs(self) -> tuple[Job, ...]:
        """The jobs of the plan, in its order."""
        return self.inputs.plan.jobs
