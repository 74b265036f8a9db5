"""The nodes of a run that do not answer any more: who is away, who has come back, who is given up."""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from matrix_runner.cell.run_context import RunContext
from matrix_runner.engine.api import ANSWER_SECONDS
from matrix_runner.errors import MachineError

_PULSE: Final = 15.0
"""Seconds between two questions to a node: a machine that vanishes from the network ends no connection."""

_MISSED: Final = 2
"""The answers in a row after which it counts as lost. Each has the time of an engine that commits a large image."""


class LostNodes:
    """The nodes that are away. Thread-safe."""

    def __init__(self, contexts: Sequence[RunContext], wake: Callable[[], None]) -> None:
        """`contexts`: of all nodes, in their order. `wake`: called when a node has come back."""
        self._contexts = contexts
        self._wake = wake
        self._lock = threading.Lock()
        self._away: set[int] = set()
        self._dead: set[int] = set()
        self._is_over = threading.Event()

    def is_away(self, number: int) -> bool:
        """Whether a node does not answer, as far as is known."""
        return number in self._away or number in self._dead

    def lose(self, number: int) -> None:
        """Count a node as away until it answers; from then on it is waited for."""
        with self._lock:
            if number in self._away:
                return
            self._away.add(number)
        threading.Thread(target=self._await, args=(number,), daemon=True, name=f"away-{number}").start()

    def _await(self, number: int) -> None:
        context = self._contexts[number]
        if context.engine_watch.wait():
            with self._lock:
                self._away.discard(number)
            if not self._is_over.is_set():
                context.notify(f"{context.node} answers again")
                self._wake()
        elif not context.is_cancelled and not self._is_over.is_set():
            context.notify(f"{context.node} is given up: it has not answered for too long", is_warning=True)

    def watch(self) -> None:
        """Begin to ask each node now and then, until `close`. One that owes several answers loses its containers."""
        for number in range(len(self._contexts)):
            threading.Thread(target=self._ask, args=(number,), daemon=True, name=f"pulse-{number}").start()

    def close(self) -> None:
        """Ask no more."""
        self._is_over.set()

    def _ask(self, number: int) -> None:
        engine, missed = self._contexts[number].request.engine, 0
        while not self._is_over.wait(_PULSE):
            try:
                engine.check(seconds=ANSWER_SECONDS)
                missed = 0
            except MachineError:
                missed += 1
            if missed == _MISSED and not self._is_over.is_set():
                # Its cells hear of it by this only, and go elsewhere. An aborted engine opens no more containers.
                self._dead.add(number)
                with suppress(MachineError):
                    engine.abort()
                return
