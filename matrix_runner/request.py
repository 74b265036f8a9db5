"""The build request that `runner build` gives to `run`: settings, plan, directories, engine and listeners."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec
from msgspec.structs import replace

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
from matrix_runner.engine.node import Node, joined_host
from matrix_runner.locking.cell_lock import CellLock, cell_lock
from matrix_runner.locking.lock_merge import ResolvedCell
from matrix_runner.locking.lock_values import Group, Lock
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
from matrix_runner.workspace.needs import NO_NEEDS, Needs

if TYPE_CHECKING:
    # A run without a cluster needs nothing of it.
    from matrix_runner.engine.cluster.cluster_nodes import JoinedCluster


class BuildInputs(msgspec.Struct, frozen=True, kw_only=True):
    """Inputs of a build, known before the engine is chosen; common to `runner build` and `runner explain`.

    `project`: the directory to copy into the cells. `package`: the directory in it to build, relative with `/`; "" for
    the project itself. `build_files`: the package's. `origin`: the directory or sdist that identifies the project from
    run to run; None: `project`. `cache`: the directory of cached cells; None: no cache. `private`: further
    directories of this program, which are not the project's although they may be in it. `lock`: the one that the
    cells are held to, or None.
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
    lock: Lock | None = None

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
        """Whether a lock or `build-constraints` pin what a job's build requires. Raise ConfigError without a file."""
        if self.lock is not None:
            return True
        constraints = job.settings[BUILD_CONSTRAINTS]
        return bool(constraints) and has_hashes(constraints_text(self.project, constraints))

    def cell_lock(self, job: Job) -> CellLock | None:
        """Return what a lock holds the job's cell to; None without one."""
        return None if self.lock is None else cell_lock(self.lock, job)

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


class LockQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of a cell for a lock. `asked`: the words by group; `kept`: the versions that are to stay."""

    asked: Mapping[Group, tuple[str, ...]]
    kept: Mapping[Group, tuple[str, ...]]


class Locking(Protocol):
    """The making of a lock (`runner lock`): cells resolve what they require, and build nothing. Thread-safe."""

    def question(self, job: Job) -> LockQuestion:
        """Return what is asked of a cell."""
        ...

    def take(self, resolved: ResolvedCell) -> None:
        """Take a cell's answer."""
        ...


class BuildRequest(msgspec.Struct, frozen=True, kw_only=True, dict=True):  # dict: the cached property
    """A build: its inputs, engines, directories and listeners.

    `run`: the run's id, a plain file name. `nodes`: the engines that run the cells, at least one; the first does all
    that is done once. `scratch`: a directory for temporary files of the run. `log_path`: the path of a job's log, as
    the user can open it. `durations`: the file with the project's cell durations; None: durations are not recorded.
    `visit`: of a person to a cell's container, `stop`: the program's own request to stop the run, `locking`: the making
    of a lock; None in a usual build. `cluster`: whose workers run the cells; None: they run from here. `members`: the
    requests for the packages of a workspace, each after those that it needs, whose jobs together are this one's;
    `needs`: what their cells need of each other. Nothing of it for a single package.
    """

    run: str
    inputs: BuildInputs
    catalog: Catalog
    nodes: tuple[Node, ...]
    scratch: Path
    log_path: Callable[[Job], str]
    listeners: Sequence[Listener]
    durations: Path | None = None
    visit: Visit | None = None
    stop: StopRequest | None = None
    locking: Locking | None = None
    cluster: "JoinedCluster | None" = None
    members: tuple["BuildRequest", ...] = ()
    needs: Needs = NO_NEEDS

    @property
    def sdist_maker(self) -> Job | None:
        """The job in whose cell the sdist is built; None if there is none to build. Raise UsageError if none can."""
        if self.locking is not None or self.members:
            return None
        return self.inputs.sdist_maker(self.nodes[0].host)

    @property
    def engine(self) -> Engine:
        """The engine of the node: where there are several, of the first."""
        return self.nodes[0].engine

    @property
    def engine_info(self) -> EngineInfo:
        """The description of that engine."""
        return self.nodes[0].info

    @property
    def host(self) -> Host | None:
        """The machines that run the cells, if known."""
        return joined_host(self.nodes)

    @property
    def engines(self) -> tuple[tuple[str, EngineInfo], ...]:
        """The engines that run cells, by the names by which cells tell theirs; none if there is but one."""
        if self.cluster is not None:
            return self.cluster.engines
        return tuple((node.name, node.info) for node in self.nodes if node.name)

    @property
    def workers(self) -> int:
        """The number of cells that run at once, on all nodes together."""
        return sum(node.slots for node in self.nodes)

    def at(self, node: Node) -> "BuildRequest":
        """Return the request as the cells of one node see it."""
        return replace(self, nodes=(node,))

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
        if self.members:
            return tuple(seconds for member in self.members for seconds in member.expected_seconds)
        if self.known_durations.is_empty:
            return ()
        return self.expected_seconds

    @property
    def expected_seconds(self) -> tuple[float, ...]:
        """How long each job is expected to take, in plan order; a guess where no earlier run tells."""
        durations, host = self.known_durations, self.host
        if host is None:
            return tuple(durations.expected(job.cell) for job in self.jobs)
        return tuple(durations.expected(job.cell, host.slowness) for job in self.jobs)

    def dependency_groups(self) -> DependencyGroups:
        """Return the project's dependency groups. Raise ConfigError if a test's group cannot be resolved."""
        groups = DependencyGroups.of(self.inputs.build_files)
        own = () if self.members else self.jobs
        for names in {job.settings[TEST_GROUPS] for job in own if job.has_tests}:
            groups.requirements(names)
        return groups

    def redactor(self) -> Redactor:
        """Return the redactor of the run's secrets. A cell on this machine itself sees the whole environment."""
        members = (member.settings for member in self.members)
        settings = (self.settings, *members, *(job.settings for job in self.jobs))
        is_local = any(job.image is None for job in self.jobs)
        return redactor_of(settings, self.inputs.environ, sees_environment=is_local)
