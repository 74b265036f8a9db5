"""A run as a worker of a cluster has it: the engine of its own machine, the source, the cells that it is given."""

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import msgspec
from msgspec.structs import replace

from matrix_runner.before_all.engine_pruning import prune_engine
from matrix_runner.before_all.prepared_images import PreparedImages
from matrix_runner.before_all.prepared_key import PreparedKeys
from matrix_runner.cell.cell_runner import run_cell
from matrix_runner.cell.run_context import Materials, OpenNode, RunContext
from matrix_runner.cell.shared_wheels import SharedWheel, SharedWheels
from matrix_runner.cluster.orders import (
    CellDelivery,
    CellOrder,
    JobPacking,
    ProbeAnswer,
    ProbeOrder,
    Refusal,
    RunOrder,
)
from matrix_runner.cluster.relayed_pool import RelayedPool
from matrix_runner.cluster.site_files import delivery_of, inputs_of, needed_of, request_of, written
from matrix_runner.cluster.site_images import SiteImages
from matrix_runner.cluster.worker_slots import SlotsHere
from matrix_runner.config.options.cache_options import CACHE_MAX_AGE, NO_CACHE
from matrix_runner.container.project_volumes import ProjectVolumes
from matrix_runner.engine.node import Node
from matrix_runner.errors import EngineError, ImageError, MachineError
from matrix_runner.matrix import Host, Job
from matrix_runner.model.cells import Cell
from matrix_runner.model.events import Event
from matrix_runner.model.platforms import Arch
from matrix_runner.nodes.opened_run import open_node
from matrix_runner.probe.probed_images import ProbedImages
from matrix_runner.redaction.run_secrets import redactor_of
from matrix_runner.schedule import Again, Interrupt, StopRequest
from matrix_runner.scratch import scratch_directory
from matrix_runner.wheelhouse import Wheelhouse
from matrix_runner.wheelhouse.report_directory import ReportDirectory

Tell = Callable[[Event], None]


class WorkerHere(msgspec.Struct, frozen=True, kw_only=True):
    """The worker of a site, as Dask has it. `slots`: for all of its runs."""

    name: str
    address: str
    slots: SlotsHere


class _Elsewhere(msgspec.Struct, frozen=True):
    """`Elsewhere` of a worker's cells: if its engine is gone, there may be other workers."""

    def takes(self, cell: Cell) -> bool:
        del cell
        return True


