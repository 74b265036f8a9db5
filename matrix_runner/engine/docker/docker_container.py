"""A container of a daemon: commands over its lifeline, archives, snapshot, removal."""

import contextlib
import itertools
import secrets
import threading
import time
from collections.abc import Iterable, Iterator

import msgspec
from msgspec.structs import replace

from matrix_runner.engine.api import (
    SHORT_COMMAND_SECONDS,
    Ending,
    ExecRequest,
    ExecResult,
    ImageMetadata,
    OnOutput,
)
from matrix_runner.engine.docker.command_channel import CommandChannel
from matrix_runner.engine.docker.daemon import Daemon, ImageConfig, StoredImage
from matrix_runner.engine.docker.terminal_access import terminal_command
from matrix_runner.engine.docker.worker_shell import signal_argv
from matrix_runner.engine.leasing.leases import (
    LABEL_CELL,
    LABEL_CREATED,
    LABEL_OWNER,
    LABEL_PERSISTENT,
    LABEL_RUN,
    LABEL_SNAPSHOT,
)
from matrix_runner.engine.terminal_command import TerminalCommand
from matrix_runner.errors import EngineError, MachineError

_SMALL = 4 * 1024 * 1024
"""Maximum size in bytes of an archive sent over the lifeline.

The lifeline starts faster; the engine's own way is faster for many bytes.
"""


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """A container's id, names and labels. `env`: variables of every command. `prefix`: words before every command.

    `snapshot_labels`: labels of images that belong to this run. `persistent_labels`: labels of persistent images.
    """

    id: str
    name: str
    image: StoredImage
    env: tuple[tuple[str, str], ...]
    prefix: tuple[str, ...]
    snapshot_labels: tuple[tuple[str, str], ...]
    persistent_labels: tuple[tuple[str, str], ...]


def container_name(cell: str) -> str:
    """Return a new name for a cell's container, with the characters that Docker allows."""
    plain = "".join(char if char.isascii() and (char.isalnum() or char in "_.-") else "-" for char in cell)
    return f"matrix-runner-{plain}-{secrets.token_hex(4)}"


