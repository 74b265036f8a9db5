"""The cells of a run that a cluster runs: ordered, followed, and taken over when they come back."""

import pickle
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

import msgspec
from msgspec.structs import replace

from matrix_runner.before_all.prepared_images import likely_group
from matrix_runner.cell.run_context import Materials, RunContext
from matrix_runner.cluster.dask_worker import end_run, probe, run_cell
from matrix_runner.cluster.deliveries import take
from matrix_runner.cluster.followed_work import FollowedWork, follow
from matrix_runner.cluster.order_parts import images_of, needed_by, shared_with, sharing
from matrix_runner.cluster.orders import (
    CellDelivery,
    CellOrder,
    JobPacking,
    ProbeAnswer,
    ProbeOrder,
    Refusal,
    RunOrder,
)
from matrix_runner.cluster.refusals import Refusals
from matrix_runner.config.options.run_options import ENGINE_TIMEOUT
from matrix_runner.engine.cluster.cluster_nodes import JoinedCluster
from matrix_runner.engine.cluster.dask_client import Work
from matrix_runner.engine.cluster.free_seats import Seat, Wish
from matrix_runner.errors import EngineError, ImageError, MachineError
from matrix_runner.matrix import Job
from matrix_runner.model.cells import Cell
from matrix_runner.model.events import CellFinished
from matrix_runner.model.outcomes import Failure, Outcome, Reason, Status, StepKind
from matrix_runner.nodes.spread import LOSSES
from matrix_runner.probe.image_probe import ImageKey, ProbedImage, image_key
from matrix_runner.schedule import Again, Slot
from matrix_runner.wording import counted

_MANY: Final = 4

_FIRST: Final = 10
"""The priority of what cells wait for."""

_LOST: Final = "See the worker's own log. It may be the cell that takes workers down."


