"""The opening of a run: its directories, its pool, its signals, and what it keeps open at each node."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import datetime, timezone
from functools import partial

from msgspec.structs import replace

from matrix_runner.cache.log_barrier import LogBarrier
from matrix_runner.cell.run_context import OpenNode, RunContext
from matrix_runner.cell.shared_wheels import SharedWheels
from matrix_runner.config.loading.settings import Settings
from matrix_runner.config.options.cache_options import NO_CACHE
from matrix_runner.config.options.output_options import OVERWRITE
from matrix_runner.config.options.run_options import ENGINE_TIMEOUT
from matrix_runner.container.engine_loss import EngineWatch
from matrix_runner.container.given_source import GivenSource, is_far
from matrix_runner.container.project_volumes import ProjectVolumes
from matrix_runner.container.warm_containers import WarmContainers
from matrix_runner.engine.api import Engine
from matrix_runner.engine.node import Node
from matrix_runner.errors import UsageError
from matrix_runner.request import BuildRequest
from matrix_runner.schedule import Capacity, Interrupt, Pool
from matrix_runner.scratch import scratch_directory
from matrix_runner.wheelhouse import Wheelhouse
from matrix_runner.wheelhouse.report_directory import ReportDirectory
from matrix_runner.workspace.needed_wheels import NeededWheels


@contextmanager
def open_run(request: BuildRequest, barrier: LogBarrier) -> Iterator[RunContext]:
    """Open the run's resources, and close them at the end. Raise OutputError, ConfigError, UsageError."""
    inputs, settings = request.inputs, request.settings
    _check_cluster(request)
    with ExitStack() as stack:
        scratch = stack.enter_context(scratch_directory(request.scratch, request.run))
        wheelhouse = Wheelhouse(inputs.output_dir, overwrite=settings[OVERWRITE], staging=scratch / "staging")
        report_directory = stack.enter_context(ReportDirectory(inputs.report_dir))
        stack.enter_context(wheelhouse)
        for listener in request.listeners:
            stack.callback(listener.close)
        groups = request.dependency_groups()
        for part in request.members or (request,):
            for job in part.jobs:
                part.inputs.has_hashes(job)
            _ = part.sdist_maker
        interrupt = stack.enter_context(Interrupt(on_first=partial(_abort, request.nodes), stop=request.stop))
        nodes = [Capacity(slots=node.slots + node.ahead, memory=node.info.memory) for node in request.nodes]
        context = RunContext(
            request=request,
            started=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            pool=Pool(nodes, (*request.listeners, barrier)),
            interrupt=interrupt,
            scratch=scratch,
            wheelhouse=wheelhouse,
            report_directory=report_directory,
            shared_wheels=SharedWheels.of(inputs),
            nodes=tuple(_open_node(request, node, interrupt, stack) for node in request.nodes),
            groups=groups,
            redactor=request.redactor(),
            needed=NeededWheels(request.needs),
        )
        yield replace(context, members=tuple(_of_package(context, member) for member in request.members))


def _of_package(context: RunContext, member: BuildRequest) -> RunContext:
    """Return the run as the cells of one package of a workspace see it: its volumes and files are its own."""
    scratch = context.scratch / "packages" / member.settings.package
    scratch.mkdir(parents=True)
    nodes = zip(context.nodes, member.nodes, strict=True)
    return replace(
        context,
        request=member,
        scratch=scratch,
        shared_wheels=SharedWheels.of(member.inputs),
        nodes=tuple(_of_member(opened, member, node) for opened, node in nodes),
        groups=member.dependency_groups(),
    )


def _check_cluster(request: BuildRequest) -> None:
    """Raise UsageError for what a cluster's workers cannot do, EngineError for cells that none of them can run."""
    if request.cluster is None:
        return
    if request.visit is not None or request.locking is not None:
        raise UsageError("a cluster builds; this command needs an engine of its own", hint="Leave --cluster out.")
    if any(part.sdist_maker is not None for part in request.members or (request,)):
        raise no_sdist_by_clusters()
    request.cluster.require({job.cell.platform.arch: job.cell for job in request.jobs})


def no_sdist_by_clusters() -> UsageError:
    """Return the error of a run on a cluster that is to make the sdist first."""
    return UsageError(
        "a cluster does not make the sdist, which `sdist` asks for",
        hint="Make it first, and build its wheels: python -m build --sdist, then runner build dist/NAME.tar.gz.",
    )


def open_node(engine: Engine, settings: Settings, volumes: ProjectVolumes, interrupt: Interrupt) -> OpenNode:
    """Open what a run keeps open at an engine; whoever calls this closes its containers."""
    return OpenNode(
        containers=WarmContainers(engine),
        engine_watch=EngineWatch(engine, seconds=settings[ENGINE_TIMEOUT], is_cancelled=lambda: interrupt.is_requested),
        volumes=volumes,
        given=GivenSource() if volumes.is_far else None,
    )


def _open_node(request: BuildRequest, node: Node, interrupt: Interrupt, stack: ExitStack) -> OpenNode:
    opened = open_node(node.engine, request.settings, _volumes(request, node), interrupt)
    stack.callback(opened.containers.close)
    return opened


def _of_member(opened: OpenNode, member: BuildRequest, node: Node) -> OpenNode:
    volumes = _volumes(member, node)
    return replace(opened, volumes=volumes, given=GivenSource() if volumes.is_far else None)


def _volumes(request: BuildRequest, node: Node) -> ProjectVolumes:
    return ProjectVolumes(
        project=request.inputs.origin or request.inputs.project,
        owner=node.engine.owner,
        run=request.run,
        is_persistent=not request.settings[NO_CACHE],
        is_far=is_far(node.info.endpoint),
    )


def _abort(nodes: Sequence[Node]) -> None:
    """Kill the containers of all nodes, at the same time: there are seconds for it."""
    with ThreadPoolExecutor(max_workers=len(nodes)) as pool:
        for done in [pool.submit(node.engine.abort) for node in nodes]:
            done.result()
