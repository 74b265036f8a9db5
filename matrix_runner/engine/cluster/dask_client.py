"""The connection to a Dask cluster, by its own client: its workers, work for them, and what they tell.

The one module that imports Dask's client.
"""

import logging
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol, TypeVar, cast

import msgspec

from matrix_runner.errors import EngineError

A = TypeVar("A")
T = TypeVar("T")

INSTALL: Final = "Install it with: pip install 'matrix-runner[dask]'"

CONNECT_SECONDS: Final = 4.0
"""The time for a scheduler's first answer: what cannot begin is to be said in less than five seconds."""

ASK_SECONDS: Final = 60.0
"""The time for a worker's answer to a short question; longer than an engine's own (`engine.api.ANSWER_SECONDS`)."""

_CLOSE_SECONDS: Final = 3.0

_OF_ALL: Final = "all"
"""Dask's topic of workers that come and go."""


class ClusterWorker(msgspec.Struct, frozen=True, kw_only=True):
    """A worker as the scheduler knows it. `resources`: as it was started with; `threads`: the tasks it runs at once."""

    address: str
    name: str
    resources: Mapping[str, float]
    threads: int


class _Future(Protocol):
    key: str
    status: str

    def result(self, timeout: float | None = None) -> object: ...
    def add_done_callback(self, fn: Callable[["_Future"], object]) -> None: ...
    def release(self) -> None: ...


class _Client(Protocol):
    status: str

    def scheduler_info(self, n_workers: int = ...) -> Mapping[str, Mapping[str, Mapping[str, object]]]: ...
    def submit(self, func: object, *args: object, **options: object) -> _Future: ...
    def run(self, function: object, *args: object, **options: object) -> Mapping[str, object]: ...
    def run_on_scheduler(self, function: object, *args: object, **options: object) -> object: ...
    def cancel(self, futures: Sequence[_Future], *, force: bool = ...) -> object: ...
    def subscribe_topic(self, topic: str, handler: Callable[[tuple[float, object]], object]) -> None: ...
    def unsubscribe_topic(self, topic: str) -> None: ...
    def close(self, timeout: float = ...) -> object: ...


class _Broker(Protocol):
    def truncate(self, topic: str) -> None: ...


class _Scheduler(Protocol):
    _broker: _Broker


class Work:
    """A piece of work that was given to the cluster. If its worker is lost, the cluster begins it anew on another."""

    def __init__(self, future: _Future) -> None:
        """`future`: Dask's."""
        self.future = future

    @property
    def key(self) -> str:
        """Its name in the cluster, unique there."""
        return self.future.key

    def result(self, seconds: float | None = None) -> object:
        """Return its result. `seconds`: the longest wait. Raise EngineError if the cluster has lost it."""
        try:
            return self.future.result(timeout=seconds)
        except Exception as error:
            # Work reports what it expects as a value: anything else is the cluster's.
            raise lost(error) from error

    def when_done(self, call: Callable[[], None]) -> None:
        """Have something called at its end, whatever that is; in another thread."""
        self.future.add_done_callback(lambda _: call())


