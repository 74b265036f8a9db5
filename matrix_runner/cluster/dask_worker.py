"""The side of a run that Dask's workers see: what is kept on each of them, and the work that is called there.

The one module that imports Dask's worker.
"""

import pickle
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol, TypeVar, cast

from distributed import get_worker

from matrix_runner.cluster.orders import CellDelivery, CellOrder, ProbeAnswer, ProbeOrder, Refusal, RunOrder
from matrix_runner.cluster.site import Site, Tell, WorkerHere
from matrix_runner.cluster.worker_slots import SlotsHere
from matrix_runner.errors import MachineError
from matrix_runner.model.events import Event, Output

A = TypeVar("A")

_PAUSE: Final = 0.2
"""Seconds between two looks whether the cluster still wants the work that is done here."""

_MOST: Final = 64 * 1024
"""Bytes of output that do not wait for others."""

SLOTS: Final = "matrix-runner-slots"
"""The name of the slots of all runs, among a worker's plugins."""

_IDLE: Final = 60.0
"""Seconds without work after which a run's engine is closed on a worker; the next order opens it again. A run that was
killed where it was started leaves nothing on."""


class _TaskState(Protocol):
    state: str


class _States(Protocol):
    tasks: dict[str, _TaskState]


class _Status(Protocol):
    name: str


class _Worker(Protocol):
    address: str
    status: _Status
    name: object
    state: _States
    plugins: dict[str, object]

    def log_event(self, topic: str, msg: dict[str, object]) -> None: ...


class _Told:
    """The events of a piece of work on their way: several at once, as each message costs the scheduler as much."""

    def __init__(self, worker: _Worker, topic: str, key: str) -> None:
        self._worker = worker
        self._topic = topic
        self._key = key
        self._lock = threading.Lock()
        self._events: list[Event] = []
        self._bytes = 0
        self._sent = 0.0

    def tell(self, event: Event) -> None:
        """Take an event; send it now if that is due."""
        with self._lock:
            self._events.append(event)
            self._bytes += len(event.data) if isinstance(event, Output) else 0
            is_due = self._bytes > _MOST or time.monotonic() - self._sent > _PAUSE
        if is_due:
            self.flush()

    def flush(self) -> None:
        """Send what has not been sent."""
        with self._lock:
            if self._events:
                data = pickle.dumps(self._events)
                self._worker.log_event(self._topic, {"key": self._key, "events": data})
            self._events, self._bytes, self._sent = [], 0, time.monotonic()


class _Work:
    """A piece of work that goes on here: its site, and its events."""

    def __init__(self, site: Site, told: _Told) -> None:
        self.site = site
        self.told = told


