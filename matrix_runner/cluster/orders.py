"""Values that travel between the machine on which a run is started and the workers of a cluster, by pickle. Pure."""

import io
import pickle
from collections.abc import Mapping, Sequence
from typing import cast

import msgspec

from matrix_runner.cell.run_context import Materials, RunContext
from matrix_runner.config.loading.settings import Settings
from matrix_runner.config.options.build_options import BUILD_CONSTRAINTS
from matrix_runner.config.options.cache_options import COMPILER_CACHE
from matrix_runner.engine.cluster.worker_engine import WorkerPlace
from matrix_runner.errors import MachineError
from matrix_runner.locking.lock_values import Lock
from matrix_runner.matrix import Job
from matrix_runner.matrix.github_cache import github_variables
from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import Outcome
from matrix_runner.model.platforms import Arch
from matrix_runner.probe.image_probe import ImageKey, ProbedImage
from matrix_runner.project.build_backend import BuildBackend
from matrix_runner.project.constraints_file import constraints_text
from matrix_runner.project.dependency_groups import DependencyGroups
from matrix_runner.project.source_archive import SourceArchive
from matrix_runner.recipe.commands import passed_variables
from matrix_runner.request import BuildInputs
from matrix_runner.workspace.needs import Need


class NamedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file with its content. `name`: a plain file name, or a path in the project."""

    name: str
    data: bytes


class RunOrder(msgspec.Struct, frozen=True, kw_only=True):
    """All of a run that a worker needs for any of its cells, but the source's bytes, which travel once and apart.

    Cells travel with the orders that are about them: there may be very many of them.

    `started`: as of `RunContext`. `settings`: the run's; `distinct`: of its cells. `environ`: the variables that cells
    of these settings see, no others. `identity`: the project's. `constraints`: the project's files of constraints.
    `sdist`: the one that the project was unpacked from.
    """

    run: str
    started: str
    place: WorkerPlace
    settings: Settings
    distinct: tuple[Settings, ...]
    environ: Mapping[str, str]
    package: str
    identity: str
    source: SourceArchive
    groups: DependencyGroups
    backend: BuildBackend
    has_crates: bool
    constraints: tuple[NamedFile, ...] = ()
    sdist: NamedFile | None = None
    lock: Lock | None = None

    @classmethod
    def of(cls, context: RunContext, materials: Materials, place: WorkerPlace) -> "RunOrder":
        """Return the order of a run. Raise ConfigError, OSError for a file that cannot be read."""
        request = context.request
        inputs = request.inputs
        sdist = inputs.origin if inputs.is_sdist else None
        return cls(
            run=request.run,
            started=context.started,
            place=place,
            settings=request.settings,
            distinct=tuple({id(job.settings): job.settings for job in request.jobs}.values()),
            environ=_seen(request.jobs, inputs.environ),
            package=inputs.package,
            identity=inputs.identity,
            source=materials.source,
            groups=context.groups,
            backend=materials.backend,
            has_crates=materials.has_crates,
            constraints=tuple(_constraints(inputs)),
            sdist=None if sdist is None else NamedFile(name=sdist.name, data=sdist.read_bytes()),
            lock=inputs.lock,
        )

    @property
    def plugin(self) -> str:
        """The name of what a worker keeps for the run, and the topic of what it tells."""
        return f"matrix-runner-{self.run}-{self.settings.package}".rstrip("-")


class JobPacking:
    """The pickling of jobs for workers that have the run's order: settings, which are large, are named by number."""

    def __init__(self, order: RunOrder) -> None:
        """`order`: of the run."""
        self._settings = order.distinct
        self._numbers = {id(settings): number for number, settings in enumerate(order.distinct)}

    def packed(self, jobs: Sequence[Job]) -> bytes:
        """Return jobs as bytes."""
        numbers = self._numbers

        class Pickler(pickle.Pickler):
            def persistent_id(self, obj: object) -> int | None:
                return numbers[id(obj)] if isinstance(obj, Settings) else None

        target = io.BytesIO()
        Pickler(target).dump(tuple(jobs))
        return target.getvalue()

    def unpacked(self, data: bytes) -> tuple[Job, ...]:
        """Return the jobs of some bytes, which are the run's own."""
        known = self._settings

        class Unpickler(pickle.Unpickler):
            def persistent_load(self, pid: int) -> Settings:
                return known[pid]

        return cast("tuple[Job, ...]", Unpickler(io.BytesIO(data)).load())


class CellOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order to run a cell.

    `key`: of the work. `jobs`: the cell's, and those of all cells that may share its `before-all`. `slots`: processors,
    of the `offered` ones of a resource. `has_others`: whether other workers could run it, if this one's engine is lost.
    `images`: those that it needs, as the chief has them, or why it has none. `needs`: the cell's own; `needed`: the
    wheels of them, each with its cell. `shared`: a wheel of another cell that serves this one, with that cell.
    """

    plugin: str
    key: str
    cell: Cell
    jobs: bytes
    slots: int
    resource: Arch
    offered: int
    has_others: bool
    needs: tuple[Need, ...]
    needed: tuple[tuple[Cell, NamedFile], ...]
    images: tuple[tuple[ImageKey, ProbedImage | MachineError], ...]
    shared: tuple[Cell, NamedFile] | None = None


class ProbeOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order to look into an image. `jobs`: those that wait for it."""

    plugin: str
    key: str
    image: ImageKey
    jobs: bytes


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A worker's refusal of an order, before anything of it has run.

    `address`: the worker's. `is_ending`: it refuses as the run was stopped there; `is_passing`: its engine, or its
    disk, may be well again later.
    """

    address: str
    message: str
    hint: str | None = None
    is_ending: bool = False
    is_passing: bool = False


class CellDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """A cell's end on a worker, with the files that it has made there."""

    outcome: Outcome
    wheel: bytes | None = None
    statement: bytes | None = None
    results: bytes | None = None


class ProbeAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker found of an image."""

    found: ProbedImage | MachineError


def _seen(jobs: Sequence[Job], environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of this machine that cells see."""
    seen: dict[str, str] = {}
    for job in jobs:
        seen |= dict(passed_variables(job.settings, environ))
        seen |= dict(github_variables(job.settings[COMPILER_CACHE], environ))
    return seen


def _constraints(inputs: BuildInputs) -> list[NamedFile]:
    files = dict.fromkeys(job.settings[BUILD_CONSTRAINTS] for job in inputs.plan.jobs)
    return [
        NamedFile(name=each.file, data=constraints_text(inputs.project, each).encode()) for each in files if each.file
    ]