class Cluster:
    """A connected cluster. Thread-safe. Everything that a run has left there is gone once it is closed."""

    def __init__(self, address: str) -> None:
        """Connect. `address`: of the scheduler, `tcp://` or `tls://`, or the path of a scheduler file.

        Certificates are those of Dask's own configuration (`distributed.comm.tls`). Raise EngineError.
        """
        self.address = address
        self._client = _connect(address)
        self._lock = threading.Lock()
        self._open: dict[str, _Future] = {}
        self._ends: list[tuple[Callable[[str], object], str]] = []
        self._topics: list[str] = []
        self._is_over = False

    @property
    def is_there(self) -> bool:
        """Whether the scheduler is connected."""
        return self._client.status == "running"

    def workers(self) -> tuple[ClusterWorker, ...]:
        """Return the workers, by address."""
        known = self._client.scheduler_info(n_workers=-1)["workers"]
        return tuple(_worker(address, known[address]) for address in sorted(known))

    def ask_all(
        self, question: Callable[[A], T], about: A, workers: Sequence[str] | None = None
    ) -> dict[str, T | Exception]:
        """Have workers answer a question at once, even if they are busy; its own error in place of an answer.

        `workers`: addresses, None for all.
        """
        answers = self._client.run(question, about, workers=workers, on_error="return")
        return cast("dict[str, T | Exception]", dict(answers))

    def ask_scheduler(self, question: Callable[[], T]) -> T:
        """Have the scheduler answer a question. Raise EngineError."""
        try:
            return cast("T", self._client.run_on_scheduler(question))
        except Exception as error:
            raise lost(error) from error

    def submit(
        self,
        work: object,
        *args: object,
        key: str,
        resources: Mapping[str, float] | None = None,
        workers: Sequence[str] = (),
        priority: int = 0,
    ) -> Work:
        """Give work to the cluster.

        `work`: a function; `args`: values, or other work, whose result then goes to a worker once. `key`:
        unique in the cluster. `workers`: the addresses of those that may do it; none for all. Raise EngineError.
        """
        if self._is_over:
            raise EngineError("the run has ended")
        given = [arg.future if isinstance(arg, Work) else arg for arg in args]
        options = {"workers": list(workers), "allow_other_workers": False} if workers else {}
        try:
            future = self._client.submit(
                work, *given, key=key, resources=dict(resources or {}), priority=priority, pure=False, **options
            )
        except Exception as error:
            raise lost(error) from error
        with self._lock:
            self._open[future.key] = future
        return Work(future)

    def forget(self, work: Work) -> None:
        """Have the cluster give up work whose worker is lost, so that nobody waits for it. From any thread."""
        with suppress(Exception):
            self._client.cancel([work.future], force=True)

    def release(self, work: Work) -> None:
        """Have the cluster forget work and its result."""
        with self._lock:
            self._open.pop(work.key, None)
        with suppress(Exception):
            work.future.release()

    def at_end(self, call: Callable[[str], object], about: str) -> None:
        """Have a function called on all workers when this is closed, as far as they know it."""
        self._ends.append((call, about))

    def hear(self, topic: str, handler: Callable[[object], None]) -> None:
        """Have what workers tell on a topic handled, in their order, in the client's own thread: handlers are quick."""
        self._client.subscribe_topic(topic, lambda event: handler(event[1]))
        self._topics.append(topic)

    def hear_of_workers(self, joined: Callable[[str], None], left: Callable[[str], None]) -> None:
        """Have the addresses of workers told that come or go, in the client's own thread: listeners are quick."""

        def handle(told: object) -> None:
            if not isinstance(told, Mapping):
                return
            action, address = told.get("action"), str(told.get("worker"))
            if action == "add-worker":
                joined(address)
            elif action == "remove-worker":
                left(address)

        self.hear(_OF_ALL, handle)

    def cancel(self) -> None:
        """End all work of this run, and accept no more. Idempotent, any thread."""
        self._is_over = True
        with self._lock:
            futures = list(self._open.values())
        if futures:
            with suppress(Exception):
                self._client.cancel(futures, force=True)

    def close(self) -> None:
        """End all work, take what this run left off the workers, and disconnect. Idempotent."""
        self.cancel()
        if self.is_there:
            for topic in self._topics:
                with suppress(Exception):
                    self._client.unsubscribe_topic(topic)
                    if topic != _OF_ALL:
                        self._client.run_on_scheduler(_forget_told, topic)
            for call, about in self._ends:
                with suppress(Exception):
                    self._client.run(call, about, on_error="ignore")
        self._topics, self._ends = [], []
        with suppress(Exception):
            self._client.close(timeout=_CLOSE_SECONDS)


def _forget_told(topic: str, dask_scheduler: "_Scheduler") -> None:
    """Take what was told on a topic out of the scheduler's memory, which keeps the last thousand (2026.8.0)."""
    dask_scheduler._broker.truncate(topic)  # noqa: SLF001  it has no other name


def lost(error: Exception) -> EngineError:
    """Return the error of a cluster that has lost work, or does not answer."""
    words = " ".join(str(error).split())[:300]
    return EngineError(
        f"the cluster has lost it: {type(error).__name__}{f': {words}' if words else ''}",
        hint="See the logs of Dask's scheduler and workers.",
    )


def _connect(address: str) -> _Client:
    try:
        import distributed
    except ImportError as error:
        raise EngineError(f"a cluster needs Dask, and {error.name or 'it'} is not installed", hint=INSTALL) from error
    # Its own words on lost connections are tracebacks; ours say the same.
    for name in ("distributed", *(name for name in logging.root.manager.loggerDict if name.startswith("distributed."))):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    # Of clients that are closed while they wait; and Dask's advice on large graphs, which a source is.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL + 1)
    warnings.filterwarnings("ignore", module="distributed")
    warnings.filterwarnings("ignore", message="Sending large graph")

    class Client(distributed.Client):
        def __del__(self) -> None:
            # One that never had a connection prints a traceback here (distributed 2026.8.0).
            with suppress(Exception):
                super().__del__()  # type: ignore[no-untyped-call]

    is_file = "://" not in address
    if is_file and not Path(address).is_file():
        raise EngineError(f"there is no scheduler file {address}", hint="A scheduler writes it: --scheduler-file.")
    place = {"scheduler_file": address} if is_file else {"address": address}
    try:
        client = Client(  # type: ignore[no-untyped-call]
            **place, timeout=CONNECT_SECONDS, set_as_default=False, name="matrix-runner"
        )
    except Exception as error:
        words = " ".join(str(error).split())
        hint = (
            "Certificates of Dask's own configuration are used: DASK_DISTRIBUTED__COMM__TLS__CA_FILE and the like."
            if address.startswith("tls://")
            else "Is it running, and is this the address that it has printed?"
        )
        raise EngineError(f"the cluster's scheduler at {address} does not answer: {words}", hint=hint) from error
    return cast("_Client", client)


def _worker(address: str, known: Mapping[str, object]) -> ClusterWorker:
    resources, threads = known.get("resources"), known.get("nthreads")
    return ClusterWorker(
        address=address,
        name=str(known.get("name") or address),
        resources={
            str(name): float(amount) for name, amount in dict(cast("Mapping[str, float]", resources or {})).items()
        },
        threads=int(cast("int", threads or 1)),
    )
