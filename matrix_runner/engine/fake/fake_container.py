"""The fake engine's container: files in a dictionary, and a script for commands."""

import contextlib
import io
import posixpath
import tarfile
import threading
from collections.abc import Iterable, Iterator
from typing import Protocol

from matrix_runner.engine.api import (
    ContainerSpec,
    Ending,
    ExecRequest,
    ExecResult,
    ImageMetadata,
    OnOutput,
)
from matrix_runner.engine.fake.fake_files import Files, pack, unpack
from matrix_runner.engine.fake.fake_host import FakeHost
from matrix_runner.engine.fake.fake_script import FakeCall, FakeFaults, FakeResult, Script, raise_fault
from matrix_runner.engine.terminal_command import TerminalCommand
from matrix_runner.errors import EngineError


class FakeWorkings(Protocol):
    """The part of a fake engine that its containers use. `pace`: real seconds for each second of the script."""

    host: FakeHost
    script: Script
    faults: FakeFaults
    pace: float
    commands: list[FakeCall]

    def keep(self, files: Files, metadata: ImageMetadata) -> str:
        """Make an image of files; return its id."""
        ...


class FakeContainer:
    """`api.Container`: a dictionary of files by absolute path, and a script for commands."""

    root = ""
    is_disposable = True

    def __init__(self, engine: FakeWorkings, spec: ContainerSpec, files: Files) -> None:
        self._engine = engine
        self._spec = spec
        self._killed = threading.Event()
        self.files = files

    def at_terminal(self, request: ExecRequest) -> TerminalCommand:
        """Return a command line that prints the command."""
        return TerminalCommand(argv=("echo", *request.argv), env=request.env)

    def exec(self, request: ExecRequest, on_output: OnOutput) -> ExecResult:
        """Return the script's result for the command, after waiting if it hangs."""
        if self._killed.is_set():
            return ExecResult(ending=Ending.LOST, status=None, seconds=0.0)
        given = ((name, value) for name, value in self._spec.arguments.env if value is not None)
        env = tuple(dict((*given, *self._spec.env, *request.env)).items())
        for volume in self._spec.volumes:
            self.files.update(self._engine.host.read_volume(volume))
        call = FakeCall(request=request, spec=self._spec, env=env, files=self.files)
        self._engine.commands.append(call)
        result = self._engine.script(call)
        for piece in result.output:
            on_output(piece)
        ending, seconds = _end(request, result)
        if ending is Ending.EXITED and result.hangs:
            self._killed.wait()
        elif self._engine.pace:
            self._killed.wait(seconds * self._engine.pace)
        if self._killed.is_set() or ending is Ending.LOST:
            self.kill()
            return ExecResult(ending=Ending.LOST, status=None, seconds=seconds)
        if ending is not Ending.EXITED:
            return ExecResult(ending=ending, status=None, seconds=seconds)
        self._write(dict(result.files))
        return ExecResult(ending=ending, status=result.status, seconds=seconds)

    def put(self, directory: str, archive: Iterable[bytes]) -> None:
        """Unpack a tar stream."""
        data = io.BytesIO(b"".join(archive))
        self._check(self._engine.faults.on_put(self._spec, directory))
        try:
            self._write(unpack(directory, data))
        except tarfile.TarError as error:
            raise EngineError(f"what was put into {directory} is no tar archive: {error}") from error

    @contextlib.contextmanager
    def get(self, path: str) -> Iterator[Iterator[bytes]]:
        """Stream a file or directory out as tar."""
        self._check(self._engine.faults.on_get(self._spec, path))
        members = pack(posixpath.normpath(path), self.files)
        if members is None:
            raise EngineError(f"{path} cannot be copied out: there is no such file or directory")
        yield self._pieces(members)

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), 65536):
            self._check(None)
            yield data[start : start + 65536]

    def snapshot(self, metadata: ImageMetadata) -> str:
        """Make an image of the files."""
        self._check(self._engine.faults.on_snapshot(self._spec))
        mounted = tuple(f"{volume.target}/" for volume in self._spec.volumes)
        return self._engine.keep({n: data for n, data in self.files.items() if not n.startswith(mounted)}, metadata)

    def kill(self) -> None:
        """Remove the container now."""
        self._killed.set()

    def _write(self, files: Files) -> None:
        self.files.update(files)
        for volume in self._spec.volumes:
            self._engine.host.write_volume(volume, files)

    def _check(self, error: EngineError | None) -> None:
        if self._killed.is_set():
            raise EngineError(f"the container {self._spec.name} is gone")
        raise_fault(error)


def _end(request: ExecRequest, result: FakeResult) -> tuple[Ending, float]:
    """Return a command's ending and its seconds in the script's time; EXITED for one that hangs without any limit."""
    if result.ending is not Ending.EXITED:
        return result.ending, result.seconds
    limit = request.timeout if request.timeout is not None else float("inf")
    if request.silence is not None and request.silence < limit and (result.hangs or result.silence > request.silence):
        return Ending.WENT_SILENT, request.silence
    if request.timeout is not None and (result.hangs or result.seconds > request.timeout):
        return Ending.TIMED_OUT, request.timeout
    return Ending.EXITED, result.seconds
