"""What the fake engine's commands do, and what goes wrong: scripts that a test writes."""

from collections.abc import Callable
from dataclasses import dataclass

from matrix_runner.engine.api import ContainerSpec, Ending, ExecRequest
from matrix_runner.engine.fake.fake_files import Files
from matrix_runner.errors import EngineError, ImageError, MachineError


@dataclass(frozen=True, kw_only=True, slots=True)
class FakeCall:
    """What a script sees of a command: the request, its whole environment, the container's files (not to change)."""

    request: ExecRequest
    spec: ContainerSpec
    env: tuple[tuple[str, str], ...]
    files: Files


@dataclass(frozen=True, kw_only=True, slots=True)
class FakeResult:
    """What a command does: prints `output`, leaves `files` (path and content), takes `seconds`, exits with `status`.

    `silence`: the longest time without output, in seconds. `hangs`: it never ends by itself. `ending`: what befalls it
    instead of its own end; for LOST the container is gone too.
    """

    status: int = 0
    output: tuple[bytes, ...] = ()
    seconds: float = 0.0
    silence: float = 0.0
    files: tuple[tuple[str, bytes], ...] = ()
    hangs: bool = False
    ending: Ending = Ending.EXITED


Script = Callable[[FakeCall], FakeResult]


def succeed(_: FakeCall) -> FakeResult:
    """Let every command succeed at once, in silence."""
    return FakeResult()


def table(rows: tuple[tuple[tuple[str, ...], FakeResult], ...], otherwise: Script = succeed) -> Script:
    """Make a script of rows of the beginning of an argv and what such commands do; the first that fits counts."""

    def script(call: FakeCall) -> FakeResult:
        argv = call.request.argv
        return next((result for prefix, result in rows if argv[: len(prefix)] == prefix), None) or otherwise(call)

    return script


@dataclass(frozen=True, kw_only=True, slots=True)
class FakeFaults:
    """What goes wrong: each is asked and returns the error to raise, or None."""

    on_check: Callable[[], EngineError | None] = lambda: None
    on_resolve: Callable[[str], ImageError | None] = lambda _: None
    on_open: Callable[[ContainerSpec], MachineError | None] = lambda _: None
    on_put: Callable[[ContainerSpec, str], EngineError | None] = lambda _, __: None
    on_get: Callable[[ContainerSpec, str], EngineError | None] = lambda _, __: None
    on_snapshot: Callable[[ContainerSpec], EngineError | None] = lambda _: None
