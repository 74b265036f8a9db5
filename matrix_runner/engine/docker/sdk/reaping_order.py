"""The order to a reaper: which run's objects it is to remove, and at which daemon."""

import sys
from pathlib import Path
from typing import Final

import msgspec

from matrix_runner.engine.docker.endpoint import Endpoint
from matrix_runner.engine.leasing.reaper import Reaper
from matrix_runner.engine.surroundings import EngineSurroundings
from matrix_runner.json_values import decode_with

PROGRAM: Final = "matrix_runner.engine.remote.reaping_program"


class ReapingOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A killed run's engine. `state_dir`: where its lease was."""

    run: str
    state_dir: Path
    endpoint: Endpoint

    def text(self) -> str:
        """Return the order as an argument of the program."""
        return msgspec.json.encode(self, enc_hook=str).decode()

    @staticmethod
    def of_text(text: str) -> "ReapingOrder":
        """Read an order. Raise NotJson."""
        return decode_with(msgspec.json.Decoder(ReapingOrder, dec_hook=lambda kind, value: kind(value)), text)


def reaper_of(run: str, surroundings: EngineSurroundings, endpoint: Endpoint) -> Reaper:
    """Return a reaper for a run at a daemon; nothing is started."""
    order = ReapingOrder(run=run, state_dir=surroundings.state_dir.absolute(), endpoint=endpoint)
    return Reaper((sys.executable, "-m", PROGRAM, order.text()), surroundings.environ)
