"""Exceptions that stop a run and their exit codes: one class per exit code, all below `RunnerError`.

    RunnerError
    ├── UsageError          2   the command line or the configuration is wrong
    │   └── ConfigError     2   … with every mistake found, one line each
    ├── NothingSelected     3   the selection leaves no cell
    ├── MachineError        4   engine, registry, disk: the machine, not the project
    │   ├── EngineError     4
    │   │   ├── EngineNotReady 4   an address names an engine that does not answer yet
    │   │   └── ImageError  4   an image is missing, unreachable, or not what its name says
    │   └── OutputError     4   the output directory or the disk
    ├── WheelConflict       1   the output directory has another wheel, or sdist, of that name
    └── WheelRejected       5   a wheel, or the sdist, is not what was promised

A *failed cell* is not an exception but data (`model.outcomes.Outcome`), and stops nothing. An exception stops the
command, or gives a cell's outcome a typed cause.

The message says what, where and why; `hint` is the user's next step.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of the process. Documented for users in docs/reference/exit-codes.md."""

    OK = 0
    CELL_FAILED = 1
    USAGE = 2
    NOTHING_SELECTED = 3
    ENVIRONMENT = 4
    WHEEL_REJECTED = 5
    INTERRUPTED = 130
    TERMINATED = 143


class RunnerError(Exception):
    """Root of all exceptions raised on purpose; shown to the user without a traceback."""

    exit_code = ExitCode.CELL_FAILED

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        """`message`: what, where and why. `hint`: the user's next step, a sentence."""
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:
        """Travel between processes as it is, whatever its class asks for when it is made."""
        return _restored, (type(self), self.args, self.__dict__)


def _restored(kind: type[RunnerError], args: tuple[object, ...], state: dict[str, object]) -> RunnerError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class UsageError(RunnerError):
    """The command line is invalid or contradictory."""

    exit_code = ExitCode.USAGE


class ConfigError(UsageError):
    """The configuration has mistakes; carries all of them, one line each."""

    def __init__(self, mistakes: tuple[str, ...], *, hint: str | None = None) -> None:
        """`mistakes`: complete lines with file, key path, expected and actual value."""
        super().__init__("\n".join(mistakes), hint=hint)
        self.mistakes = mistakes


class NothingSelected(RunnerError):
    """The selection leaves no cell to run."""

    exit_code = ExitCode.NOTHING_SELECTED


class MachineError(RunnerError):
    """The engine, the registry, the network or the disk failed; the project is not at fault."""

    exit_code = ExitCode.ENVIRONMENT


class EngineError(MachineError):
    """A container engine does not answer, or refuses a request."""


class EngineNotReady(EngineError):
    """No engine answers at its address, but one may do so later: it starts, or has too much to do.

    `is_busy`: it accepts connections.
    """

    def __init__(self, message: str, *, hint: str | None = None, is_busy: bool) -> None:
        """As the others."""
        super().__init__(message, hint=hint)
        self.is_busy = is_busy


class ImageError(EngineError):
    """An image is missing, cannot be pulled, or does not match its name."""


class WrongImage(ImageError):
    """An image holds programs of another architecture than its cells need."""


class OutputError(MachineError):
    """The output directory cannot be used, or the disk is full."""


class WheelConflict(RunnerError):
    """The output directory has a different wheel or sdist of the same name, from an earlier run; it is left alone."""

    exit_code = ExitCode.CELL_FAILED


class WheelRejected(RunnerError):
    """A wheel differs from its cell's promise, or an sdist is none; it is not published."""

    exit_code = ExitCode.WHEEL_REJECTED
