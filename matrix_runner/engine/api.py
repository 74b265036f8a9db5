"""The contract of an engine: values, and the protocols `Container`, `Engine` and `ImageStore`.

An engine opens containers, or directories that stand for them, in which cells run. Requests and results are values.
Nothing that a container returns is trusted: output is raw bytes, files are an untrusted tar stream.
tests/engine/test_contract.py holds every engine to these docstrings.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from enum import Enum
from pathlib import Path
from typing import Final, Protocol

import msgspec

from matrix_runner.config.create_args.container_arguments import ContainerArguments
from matrix_runner.engine.hearing import Hearing
from matrix_runner.engine.terminal_command import TerminalCommand
from matrix_runner.model.platforms import Arch

SHORT_COMMAND_SECONDS: Final = 600
"""The limit of our own short commands in containers, against hanging; emulated Python can need a minute to start."""
ANSWER_SECONDS: Final = 60
"""Seconds in which an engine at work must answer. A daemon that commits large images can need many."""

OnOutput = Callable[[bytes], None]
"""Receives a command's standard output and standard error in the order of printing, cut at any byte."""


class Ending(Enum):
    """The way in which a command ended."""

    EXITED = "exited"
    """The command ended by itself; only then does it have an exit status."""
    TIMED_OUT = "timed out"
    """The command ran longer than `ExecRequest.timeout` and was killed."""
    WENT_SILENT = "went silent"
    """The command printed nothing for `ExecRequest.silence` and was killed."""
    OUT_OF_MEMORY = "out of memory"
    """The kernel killed the command, or one of its children, for lack of memory."""
    LOST = "lost"
    """The container, the daemon or the connection has disappeared. The end of a stream alone is never a success."""


class ExecRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A command to run in a container. It has no standard input, but the end of a file: none hangs in a prompt.

    `env`: variables added to the container's own, which stay: the image's PATH and LD_LIBRARY_PATH lead to its
    compiler. `cwd`: an existing directory; None for the container's own. `timeout`, `silence`: limits in seconds for
    the whole command and for a time without output; None for no limit.
    """

    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = ()
    cwd: str | None = None
    timeout: float | None = None
    silence: float | None = None


class ExecResult(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a command. `status`: its exit status (128+N for signal N), set only for `EXITED`."""

    ending: Ending
    status: int | None
    seconds: float

    @property
    def is_success(self) -> bool:
        """Whether the command ended by itself with status 0."""
        return self.ending is Ending.EXITED and self.status == 0


class Volume(msgspec.Struct, frozen=True, kw_only=True):
    """A directory that outlives containers. It is created on first use, and mounted read-write in several at once.

    `name`: a plain file name, unique in the engine. `target`: the mount point, an absolute path below `Container.root`.
    `labels`: of a new volume. `is_read_only`: in this container. `is_run_only`: it belongs to one run; `Engine.close`
    removes it, or `Engine.sweep` after the run's death. Any other persists, and `Engine.persistent_items` lists it.
    """

    name: str
    target: str
    labels: tuple[tuple[str, str], ...] = ()
    is_run_only: bool = False
    is_read_only: bool = False


class PersistentKind(Enum):
    """The kinds of `PersistentItem`."""

    IMAGE = "image"
    VOLUME = "volume"

    def __str__(self) -> str:
        return self.value


class PersistentItem(msgspec.Struct, frozen=True, kw_only=True):
    """A persistent image or volume: an engine stores it for later runs of the same owner.

    `size`: bytes beyond those of the image from which it was made; None if the engine does not know. `created`, `used`:
    Unix time; `used` is the time of the last opening, as far as this machine knows.
    """

    kind: PersistentKind
    name: str
    labels: tuple[tuple[str, str], ...]
    size: int | None
    created: float
    used: float


class ContainerSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A container to open.

    `image`: name or id of an image that the engine has, see `Engine.resolve`. `arch`: architecture of the commands;
    32-bit ones run under `linux32` on a 64-bit machine. `name`: shown in `docker ps`; the engine makes it unique.
    `project`: identity of the project whose cell it is; a container that is a directory has the same path for it in
    every run. `env`: variables of every command. `memory`: limit in bytes, None for no limit; it outranks the one in
    `arguments`. `arguments`: the user's `create-args`; an engine without containers ignores them. `volumes`: mounted
    in the container, and no part of a snapshot of it.
    """

    image: str
    arch: Arch
    name: str
    project: str = ""
    env: tuple[tuple[str, str], ...] = ()
    memory: int | None = None
    arguments: ContainerArguments = msgspec.field(default_factory=ContainerArguments)
    volumes: tuple[Volume, ...] = ()


class ResolvedImage(msgspec.Struct, frozen=True, kw_only=True):
    """An image in the engine's store. `reference`: its name as it was asked for. `id`: digest of its content.

    `size`: in bytes. `digests`: names in registries, `repository@sha256:...`. `layers`: their digests; not in a list.
    """

    reference: str
    id: str
    size: int = 0
    digests: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()


class EngineInfo(msgspec.Struct, frozen=True, kw_only=True):
    """An engine's description of itself. `machine`: the `uname -m` of its machine; `processors`: how many it has.

    `memory`: bytes for all containers together. `storage`: the directory there for images and volumes. `clock_ahead`:
    seconds of its clock before ours. Each None if unknown.
    """

    name: str
    version: str
    machine: str
    endpoint: str
    memory: int | None = None
    storage: str | None = None
    clock_ahead: float | None = None
    processors: int | None = None


class ImageMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """Name and configuration of a new image.

    `name`: `repository:tag`, for an image that remains; None for one that belongs to the run: `Engine.close` removes
    it, or `Engine.sweep` after the death of the run. `env`, `entrypoint`: written into the image. `replaces`: the
    previous image of that name is removed. `is_persistent`: later runs may find the image by its name
    (`Engine.find_persistent_image`), and `Engine.persistent_items` lists it; only with a name.
    """

    name: str | None
    labels: tuple[tuple[str, str], ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    entrypoint: tuple[str, ...] | None = None
    replaces: bool = False
    is_persistent: bool = False


class Container(Protocol):
    """An open container in the manylinux layout: its Pythons are `{root}/opt/python/<python>-<abi>/bin/python`.

    One thread runs commands in it, one after another; `kill` may come from any other thread.
    """

    @property
    def root(self) -> str:
        """Absolute path, inside, of the directory that belongs to this cell alone; "" if the whole container does."""
        ...

    @property
    def is_disposable(self) -> bool:
        """Whether the interpreters belong to this cell alone, so that installing into them harms nobody."""
        ...

    def exec(self, request: ExecRequest, on_output: OnOutput) -> ExecResult:
        """Run a command and wait for its end. A failure of the command or of the engine is a result, no exception."""
        ...

    def at_terminal(self, request: ExecRequest) -> TerminalCommand:
        """Return what a person's terminal must start for a command in here, without its limits. Raise EngineError."""
        ...

    def put(self, directory: str, archive: Iterable[bytes]) -> None:
        """Unpack a tar stream into a directory, which is made if it is missing. Raise EngineError."""
        ...

    def get(self, path: str) -> AbstractContextManager[Iterator[bytes]]:
        """Stream a file or a directory out as tar, which is untrusted. Raise EngineError, also while reading."""
        ...

    def snapshot(self, metadata: ImageMetadata) -> str:
        """Make an image of the container's present state; return its id, for `open`. Raise EngineError."""
        ...

    def kill(self) -> None:
        """Remove the container and every process in it now; a running `exec` ends as LOST. Idempotent, any thread."""
        ...


class Engine(Protocol):
    """An opener of containers, or of directories that stand for them. Thread-safe."""

    @property
    def name(self) -> str:
        """`docker`, `podman`, `local` or `fake`."""
        ...

    @property
    def owner(self) -> str:
        """Identity of the owner of this engine's items; owners do not see each other's items. Raise OutputError."""
        ...

    def check(self, seconds: int = ANSWER_SECONDS) -> EngineInfo:
        """Query the engine's description. `seconds`: limit for each answer.

        Raise EngineError with a hint for the cause; EngineNotReady if the engine may answer later.
        """
        ...

    def resolve(self, reference: str, arch: Arch, hearing: Hearing) -> ResolvedImage:
        """Return an image; if it is missing, tell `hearing`, and fetch it. Raise EngineError, ImageError."""
        ...

    def find(self, reference: str) -> ResolvedImage | None:
        """Return an image of the store, None if it is missing; fetches nothing. Raise EngineError."""
        ...

    def open(self, spec: ContainerSpec) -> AbstractContextManager[Container]:
        """Start a container, and remove it when the context is left. Raise EngineError, ImageError."""
        ...

    def sweep(self) -> tuple[str, ...]:
        """Remove the leftovers of this owner's dead runs; return a line for the user on each. Raise EngineError."""
        ...

    def abort(self) -> None:
        """Kill every open container and open no more, as on Ctrl-C. Idempotent, any thread."""
        ...

    def find_persistent_image(self, name: str) -> ResolvedImage | None:
        """Return this owner's persistent image of the name, or None; record its use. Raise EngineError."""
        ...

    def persistent_items(self, *, sized: bool = True) -> tuple[PersistentItem, ...]:
        """Return this owner's persistent images and volumes.

        `sized`: with their sizes, which take time. Raise EngineError.
        """
        ...

    def remove_persistent(self, item: PersistentItem) -> None:
        """Remove an image or a volume; a missing one is no error. Raise EngineError for one that is in use."""
        ...

    def close(self) -> None:
        """Remove this run's snapshots and volumes, and release connections. Idempotent. Raise EngineError."""
        ...


class ImageStore(Protocol):
    """The store of an engine's images, for `runner image`."""

    def import_root(self, archive: Path, arch: Arch, metadata: ImageMetadata) -> str:
        """Make an image of a tar file with a root filesystem; return its id. Raise EngineError."""
        ...

    def images(self, label: str) -> tuple[ResolvedImage, ...]:
        """Return the images that carry the label (a key), each name of an image apart. Raise EngineError."""
        ...

    def remove_image(self, reference: str) -> None:
        """Remove an image; a missing one is no error. Raise EngineError."""
        ...


class ImageEngine(Engine, ImageStore, Protocol):
    """An engine in which images can be made: one with containers."""
