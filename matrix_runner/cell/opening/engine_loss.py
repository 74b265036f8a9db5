"""An engine that has gone away in the middle of a cell, as for its upgrade: recognised, and waited for."""

import time
from typing import Final

from matrix_runner.cell.run_context import RunContext
from matrix_runner.config.options.run_options import ENGINE_TIMEOUT
from matrix_runner.errors import EngineError, EngineNotReady, ImageError, MachineError

_PAUSE: Final = 1.0
"""Seconds between two questions, and before the first: a daemon that stops still answers for a moment."""

_ANSWER_SECONDS: Final = 5


def has_gone(context: RunContext, error: MachineError) -> bool:
    """Whether an error comes of an engine that does not answer any more; asks it if the error does not tell."""
    if isinstance(error, EngineNotReady):
        return True
    if not isinstance(error, EngineError) or isinstance(error, ImageError) or context.is_cancelled:
        return False
    time.sleep(_PAUSE)
    return not _answers(context)


def wait_for_engine(context: RunContext) -> None:
    """Wait until a restarting daemon answers again, `engine-timeout` at most; its restart ends every container."""
    deadline = time.monotonic() + context.request.settings[ENGINE_TIMEOUT]
    while not context.is_cancelled and not _answers(context) and time.monotonic() < deadline:
        time.sleep(_PAUSE)


def _answers(context: RunContext) -> bool:
    try:
        context.request.engine.check(seconds=_ANSWER_SECONDS)
    except MachineError:
        return False
    return True
