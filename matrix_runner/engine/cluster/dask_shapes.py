"""Dask's client and scheduler as far as they are used here: types of their parts."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol


class DaskFuture(Protocol):
    """Work that was given to a cluster."""

    key: str
    status: str

    def result(self, timeout: float | None = None) -> object:
        """Return its result, or raise its error."""
        ...

    def add_done_callback(self, fn: Callable[["DaskFuture"], object]) -> None:
        """Have something called at its end, in a thread of Dask's."""
        ...

    def release(self) -> None:
        """Forget it."""
        ...


class DaskClient(Protocol):
    """A client of a scheduler."""

    status: str

    def scheduler_info(self, n_workers: int = ...) -> Mapping[str, Mapping[str, Mapping[str, object]]]:
        """Return what was heard of the scheduler last. `n_workers`: of how many workers; -1 for all."""
        ...

    def submit(self, func: object, *args: object, **options: object) -> DaskFuture:
        """Give work to the cluster."""
        ...

    def sync(self, func: Callable[[], Awaitable[object]]) -> object:
        """Run a coroutine in the client's own thread."""
        ...

    def run(self, function: object, *args: object, **options: object) -> object:
        """Have a function called on workers, whatever they do; an awaitable if `asynchronous`."""
        ...

    def run_on_scheduler(self, function: object, *args: object, **options: object) -> object:
        """Have a function called by the scheduler."""
        ...

    def cancel(self, futures: Sequence[DaskFuture], *, force: bool = ...) -> object:
        """End work."""
        ...

    def subscribe_topic(self, topic: str, handler: Callable[[tuple[float, object]], object]) -> None:
        """Have what is told on a topic handled, in the client's own thread."""
        ...

    def unsubscribe_topic(self, topic: str) -> None:
        """Hear no more of a topic."""
        ...

    def close(self, timeout: float = ...) -> object:
        """Disconnect. `timeout`: in seconds."""
        ...


class _Broker(Protocol):
    def truncate(self, topic: str) -> None: ...


class DaskScheduler(Protocol):
    """A scheduler, where it runs."""

    _broker: _Broker