class RunHere:
    """All of a run on one worker. It is among the worker's plugins, which are torn down when the worker leaves.

    It comes with the run's first work here, not by the scheduler: that would put it on all workers, and those that do
    not have this program would not outlive that (distributed 2026.8.0).
    """

    def __init__(self, order: RunOrder, worker: _Worker) -> None:
        """Open nothing yet. `order`: of the run."""
        self.name = order.plugin
        self._order = order
        self._worker = worker
        self._lock = threading.Lock()
        self._site: Site | None = None
        self._works: dict[str, _Work] = {}
        self._last = time.monotonic()

    def teardown(self, worker: object) -> None:
        """End on a worker that leaves: everything of the run is removed here."""
        del worker
        site = self._put_away()
        if site is not None:
            site.close()

    def end(self) -> None:
        """End on a worker that stays. Whoever started the run does not wait for what is removed."""
        site = self._put_away()
        if site is not None:
            threading.Thread(target=site.close, name=f"{self.name}-end").start()

    def _put_away(self) -> Site | None:
        with self._lock:
            site, self._site = self._site, None
        return site

    @contextmanager
    def working(self, key: str, source: bytes) -> Iterator[tuple[Site, Tell]]:
        """Give the site to a piece of work, and what passes its events on. Raise MachineError."""
        with self._lock:
            if self._site is None or self._site.is_stopped:
                name = str(self._worker.name or self._worker.address)
                slots = self._worker.plugins.setdefault(SLOTS, SlotsHere())
                assert isinstance(slots, SlotsHere)  # noqa: S101  it is ours
                self._site = Site(self._order, source, WorkerHere(name=name, address=self._worker.address, slots=slots))
                threading.Thread(target=self._watch, args=(self._site,), daemon=True, name=self.name).start()
            work = _Work(self._site, _Told(self._worker, self.name, key))
            self._works[key] = work
        try:
            yield work.site, work.told.tell
        finally:
            work.told.flush()
            with self._lock:
                self._works.pop(key, None)
                self._last = time.monotonic()
            self._close_stopped(work.site)

    def refused(self, message: str, hint: str | None = None) -> Refusal:
        """Return the refusal of an order for which the engine cannot be opened."""
        return Refusal(address=self._worker.address, message=message, hint=hint, is_passing=True)

    def _watch(self, site: Site) -> None:
        """Stop a site whose work nobody waits for any more: the run was stopped, or the one who started it is gone."""
        while self._site is site and not site.is_stopped:
            time.sleep(_PAUSE)
            with self._lock:
                told = [work.told for work in self._works.values()]
                # Under the lock: work that ends is taken out of these before the cluster hears of its end.
                is_unwanted = any(map(self._is_unwanted, self._works))
                if not self._works and time.monotonic() - self._last > _IDLE and self._site is site:
                    self._site = None
                    self._worker.plugins.pop(self.name, None)
            if is_unwanted:
                site.abort()
            for one in told:
                one.flush()
            site.images.tidy()
        self._close_stopped(site)

    def _close_stopped(self, site: Site) -> None:
        """Close a site that is stopped, or was put away, once nothing works there."""
        with self._lock:
            is_used = any(work.site is site for work in self._works.values())
            is_over = not is_used and (site.is_stopped or self._site is not site)
        if is_over:
            site.close()

    def _is_unwanted(self, key: str) -> bool:
        task = self._worker.state.tasks.get(key)
        return task is None or task.state not in {"executing", "long-running"}


def run_cell(ordered: bytes, source: bytes, run: bytes) -> CellDelivery | Refusal:
    """Run a cell. Called on a worker; never raises for what is expected.

    `ordered`: a pickled `CellOrder`; `run`: a pickled `RunOrder`.
    """
    order: CellOrder = pickle.loads(ordered)  # noqa: S301  whoever can give work to a cluster can run anything there
    return _working(order, source, run, lambda site, tell: site.run(order, tell))


def probe(ordered: bytes, source: bytes, run: bytes) -> ProbeAnswer | Refusal:
    """Look into an image. Called on a worker; never raises for what is expected. `ordered`: a pickled `ProbeOrder`."""
    order: ProbeOrder = pickle.loads(ordered)  # noqa: S301  as above
    return _working(order, source, run, lambda site, tell: site.probe(order, tell))


def end_run(name: str, dask_worker: object = None) -> None:
    """End a run on a worker. Called there; Dask gives the worker by that name. `name`: `RunOrder.plugin`."""
    found = cast("_Worker", dask_worker).plugins.pop(name, None)
    if isinstance(found, RunHere):
        found.end()


def _working(order: CellOrder | ProbeOrder, source: bytes, run: bytes, work: Callable[[Site, Tell], A]) -> A | Refusal:
    worker = cast("_Worker", get_worker())
    here = worker.plugins.get(order.plugin)
    if here is None:
        # Once a worker, not for each cell. Of two that come at the same time one stays.
        whole: RunOrder = pickle.loads(run)  # noqa: S301  as above
        here = worker.plugins.setdefault(order.plugin, RunHere(whole, worker))
    assert isinstance(here, RunHere)  # noqa: S101  the name is ours
    try:
        with here.working(order.key, source) as (site, tell):
            return work(site, tell)
    except MachineError as error:
        return here.refused(error.message, error.hint)
    except OSError as error:
        return here.refused(f"{worker.name}: {error}", "Is there room on its disk?")
