"""The build request that `runner build` gives to `run`: settings, plan, directories, engine and listeners."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Protocol

import msgspec

from matrix_runner.catalog import Catalog
from matrix_runner.config.loading.build_files import BuildFiles
from matrix_runner.config.loading.settings import Settings
from matrix_runner.config.options.build_options import BUILD_CONSTRAINTS
from matrix_runner.config.options.source_options import (
    SDIST,
    SOURCE_EXCLUDE,
    SOURCE_FILES,
    SOURCE_HISTORY,
    SOURCE_INCLUDE,
)
from matrix_runner.config.options.test_options import TEST_GROUPS
from matrix_runner.engine.api import Container, Engine, EngineInfo
from matrix_runner.matrix import Host, Job, Plan
from matrix_runner.matrix.sdist_maker import sdist_maker
from matrix_runner.model.cells import Cell
from matrix_runner.model.events import Listener, RunStarted
from matrix_runner.model.outcomes import Failure
from matrix_runner.project.constraints_file import constraints_text, has_hashes
from matrix_runner.project.dependency_groups import DependencyGroups
from matrix_runner.project.source_files import SourceSelection
from matrix_runner.recipe.step import Step
from matrix_runner.redaction.redactor import Redactor
from matrix_runner.redaction.run_secrets import redactor_of
from matrix_runner.schedule import Durations, StopRequest
from matrix_runner.wheelhouse.report_directory import LOGS, PROVENANCE, TESTS


class BuildInputs(msgspec.Struct, frozen=True, kw_only=True):
    """Inputs of a build, known before the engine is chosen; common to `runner build` and `runner explain`.

    `project`: the directory to copy into the cells. `package`: the directory in it to build, relative with `/`; "" for
    the project itself. `build_files`: the package's. `origin`: the directory or sdist that identifies the project from
    run to run; None: `project`. `cache`: the directory of cached cells; None: no cache. `private`: further
    directories of this program, which are not the project's although they may be in it.
    """

    project: Path
    settings: Settings
    plan: Plan
    environ: Mapping[str, str]
    output_dir: Path
    report_dir: Path
    build_files: BuildFiles
    package: str = ""
    origin: Path | None = None
    cache: Path | None = None
    private: tuple[Path, ...] = ()

    @property
    def identity(self) -> str:
        """The project's name in cache entries, stable from run to run."""
        return str((self.origin or self.project) / self.package)

    @property
    def is_sdist(self) -> bool:
        """Whether the project was unpacked from an sdist."""
        return self.origin is not None and self.origin != self.project

    def sdist_maker(self, host: Host | None) -> Job | None:
        """Return the job in whose cell the sdist is built; None if there is none to build.

        Raise UsageError if none can.
        """
        if not self.settings[SDIST] or self.is_sdist or not self.plan.jobs:
            return None
        return sdist_maker(self.plan.jobs, host)

    @property
    def logs_dir(self) -> Path:
        """Directory of the cells' logs."""
        return self.report_dir / LOGS

    @property
    def tests_dir(self) -> Path:
        """Directory of the results of the cells' own tests."""
        return self.report_dir / TESTS

    def statement_of(self, wheel: str) -> Path:
        """Return the file of the statement of provenance of a wheel, by its file name."""
        return self.report_dir / PROVENANCE / f"{wheel}.json"

    def has_hashes(self, job: Job) -> bool:
        """Whether `build-constraints` pin all that a job's build requires. Raise ConfigError without their file."""
        constraints = job.settings[BUILD_CONSTRAINTS]
        return bool(constraints) and has_hashes(constraints_text(self.project, constraints))

    @property
    def source(self) -> SourceSelection:
        """The files to pack, without the directories that runs themselves create in a project."""
        files = (self.build_files, *((BuildFiles(self.project),) if self.package else ()))
        return SourceSelection(
            project=self.project,
            environ=self.environ,
            own=(self.output_dir, self.report_dir, *self.private, *(() if self.cache is None else (self.cache,))),
            build_files=files,
            files=self.settings[SOURCE_FILES],
            include=self.settings[SOURCE_INCLUDE],
            exclude=self.settings[SOURCE_EXCLUDE],
            with_history=self.settings[SOURCE_HISTORY],
            is_sdist=self.is_sdist,
        )


class Visit(Protocol):
    """A person's visit to the container of a cell, in the middle of its work (`runner shell`)."""

    def is_before(self, step: Step) -> bool:
        """Whether the visit is to be paid before a step."""
        ...

    def pay(self, container: Container, step: Step, failure: Failure | None = None) -> None:
        """Have the person in; return when they leave. `failure`: of the step, if it has run. Raise EngineError."""
        ...


class BuildRequest(msgspec.Struct, frozen=True, kw_only=True, dict=True):  # dict: the cached property
    """A build: its inputs, engine, directories and listeners.

    `run`: the run's id, a plain file name. `workers`: the number of slots. `scratch`: a directory for temporary files
    of the run. `log_path`: the path of a job's log, as the user can open it. `host`: the machine that runs the cells,
    if known. `durations`: the file with the project's cell durations; None: durations are not recorded. `visit`: of a
    person to a cell's container, `stop`: the program's own request to stop the run; None in a usual build.
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
    durations: Path | None = None
    visit: Visit | None = None
    stop: StopRequest | None = None

    @property
    def sdist_maker(self) -> Job | None:
        """The job in whose cell the sdist is built; None if there is none to build. Raise UsageError if none can."""
        return self.inputs.sdist_maker(self.host)

    @property
    def settings(self) -> Settings:
        """The settings of the run as a whole."""
        return self.inputs.settings

    @property
    def emulated(self) -> tuple[Cell, ...]:
        """The cells of the plan that an emulator runs, as far as can be seen from here."""
        return tuple(job.cell for job in self.jobs if job.is_emulated)

    @property
    def jobs(self) -> tuple[Job, ...]:
        """The jobs of the plan, in its order."""
        return self.inputs.plan.jobs

    @cached_property
    def known_durations(self) -> Durations:
        """How long the project's cells took in earlier runs."""
        return Durations({}) if self.durations is None else Durations.read(self.durations)

    def started(self, at: float) -> RunStarted:
        """Return the first event of the run. `at`: in seconds since its start."""
        return RunStarted(
            at=at,
            run=self.run,
            cells=tuple(job.cell for job in self.jobs),
            workers=self.workers,
            emulated=self.emulated,
            expected=self._expected_seconds(),
        )

    def _expected_seconds(self) -> tuple[float, ...]:
        """Return how long each job is expected to take, in plan order; nothing if no earlier run tells."""
        durations, host = self.known_durations, self.host
        if durations.is_empty:
            return ()
        if host is None:
            return tuple(durations.expected(job.cell) for job in self.jobs)
        return tuple(durations.expected(job.cell, host.slowness) for job in self.jobs)

    def dependency_groups(self) -> DependencyGroups:
        """Return the project's dependency groups. Raise ConfigError if a test's group cannot be resolved."""
        groups = DependencyGroups.of(self.inputs.build_files)
        for names in {job.settings[TEST_GROUPS] for job in self.jobs if job.has_tests}:
            groups.requirements(names)
        return groups

    def redactor(self) -> Redactor:
        """Return the redactor of the run's secrets. A cell on this machine itself sees the whole environment."""
        settings = (self.settings, *(job.settings for job in self.jobs))
        is_local = any(job.image is None for job in self.jobs)
        return redactor_of(settings, self.inputs.environ, sees_environment=is_local)
