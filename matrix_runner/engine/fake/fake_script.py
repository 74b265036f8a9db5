"""Scripts and faults of the fake engine: the results of commands, and the errors of everything else."""

from collections.abc import Callable

import msgspec

from matrix_runner.engine.api import ContainerSpec, Ending, ExecRequest
from matrix_runner.engine.fake.fake_files import Files
from matrix_runner.errors import EngineError, ImageError, MachineError


class FakeCall(msgspec.Struct, frozen=True, kw_only=True):
    """The input of a script: request, whole environment, the container's files (read-only)."""

    request: ExecRequest
    spec: ContainerSpec
    env: tuple[tuple[str, str], ...]
    files: Files


class FakeResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a scripted command: it prints `output`, writes `files` (path, content), and exits with `status`.

    `seconds`: its duration. `silence`: its longest time without output, in seconds. `hangs`: it never ends by itself.
    `ending`: replaces its own end; LOST removes the container too.
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
    """Return immediate success without output, for every command."""
    return FakeResult()


def table(rows: tuple[tuple[tuple[str, ...], FakeResult], ...], otherwise: Script = succeed) -> Script:
    """Return a script made of rows, each a prefix of an argv with the result of such commands; the first match wins."""

    def script(call: FakeCall) -> FakeResult:
        argv = call.request.argv
        return next((result for prefix, result in rows if argv[: len(prefix)] == prefix), None) or otherwise(call)

    return script


class FakeFaults(msgspec.Struct, frozen=True, kw_only=True):
    """Functions called before each operation of an engine; they return the error to raise, or None."""

    on_check: Callable[[], EngineError | None] = lambda: None
    on_resolve: Callable[[str], ImageError | None] = lambda _: None
    on_open: Callable[[ContainerSpec], MachineError | None] = lambda _: None
    on_put: Callable[[ContainerSpec, str], EngineError | None] = lambda _, __: None
    on_get: Callable[[ContainerSpec, str], EngineError | None] = lambda _, __: None
    on_snapshot: Callable[[ContainerSpec], EngineError | None] = lambda _: None


def raise_fault(error: MachineError | None) -> None:
    """Raise the error of a fault, unless it is None."""
    if error is not None:
        raise error
