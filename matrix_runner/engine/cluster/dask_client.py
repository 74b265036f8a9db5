"""The connection to a Dask cluster, by its own client: its workers, work for them, and what they tell.

The one module that imports Dask's client.
"""

import logging
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Final, Protocol, TypeVar, cast

import msgspec

from matrix_runner.engine.cluster.limited_call import LimitedCall
from matrix_runner.engine.cluster.scheduler_address import lost, place_of, silent
from matrix_runner.errors import EngineError

A = TypeVar("A")
T = TypeVar("T")

INSTALL: Final = "Install it with: pip install 'matrix-runner[dask]'"

CONNECT_SECONDS: Final = 4.0
"""The time for a scheduler's first answer: what cannot begin is to be said in less than five seconds."""

GREET_SECONDS: Final = 5.0
"""The time for further answers of the scheduler; workers have two of it, for each tells of its engine."""

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
    def scheduler_address(self) -> str:
        """The scheduler's address, also where a file named it."""
        return str(self._client.scheduler_info(n_workers=0)["address"])

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

        `workers`: addresses, None for all. One that hangs has a TimeoutError: Dask waits without an end (2026.8.0).
        """
        asked = [worker.address for worker in self.workers()] if workers is None else list(workers)
        try:
            return self._ask(question, about, asked).result(GREET_SECONDS)
        except TimeoutError:
            # All at once is one message. Where one hangs no other is heard, so each is asked for itself.
            each = [(address, self._ask(question, about, [address])) for address in asked]
        deadline = time.monotonic() + 2 * GREET_SECONDS
        answers: dict[str, T | Exception] = {}
        for address, call in each:
            try:
                answers |= call.result(max(deadline - time.monotonic(), 0))
            except TimeoutError:  # noqa: PERF203  as many as workers
                answers[address] = TimeoutError(f"no answer within {2 * GREET_SECONDS:.0f} s")
            except Exception as error:  # noqa: BLE001  told of the one worker
                answers[address] = error
        return answers

    def _ask(
        self, question: Callable[[A], T], about: A, workers: Sequence[str]
    ) -> "LimitedCall[dict[str, T | Exception]]":
        def ask() -> dict[str, T | Exception]:
            answers = self._client.run(question, about, workers=list(workers), on_error="return")
            return cast("dict[str, T | Exception]", dict(answers))

        return LimitedCall(ask)

    def ask_scheduler(self, question: Callable[[], T]) -> T:
        """Have the scheduler answer a question. Raise EngineError."""
        try:
            return LimitedCall(lambda: cast("T", self._client.run_on_scheduler(question))).result(GREET_SECONDS)
        except Exception as error:
            raise lost(error) from error

    def submit(  # noqa: PLR0913  as many as of Dask's own
        self,
        work: object,
        *args: object,
        key: str,
        resources: Mapping[str, float] | None = None,
        workers: Sequence[str] = (),
        are_others_allowed: bool = False,
        priority: int = 0,
    ) -> Work:
        """Give work to the cluster.

        `work`: a function; `args`: values, or other work, whose result then goes to a worker once. `key`:
        unique in the cluster. `workers`: the addresses of those that may do it, none for all; `are_others_allowed`: if
        all of them are gone, others may. Raise EngineError.
        """
        if self._is_over:
            raise EngineError("the run has ended")
        given = [arg.future if isinstance(arg, Work) else arg for arg in args]
        options = {"workers": list(workers), "allow_other_workers": are_others_allowed} if workers else {}
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
            for call, about in self._ends:
                with suppress(Exception):
                    LimitedCall(partial(self._client.run, call, about, on_error="ignore")).result(GREET_SECONDS)
        self._topics, self._ends = [], []
        with suppress(Exception):
            self._client.close(timeout=_CLOSE_SECONDS)


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

    place = place_of(address)

    def connect() -> Client:
        return Client(  # type: ignore[no-untyped-call]
            **place, timeout=CONNECT_SECONDS, set_as_default=False, name="matrix-runner"
        )

    try:
        # Its own limit is for a connection, and not for whoever accepts it and says nothing.
        client = LimitedCall(connect).result(CONNECT_SECONDS + 0.7)
    except Exception as error:
        raise silent(address, error) from error
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
