"""The local engine's container: a directory of this machine, and the processes started in it."""

import os
import re
import secrets
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from signal import SIGKILL

from msgspec.structs import replace

from matrix_runner.engine.api import Ending, ExecRequest, ExecResult, ImageMetadata, OnOutput
from matrix_runner.engine.local.local_archive import pack, unpack
from matrix_runner.engine.local.local_command import LocalCommand, signal_session
from matrix_runner.engine.local.local_persistent import unlabel
from matrix_runner.engine.local.local_watcher import MARK, Watcher
from matrix_runner.engine.terminal_command import TerminalCommand
from matrix_runner.errors import EngineError


class LocalContainer:
    """A directory and the processes started in it. See `engine.api.Container`."""

    is_disposable = False

    def __init__(  # noqa: PLR0913  each is one fact about the surroundings, passed in
        self,
        root: Path,
        env: Mapping[str, str],
        prefix: tuple[str, ...],
        *,
        snapshots: Path,
        named: Path,
        label: Callable[[Path, tuple[tuple[str, str], ...]], None],
    ) -> None:
        """Create it; starts nothing yet.

        `root`: the cell's directory. `env`: variables of every command. `prefix`: words before every command, such as
        `linux32`. `snapshots`: directory for unnamed copies of `root`, which belong to the run; `named`: for named
        ones, which remain. `label`: called with a named copy and its labels, to mark it as complete and persistent.
        """
        self._root = root
        mark = secrets.token_hex(8)
        self._env = {**env, MARK: mark}
        self._prefix = prefix
        self._snapshots = snapshots
        self._named = named
        self._label = label
        self._is_dead = threading.Event()
        self._watcher = Watcher(mark, root)

    @property
    def root(self) -> str:
        """The cell's directory."""
        return str(self._root)

    def exec(self, request: ExecRequest, on_output: OnOutput) -> ExecResult:
        """Run a command and wait for its end."""
        if self._is_dead.is_set():
            return ExecResult(ending=Ending.LOST, status=None, seconds=0.0)
        command = LocalCommand(
            argv=(*self._prefix, *request.argv),
            cwd=request.cwd or self.root,
            env={**self._env, **dict(request.env)},
            timeout=request.timeout,
            silence=request.silence,
        )
        try:
            result = command.run(on_output, self._watch)
        finally:
            self._watcher.watch(None)
        if self._is_dead.is_set():
            return replace(result, ending=Ending.LOST, status=None)
        return result

    def at_terminal(self, request: ExecRequest) -> TerminalCommand:
        """Return the command itself: it runs on this machine."""
        env = {"TERM": os.environ.get("TERM", "xterm"), **self._env, **dict(request.env)}
        return TerminalCommand(
            argv=(*self._prefix, *request.argv), env=tuple(env.items()), cwd=request.cwd or self.root
        )

    def _watch(self, session: int) -> None:
        # Killed between the command's start and now: `kill` did not know of this session.
        if not self._watcher.watch(session):
            self._is_dead.set()
            signal_session(session, SIGKILL)

    def put(self, directory: str, archive: Iterable[bytes]) -> None:
        """Unpack a tar stream in a directory below `root`."""
        unpack(self._inside(directory), archive)

    @contextmanager
    def get(self, path: str) -> Iterator[Iterator[bytes]]:
        """Stream a file or directory below `root` as tar."""
        source = self._inside(path)
        if not os.path.lexists(source):
            raise EngineError(f"{path} is not there")
        yield pack(source)

    def snapshot(self, metadata: ImageMetadata) -> str:
        """Copy `root`: until the engine is closed, or, under a name, until somebody removes the returned path."""
        self._refuse_if_dead()
        if metadata.name is None:
            identifier = f"local-{secrets.token_hex(8)}"
            copy_tree(self._root, self._snapshots / identifier)
            return identifier
        target = self._named / snapshot_name(metadata.name)
        if metadata.replaces:
            unlabel(target)
            remove_tree(target)
        copy_tree(self._root, target)
        if metadata.is_persistent:
            self._label(target, metadata.labels)
        return str(target)

    def kill(self) -> None:
        """Kill every process and remove the directory."""
        self.let_go()
        self._watcher.wait()

    def let_go(self) -> None:
        """Start to kill and remove, without waiting."""
        self._is_dead.set()
        self._watcher.let_go()

    def _inside(self, path: str) -> Path:
        """Return the path with its directories resolved; raise EngineError if it is not below `root`."""
        self._refuse_if_dead()
        inside = Path(path).parent.resolve() / Path(path).name
        if not inside.is_relative_to(self._root) or inside.name == "..":
            raise EngineError(f"{path} is outside of the cell's directory {self._root}")
        return inside

    def _refuse_if_dead(self) -> None:
        if self._is_dead.is_set():
            raise EngineError(f"{self._root} was removed")


def snapshot_name(identifier: str) -> str:
    """Return the directory name of a snapshot."""
    return re.sub(r"[^\w.-]", "_", identifier)


def remove_tree(directory: Path) -> None:
    """Remove a tree, including read-only directories (Go's module cache has some)."""
    with suppress(OSError):
        for path, _, _ in os.walk(directory):
            Path(path).chmod(0o700)
    shutil.rmtree(directory, ignore_errors=True)


def copy_tree(source: Path, target: Path) -> None:
    """Copy a tree with its links, times and modes. Raise EngineError."""
    target.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ("cp", "-a", f"{source}/.", str(target)), stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    if done.returncode:
        raise EngineError(f"cannot copy {source} to {target}: {done.stderr.decode(errors='replace').strip()}")
