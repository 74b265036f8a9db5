"""A task's place among the slots: taken while it works, given up while it opens or closes what it works in."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from matrix_runner.schedule.choice import Load


class Seat:
    """For one task. Without a pool it is always free, and as wide as its load."""

    def __init__(self, load: Load) -> None:
        """`load`: what the task takes up."""
        self.load = load
        self._enter: Callable[[], None] = lambda: None
        self._leave: Callable[[], None] = lambda: None
        self._share: Callable[[], int] = lambda: max(load.slots, 1)

    def bind(self, enter: Callable[[], None], leave: Callable[[], None], share: Callable[[], int]) -> None:
        """Let a pool answer. `enter` waits for slots, `leave` gives them up, `share` counts those to be used."""
        self._enter, self._leave, self._share = enter, leave, share

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Hold the task's slots; wait until they are free. Once the run is stopped, nothing is waited for."""
        self._enter()
        try:
            yield
        finally:
            self._leave()

    @property
    def share(self) -> int:
        """How many processors the task's tools may use now: its slots, and its part of those that nobody can use."""
        return self._share()