class ClusterCells:
    """The cells of a run on its cluster. Thread-safe.

    Every order has a name of its own in the cluster, the resource of its architecture, and a worker with free slots. If
    that worker is lost, the cell is ordered anew, as often as nodes may be lost under one (`nodes.spread.LOSSES`).
    """

    def __init__(self, cluster: JoinedCluster, order: RunOrder, jobs: Sequence[Job], source: bytes) -> None:
        """Send order and source, each once. `jobs`: all of the run. Raise EngineError."""
        self._cluster = cluster
        self._order = order
        self._packing = JobPacking(order)
        self._sharing = sharing(jobs)
        self._ready_at: dict[Cell, str] = {}
        self._left = {job.cell for job in jobs}
        self._known: Callable[[], Mapping[Cell, Outcome]] = dict
        self._work = FollowedWork()
        self._lock = threading.Lock()
        self._serial = 0
        link = cluster.link
        link.hear(order.plugin, self._work.hear)
        cluster.on_loss(lambda address: self._work.lose(address, link.forget))
        link.at_end(end_run, order.plugin)
        # Each goes to a worker once, and from worker to worker. `bytes` returns what it is given.
        # Not to one that was left out: it may hang, and all cells would wait for what it has.
        able = [offer.address for offer in cluster.placement.offers]
        place = partial(link.submit, workers=able, are_others_allowed=True)
        self._source = place(bytes, source, key=f"{order.plugin}-source-{order.source.sha256}")
        self._run = place(bytes, pickle.dumps(order), key=f"{order.plugin}-order")
        self._refusals = Refusals()

    def attach(self, known: Callable[[], Mapping[Cell, Outcome]]) -> None:
        """Have the outcomes of cells told that need not run."""
        self._known = known

    def _has_many_left(self) -> bool:
        """Whether each worker will get another cell: one that waits in vain for its turn at the end is a loss."""
        slots = self._cluster.placement.slots
        with self._lock:
            # With the one that asks.
            if len(self._left) + 1 < slots:
                return False
            # Few are left: now it matters which of them need not run.
            return len(self._left) > _MANY * slots or len(self._left - self._known().keys()) + 1 >= slots

    def run(self, job: Job, context: RunContext, materials: Materials, slot: Slot) -> Outcome | Again:
        """Run a cell on the cluster, and deliver what comes of it; as `cell.cell_runner.run_cell`."""
        with slot.acquired():
            with self._lock:
                self._left.discard(job.cell)
            order = CellOrder(
                plugin=self._order.plugin,
                key="",
                cell=job.cell,
                jobs=self._packing.packed(self._sharing.get(likely_group(job), (job,))),
                slots=slot.load.slots,
                resource=job.cell.platform.arch,
                offered=0,
                has_others=False,
                needs=context.needed.needs(job.cell),
                needed=needed_by(context, job.cell),
                images=images_of(job, materials),
                shared=shared_with(context, job.cell),
            )
            ended, began = self._delivered(job, order, context)
        if isinstance(ended, CellDelivery):
            return take(ended, job, context, materials, began)
        failed = replace(ended, log=context.request.log_path(job), began=began)
        context.end(failed)
        context.pool.emit(CellFinished(at=context.pool.clock(), outcome=failed))
        return failed

    def probe(self, key: ImageKey, jobs: Sequence[Job], context: RunContext) -> ProbeAnswer:
        """Have a worker look into an image: the first of the architecture, others if that one is lost, or refuses."""
        answer = ProbeAnswer(found=EngineError(f"no worker of the cluster is left that offers {key.arch}"))
        patience = context.request.settings[ENGINE_TIMEOUT]
        for _ in range(LOSSES + 1):
            tried = self._refusals.of(key)
            offer = self._cluster.placement.await_offer(key.arch, refused=tried, patience=patience)
            if offer is None or context.is_cancelled:
                break
            found = self._probed(key, jobs, offer.address, context)
            if isinstance(found, ProbeAnswer) and not _is_of_engine(found.found):
                with self._lock:
                    self._ready_at[jobs[0].cell] = offer.address
                return found
            if isinstance(found, ProbeAnswer):
                answer = found
            self._refusals.add(key, offer.address, is_passing=True)
        return answer

    def _probed(self, key: ImageKey, jobs: Sequence[Job], address: str, context: RunContext) -> ProbeAnswer | None:
        """Have one worker look into an image; None if the worker was lost."""
        packed = self._packing.packed(jobs)
        order = ProbeOrder(plugin=self._order.plugin, key=self._key("probe"), image=key, jobs=packed)
        give = partial(
            self._cluster.link.submit,
            *(probe, pickle.dumps(order), self._source, self._run),
            key=order.key,
            workers=[address],
            priority=_FIRST,
        )
        try:
            answer, _ = self._followed(order.key, address, context, give)
        except EngineError as error:
            return ProbeAnswer(found=error)
        if isinstance(answer, Refusal):
            return ProbeAnswer(found=EngineError(answer.message, hint=answer.hint))
        return answer if isinstance(answer, ProbeAnswer) else None

    def _delivered(self, job: Job, order: CellOrder, context: RunContext) -> tuple[CellDelivery | Outcome, float]:
        """Order a cell until it is delivered; return the outcome without a wheel if it cannot be; and when it began."""
        began = context.pool.clock()
        lost, message, hint = 0, "no worker of the cluster is left that could run it", None
        while lost <= LOSSES:
            seat = self._seat(job, order.slots, context)
            if seat is None:
                break
            try:
                reply, started = self._ordered(replace(order, key=self._key(str(job.cell))), seat, context)
            except EngineError as error:
                message, hint = error.message, error.hint
                break
            finally:
                self._cluster.placement.give_back(seat)
            began = started or began
            if isinstance(reply, CellDelivery):
                return reply, began
            if context.is_cancelled:
                break
            name = seat.offer.worker.name
            if isinstance(reply, Refusal) and not reply.is_ending:
                # Its other cells of that image would be refused there as well.
                self._refusals.add(image_key(job), seat.offer.address, is_passing=reply.is_passing)
                message, hint = reply.message, reply.hint
                context.notify(f"{message}; another worker takes the cell", cell=job.cell, is_warning=True)
                continue
            lost += 1
            text = f"worker {name} is lost; another one begins the cell anew"
            message, hint = f"{counted(lost, 'worker')} lost under it, {name} last", _LOST
            if lost <= LOSSES:
                context.notify(text, cell=job.cell, is_warning=True)
        if not self._cluster.link.is_there:
            message, hint = f"the cluster's scheduler at {self._cluster.link.address} is lost", "See its own log."
        return _not_built(job, message, hint, is_cancelled=context.is_cancelled), began

    def _seat(self, job: Job, slots: int, context: RunContext) -> Seat | None:
        """Return a seat for a cell; None if there is none, nor will be one."""
        arch, patience = job.cell.platform.arch, context.request.settings[ENGINE_TIMEOUT]
        deadline = time.monotonic() + patience

        def may_wait() -> bool:
            return not context.is_cancelled and self._cluster.link.is_there

        while True:
            wish = Wish(
                arch=arch,
                slots=slots,
                refused=self._refusals.of(image_key(job)),
                # The container in which its image was looked into.
                preferred=self._ready_at.get(job.cell, ""),
            )
            seat = self._cluster.placement.take(
                wish, may_wait=may_wait, may_be_ahead=self._has_many_left, patience=patience
            )
            if seat is not None or not self._cluster.placement.offers_of(arch) or not may_wait():
                return seat
            if time.monotonic() > deadline or not self._refusals.is_any_passing(image_key(job)):
                return None
            time.sleep(1)

    def _ordered(self, order: CellOrder, seat: Seat, context: RunContext) -> tuple[object, float | None]:
        """Have a worker run a cell; as `_followed`."""
        offered = dict(seat.offer.slots)[seat.resource]
        has_others = self._cluster.placement.has_several(order.cell.platform.arch)
        order = replace(order, slots=seat.slots, resource=seat.resource, offered=offered, has_others=has_others)
        give = partial(
            self._cluster.link.submit,
            # As bytes: Dask's scheduler reads values, and orders are nothing to it.
            *(run_cell, pickle.dumps(order), self._source, self._run),
            key=order.key,
            resources={str(seat.resource): seat.claim},
            workers=[seat.offer.address],
        )
        return self._followed(order.key, seat.offer.address, context, give)

    def _followed(
        self, key: str, address: str, context: RunContext, give: Callable[[], Work]
    ) -> tuple[object, float | None]:
        """Give work to a worker; return its reply, None if the worker was lost or a signal came; and when it began.

        In seconds of the run, None if it did not begin. Raise EngineError.
        """
        with self._work.inbox(key, address) as inbox:
            if not self._cluster.placement.has(address):
                return None, None
            work = give()
            inbox.work = work
            try:
                return follow(work, inbox, context), inbox.started
            finally:
                self._cluster.link.release(work)

    def _key(self, name: str) -> str:
        with self._lock:
            self._serial += 1
            return f"{self._order.plugin}-{name}-{self._serial}"


class ClusterProber(msgspec.Struct, frozen=True, kw_only=True):
    """The arrival of images on a cluster, as `probe.image_prober.ImageProber`: each is looked into by one worker."""

    cells: ClusterCells
    context: RunContext
    materials: Materials

    def bring(self, key: ImageKey, waiting: Sequence[Job]) -> None:
        """Have an image looked into, and add it to those that are known."""
        answer = self.cells.probe(key, waiting, self.context)
        self.materials.images.add(key, answer.found)


def _is_of_engine(found: ProbedImage | MachineError) -> bool:
    """Whether an image could not be looked into for want of an engine, which other workers may have."""
    return isinstance(found, EngineError) and not isinstance(found, ImageError)


def _not_built(job: Job, message: str, hint: str | None, *, is_cancelled: bool = False) -> Outcome:
    if is_cancelled:
        return Outcome(cell=job.cell, status=Status.CANCELLED)
    failure = Failure(step=StepKind.PREPARE, reason=Reason.ENGINE, message=message, hint=hint)
    return Outcome(cell=job.cell, status=Status.FAILED, failure=failure)