class DockerContainer:
    """`api.Container`. `daemon` is for the thread that runs its commands, `spare` for `kill` from any other."""

    def __init__(self, identity: Identity, daemon: Daemon, spare: Daemon) -> None:
        """Take over a container that is created but not started, and both connections."""
        self.id = identity.id
        self._identity = identity
        self._daemon = daemon
        self._spare = spare
        self._conversation: CommandChannel | None = None
        self._began = time.time()
        self._kill_guard = threading.Lock()
        self._is_condemned = False
        self._is_gone = False

    @property
    def root(self) -> str:
        """Always empty: the whole container belongs to the cell."""
        return ""

    @property
    def is_disposable(self) -> bool:
        """Always true: the interpreters belong to the cell alone."""
        return True

    def launch(self, timeout: float) -> None:
        """Attach, then start: in this order, so that the container never runs without its lifeline.

        Raise EngineError if its shell does not answer within `timeout` seconds.
        """
        conversation = CommandChannel(self._daemon.attach(self.id), self._signal)
        with self._kill_guard:
            self._conversation = conversation
            if self._is_condemned:
                conversation.hang_up()
        self._daemon.start(self.id)
        if not conversation.start(timeout):
            said = f": {conversation.first_words}" if conversation.first_words else ""
            raise EngineError(
                f"the container {self._identity.name} was started, but its shell does not answer{said}",
                hint="The image needs /bin/sh, cat, env and setsid; the machine may be out of memory or overloaded.",
            )

    def exec(self, request: ExecRequest, on_output: OnOutput) -> ExecResult:
        """Run a command and wait for its end."""
        if self._conversation is None:
            return ExecResult(ending=Ending.LOST, status=None, seconds=0.0)
        result = self._conversation.run(request, dict((*self._identity.env, *request.env)), on_output)
        if result.ending is Ending.LOST and not self._is_condemned and self._ran_out_of_memory():
            return ExecResult(ending=Ending.OUT_OF_MEMORY, status=None, seconds=result.seconds)
        return result

    def at_terminal(self, request: ExecRequest) -> TerminalCommand:
        """Return the command line of the engine's own program."""
        env = dict((*self._identity.env, *request.env))
        argv = (*self._identity.prefix, *request.argv)
        return terminal_command(self._daemon.info(), self.id, replace(request, argv=argv, env=tuple(env.items())))

    def put(self, directory: str, archive: Iterable[bytes]) -> None:
        """Unpack a tar stream in a directory, which is created if necessary."""
        pieces = iter(archive)
        begin = _up_to(_SMALL, pieces)
        if len(begin) <= _SMALL and self._conversation is not None and self._conversation.unpack(directory, begin):
            return
        result = self.exec(
            ExecRequest(argv=("mkdir", "-p", "--", directory), cwd="/", timeout=SHORT_COMMAND_SECONDS), _ignore
        )
        if not result.is_success:
            raise EngineError(
                f"the directory {directory} cannot be made in {self._identity.name}: {result.ending.value}"
            )
        self._daemon.put(self.id, directory, itertools.chain((begin,), pieces))

    def get(self, path: str) -> contextlib.AbstractContextManager[Iterator[bytes]]:
        """Stream a path out as tar."""
        archive = self._packed(path)
        return self._daemon.get(self.id, path) if archive is None else contextlib.nullcontext(iter((archive,)))

    def snapshot(self, metadata: ImageMetadata) -> str:
        """Save the present state as an image with the command of its base image instead of our PID 1."""
        # A container's labels pass to its image, which these would mark as a leftover, or as persistent.
        labels = {LABEL_RUN: "", LABEL_OWNER: "", LABEL_CELL: "", LABEL_PERSISTENT: "", **dict(metadata.labels)}
        if metadata.name is None:
            labels |= dict(self._identity.snapshot_labels)
        else:
            labels[LABEL_SNAPSHOT] = ""
        if metadata.is_persistent:
            labels |= {**dict(self._identity.persistent_labels), LABEL_CREATED: str(int(time.time()))}
        config = ImageConfig(
            name=metadata.name,
            labels=tuple(labels.items()),
            env=metadata.env,
            entrypoint=self._identity.image.entrypoint if metadata.entrypoint is None else metadata.entrypoint,
            command=self._identity.image.command,
        )
        former = self._daemon.image(metadata.name) if metadata.name is not None and metadata.replaces else None
        identity = self._daemon.commit(self.id, config)
        if former is not None and former.image.id != identity:
            # Nameless now, and of some hundred megabytes. An image in use stays.
            with contextlib.suppress(EngineError):
                self._daemon.remove_image(former.image.id, force=False)
        return identity

    def hang_up(self) -> None:
        """End the lifeline, from any thread: takes no time; the daemon then removes the container."""
        with self._kill_guard:
            self._is_condemned = True
            if self._conversation is not None:
                self._conversation.hang_up()

    def kill(self) -> None:
        """Remove the container now, from any thread."""
        self.hang_up()
        with self._kill_guard:
            if not self._is_gone:
                self._spare.remove(self.id)
                self._is_gone = True

    def release(self) -> None:
        """Remove the container and close all connections: from its own thread, once nothing uses it any more."""
        try:
            self.kill()
        finally:
            if self._conversation is not None:
                self._conversation.close()
            self._daemon.close()
            self._spare.close()

    def _packed(self, path: str) -> bytes | None:
        """Return a path as tar, packed by a command; None if that is impossible, or the archive too large."""
        # `du` first, so that large files are not read twice; the output's size decides, as `du` does not count holes.
        script = """exec 2>/dev/null
size=$(du -sk -- "$1") && [ "${size%%[!0-9]*}" -le "$2" ] && exec tar -cf - -C "${1%/*}/" -- "${1##*/}"
"""
        argv = ("sh", "-c", script, "sh", path, str(_SMALL // 1024))
        packed, room = [], _SMALL

        def take(piece: bytes) -> None:
            nonlocal room
            room -= len(piece)
            if room >= 0:
                packed.append(piece)

        result = self.exec(ExecRequest(argv=argv, cwd="/", timeout=SHORT_COMMAND_SECONDS), take)
        return b"".join(packed) if result.is_success and room >= 0 else None

    def _signal(self, signal: str) -> None:
        with contextlib.suppress(MachineError):
            self._daemon.run_beside(self.id, signal_argv(signal))

    def _ran_out_of_memory(self) -> bool:
        """Whether the kernel killed the worker itself for lack of memory; its counter disappears with the container."""
        try:
            return self._daemon.ran_out_of_memory(self.id, self._began)
        except MachineError:
            return False


def _up_to(size: int, pieces: Iterator[bytes]) -> bytes:
    """Return all pieces, or only the first ones whose total exceeds `size` bytes."""
    taken = bytearray()
    for piece in pieces:
        taken += piece
        if len(taken) > size:
            break
    return bytes(taken)


def _ignore(_: bytes) -> None:
    pass
