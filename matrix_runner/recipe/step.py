"""A step of a cell: its kind, phase, command and limits. Pure."""

from enum import Enum

import msgspec
from msgspec.structs import replace

from matrix_runner.config.loading.settings import Settings
from matrix_runner.config.options.option import Option
from matrix_runner.config.options.run_options import MEMORY, SILENCE_TIMEOUT, STEP_TIMEOUT
from matrix_runner.engine.api import ExecRequest
from matrix_runner.model.outcomes import StepKind


class Phase(Enum):
    """The part of a cell that a command belongs to; it decides the command's variables."""

    PREPARATION = "preparation"
    """`before-all`: shared by several cells, so no command may see the cell that runs it."""
    BUILD = "build"
    TEST = "test"
    """Adds `test-environment`."""


class StepLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The options that limit a step: its seconds, its seconds of silence, its cell's bytes of memory."""

    time: Option[int] = STEP_TIMEOUT
    silence: Option[int] = SILENCE_TIMEOUT
    memory: Option[int] = MEMORY

    def seconds(self, settings: Settings) -> float | None:
        """Return the step's time limit in seconds; None for no limit."""
        return settings[self.time] or None

    def seconds_of_silence(self, settings: Settings) -> float | None:
        """Return the limit of the step's time without output in seconds; None for no limit."""
        return settings[self.silence] or None


_USUAL = StepLimits()


def limits_of(kind: StepKind) -> StepLimits:
    """Return the options that limit steps of a kind: the same for all kinds so far."""
    del kind
    return _USUAL


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One command of a cell. `shown`: the command as the user would type it.

    `prologue`: the first words of the request's command, by which what follows gets the user's variables.
    `is_verdict`: the command judges the wheel, so that its failure rejects the wheel. `saves`: the file of variables
    that the command writes for later ones, or "". `fetches`: whether the command is one that has a network where the
    project's own code has none; `brings`: the paths of what it leaves, which that code needs.
    """

    kind: StepKind
    request: ExecRequest
    shown: str
    prologue: tuple[str, ...] = ()
    is_verdict: bool = False
    saves: str = ""
    fetches: bool = False
    brings: tuple[str, ...] = ()

    def fetching(self, *brings: str) -> "Step":
        """Return the step as one that fetches. `brings`: paths; those that do not exist do not count."""
        return replace(self, fetches=True, brings=brings)

    def instead(self, argv: tuple[str, ...]) -> ExecRequest:
        """Return the request of another command with the same variables and directory."""
        return replace(self.request, argv=(*self.prologue, *argv))

    @property
    def limits(self) -> StepLimits:
        """The options that set the request's limits, for the hint to a user whose step exceeds one."""
        return limits_of(self.kind)