class Site:
    """A run on this machine, open from its first order here to its end. Thread-safe: an order has a thread of its own.

    What the run keeps from cell to cell is here: volumes, prepared images, containers that are open already.
    """

    def __init__(self, order: RunOrder, source: bytes, worker: WorkerHere) -> None:
        """Open it. Raise MachineError, OSError."""
        self._order = order
        self._worker = worker
        self._lock = threading.Lock()
        self._is_closed = False
        self._packing = JobPacking(order)
        self._stop = StopRequest()
        self._stack = ExitStack()
        try:
            self._open(source)
        except BaseException:
            self._stack.close()
            raise

    def _open(self, source: bytes) -> None:
        order, run = self._order, f"{self._order.run}-{uuid4().hex[:6]}"
        self._scratch = self._stack.enter_context(scratch_directory(order.place.scratch(), run))
        self._engine, info = order.place.open_engine(run)
        self._stack.callback(self._close_engine)
        self._interrupt = self._stack.enter_context(
            Interrupt(on_first=self._engine.abort, stop=self._stop, handles_signals=False)
        )
        with suppress(MachineError):
            # Leftovers of a dead run may be in use elsewhere; that is no reason not to build.
            self._engine.sweep()
        self._inputs = inputs_of(order, self._scratch)
        self._node = self._opened_node(run)
        machine = Arch.of_machine(info.machine)
        # Which cells may run here was decided where the run was started.
        host = None if machine is None else Host(machine=machine)
        node = Node(name=self._worker.name, engine=self._engine, info=info, slots=1, host=host)
        self._request = request_of(order, self._inputs, node, self._scratch)
        # A proxy's password is the worker's own.
        environ = {**order.place.environ(), **order.environ}
        self._redactor = redactor_of((order.settings, *order.distinct), environ)
        archive = self._scratch / "source.tar"
        archive.write_bytes(source)
        self._materials = self._gathered(archive)
        self.images = SiteImages(self._request, self._node, self._materials)

    def run(self, order: CellOrder, tell: Tell) -> CellDelivery | Refusal:
        """Run a cell to its outcome. `tell`: passes an event on."""
        jobs = self.images.learn(self._packing.unpacked(order.jobs))
        job, pool = next(job for job in jobs if job.cell == order.cell), RelayedPool(tell)
        try:
            for key, chief in order.images:
                self.images.bring(key, chief, pool)
        except MachineError as error:
            return self._refused(error)
        with TemporaryDirectory(prefix=f"{order.cell.stem}-", dir=self._scratch) as name:
            return self._delivered(job, order, pool, Path(name))

    def _delivered(self, job: Job, order: CellOrder, pool: RelayedPool, room: Path) -> CellDelivery | Refusal:
        """Run a cell with a directory of its own."""
        with Wheelhouse(room / "wheels", overwrite=False, staging=room / "staging") as wheelhouse:
            context = self._context(job, order, pool, wheelhouse)
            if order.shared is not None:
                builder, file = order.shared
                path = written(room / "shared", file.name, file.data)
                context.shared_wheels.add(SharedWheel(builder=builder, path=path))
            slots = self._worker.slots.of(order.resource, order.offered)
            slot = slots.slot(order.slots, lambda: self._interrupt.is_requested)
            outcome = run_cell(job, context, self._materials, slot)
        if isinstance(outcome, Again):
            return self._refused(
                EngineError(f"the engine of worker {self._worker.name} does not answer any more"), is_passing=True
            )
        if self._interrupt.is_requested:
            return Refusal(address=self._worker.address, message="the run was stopped here", is_ending=True)
        return delivery_of(outcome, room, context.request.inputs)

    def probe(self, order: ProbeOrder, tell: Tell) -> ProbeAnswer:
        """Look into an image; a missing one is fetched."""
        jobs = self.images.learn(self._packing.unpacked(order.jobs))
        return self.images.probe(order.image, jobs, RelayedPool(tell))

    def abort(self) -> None:
        """Stop all cells here, and remove their containers. Idempotent, any thread."""
        self._stop.request()

    @property
    def is_stopped(self) -> bool:
        """Whether it was aborted."""
        return self._stop.is_requested

    def close(self) -> None:
        """Stop what runs, prune what is stale, and close the engine. Idempotent, any thread."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
        if not self._stop.is_requested:
            settings = self._order.settings
            prune_engine(
                self._engine,
                max_age=settings[CACHE_MAX_AGE],
                now=time.time(),
                in_use=self._materials.prepared.names_in_use(),
            )
        self.abort()
        self._stack.close()

    def _close_engine(self) -> None:
        with suppress(MachineError):
            self._engine.close()

    def _opened_node(self, run: str) -> OpenNode:
        settings = self._order.settings
        volumes = ProjectVolumes(
            project=Path(self._order.identity),
            owner=self._engine.owner,
            run=run,
            is_persistent=not settings[NO_CACHE],
        )
        opened = open_node(self._engine, settings, volumes, self._interrupt)
        self._stack.callback(opened.containers.close)
        return opened

    def _gathered(self, archive: Path) -> Materials:
        order, images = self._order, ProbedImages()
        source = replace(order.source, path=archive)
        keys = PreparedKeys(
            identity=self._node.volumes.identity,
            images=images,
            digests=source.digests,
            prefix=source.prefix,
            environ=order.environ,
        )
        return Materials(
            source=source,
            images=images,
            prepared=PreparedImages(keys, source, self._node.volumes),
            has_crates=order.has_crates,
            backend=order.backend,
        )

    def _context(self, job: Job, order: CellOrder, pool: RelayedPool, wheelhouse: Wheelhouse) -> RunContext:
        room = wheelhouse.directory.parent
        inputs = replace(self._inputs, output_dir=room / "wheels", report_dir=room / "report")
        return RunContext(
            request=replace(self._request, inputs=inputs),
            started=self._order.started,
            pool=pool,
            interrupt=self._interrupt,
            scratch=room,
            wheelhouse=wheelhouse,
            report_directory=ReportDirectory(room / "report"),
            shared_wheels=SharedWheels((job,), waits=False),
            nodes=(self._node,),
            groups=self._order.groups,
            redactor=self._redactor,
            needed=needed_of(order, room),
            elsewhere=_Elsewhere() if order.has_others else None,
        )

    def _refused(self, error: MachineError, *, is_passing: bool = False) -> Refusal:
        return Refusal(
            address=self._worker.address,
            message=error.message,
            hint=error.hint,
            is_ending=self._interrupt.is_requested,
            is_passing=is_passing or not isinstance(error, ImageError),
        )
