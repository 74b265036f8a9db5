"""A Dask cluster by its own client: its workers, work for them, and what they tell."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Final, TypeVar, cast

import msgspec

from matrix_runner.engine.cluster.dask_connection import connect
from matrix_runner.engine.cluster.dask_shapes import DaskFuture, DaskScheduler
from matrix_runner.engine.cluster.limited_call import LimitedCall
from matrix_runner.engine.cluster.scheduler_address import lost
from matrix_runner.errors import EngineError

A = TypeVar("A")
T = TypeVar("T")

SCHEDULER_SECONDS: Final = 5.0
"""The time for a scheduler's answer before a run begins."""

GREETING_SECONDS: Final = 10.0
"""The time for a worker's answer before a run begins, which waits for it."""

_CLOSE_SECONDS: Final = 2.0
"""The time for each thing at the end of a run, which a user waits for after Ctrl-C."""

_OF_ALL: Final = "all"
"""Dask's topic of workers that come and go."""


class ClusterWorker(msgspec.Struct, frozen=True, kw_only=True):
    """A worker as the scheduler knows it. `resources`: as it was started with; `threads`: the tasks it runs at once."""

    address: str
    name: str
    resources: Mapping[str, float]
    threads: int


class Work:
    """A piece of work that was given to the cluster. If its worker is lost, the cluster begins it anew on another."""

    def __init__(self, future: DaskFuture) -> None:
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
        self._client = connect(address)
        self._lock = threading.Lock()
        self._open: dict[str, DaskFuture] = {}
        self._ends: list[tuple[Callable[[str], object], str]] = []
        self._topics: list[str] = []
        self._is_over = False
        self._is_given_up = False

    @property
    def scheduler_address(self) -> str:
        """The scheduler's address, also where a file named it."""
        return str(self._client.scheduler_info(n_workers=0)["address"])

    @property
    def is_there(self) -> bool:
        """Whether the scheduler is connected, and answers."""
        return self._client.status == "running" and not self._is_given_up

    def give_up(self) -> None:
        """Count the cluster as lost: its scheduler is connected, and does not answer."""
        self._is_given_up = True

    def workers(self) -> tuple[ClusterWorker, ...]:
        """Return the workers, by address."""
        known = self._client.scheduler_info(n_workers=-1)["workers"]
        return tuple(_worker(address, known[address]) for address in sorted(known))

    def ask_all(
        self,
        question: Callable[[A], T],
        about: A,
        workers: Sequence[str] | None = None,
        *,
        seconds: float = GREETING_SECONDS,
    ) -> dict[str, T | Exception]:
        """Have workers answer a question at once, even if they are busy; its own error in place of an answer.

        `workers`: addresses, None for all. `seconds`: the time for each; a machine may hang that its scheduler still
        takes for well. Raise EngineError if the scheduler does not answer.
        """
        asked = [worker.address for worker in self.workers()] if workers is None else list(workers)

        async def ask(address: str) -> object:
            options = {"workers": [address], "on_error": "return", "asynchronous": True}
            answer = cast("Awaitable[Mapping[str, object]]", self._client.run(question, about, **options))
            try:
                return (await asyncio.wait_for(answer, seconds))[address]
            except asyncio.TimeoutError:
                return TimeoutError(f"no answer within {seconds:.0f} s")
            except Exception as error:  # noqa: BLE001  whatever it is, it is the answer
                return error

        async def ask_each() -> list[object]:
            return await asyncio.gather(*map(ask, asked))

        try:
            answers = self._client.sync(ask_each)
        except Exception as error:
            raise lost(error) from error
        return cast("dict[str, T | Exception]", dict(zip(asked, cast("list[object]", answers), strict=True)))

    def ask_scheduler(self, question: Callable[[], T], *, seconds: float = SCHEDULER_SECONDS) -> T:
        """Have the scheduler answer a question, in so many seconds. Raise EngineError."""
        try:
            return cast("T", self._client.run_on_scheduler(question, callback_timeout=seconds))
        except Exception as error:
            raise lost(error) from error

    def is_answering(self, question: Callable[[], object], *, seconds: float) -> bool:
        """Whether the scheduler answers a question in so many seconds."""
        with suppress(EngineError):
            self.ask_scheduler(question, seconds=seconds)
            return True
        return False

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
        given = [arg.future if isinstance(arg, Work) else arg for arg in args]
        where = {"workers": list(workers), "allow_other_workers": False} if workers else {}
        return self._given(work, *given, key=key, resources=dict(resources or {}), priority=priority, **where)

    def share(self, data: bytes, *, key: str, workers: Sequence[str]) -> Work:
        """Have some bytes in the cluster, for work that is given this as one of its values; they go to a worker once.

        `workers`: the addresses of those that get them first, as long as any of them is there. Not one that does not
        answer, though the scheduler takes it for well: the others would wait for it. Raise EngineError.
        """
        # `bytes` returns what it is given.
        return self._given(bytes, data, key=key, workers=list(workers), allow_other_workers=True)

    def _given(self, work: object, *args: object, **options: object) -> Work:
        if self._is_over:
            raise EngineError("the run has ended")
        try:
            future = self._client.submit(work, *args, pure=False, **options)
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
            self._in_time(partial(self._client.cancel, futures, force=True))

    def close(self) -> None:
        """End all work, take what this run left off the workers, and disconnect. Idempotent."""
        self.cancel()
        for topic in self._topics:
            self._in_time(partial(self._client.unsubscribe_topic, topic))
            if topic != _OF_ALL:
                self._in_time(partial(self._client.run_on_scheduler, _forget_told, topic))
        for call, about in self._ends:
            self._in_time(partial(self.ask_all, call, about, seconds=_CLOSE_SECONDS / 2))
        self._topics, self._ends = [], []
        with suppress(Exception):
            self._client.close(timeout=_CLOSE_SECONDS)

    def _in_time(self, call: Callable[[], object]) -> None:
        """Have something done that is as well left undone; a scheduler that hangs would never be done with it."""
        if self.is_there:
            try:
                LimitedCall(call).result(_CLOSE_SECONDS)
            except TimeoutError:
                self.give_up()
            except Exception:  # noqa: BLE001  nothing depends on it
                return


def _forget_told(topic: str, dask_scheduler: DaskScheduler) -> None:
    """Take what was told on a topic out of the scheduler's memory, which keeps the last thousand (2026.8.0)."""
    dask_scheduler._broker.truncate(topic)  # noqa: SLF001  it has no other name


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
