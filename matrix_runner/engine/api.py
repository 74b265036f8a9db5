"""The contract of an engine: what a cell needs of the place it runs in.

Requests and results are values. Nothing that comes back is trusted: output is raw bytes, streams are untrusted tar.
The contract suite in tests/engine/ says in code what these docstrings say in words, for every engine alike.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Protocol

from matrix_runner.config.create_args.container_arguments import ContainerArguments
from matrix_runner.model.platforms import Arch

OnOutput = Callable[[bytes], None]
"""Receives what a command prints, standard output and error in order, cut anywhere."""


class Ending(Enum):
    """How a command came to its end."""

    EXITED = "exited"
    """It ended by itself; only then is there an exit status."""
    TIMED_OUT = "timed out"
    """It ran longer than `ExecRequest.timeout` and was killed."""
    WENT_SILENT = "went silent"
    """It printed nothing for `ExecRequest.silence` and was killed."""
    OUT_OF_MEMORY = "out of memory"
    """The kernel killed it, or one of its children, for memory."""
    LOST = "lost"
    """The container, the daemon or the connection went away. The end of a stream is never success."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExecRequest:
    """A command. It gets no standard input (end of file at once), so one that reads it ends and does not hang.

    `env` is added to the container's own environment (never replaces it: the image's PATH and LD_LIBRARY_PATH hold
    its compiler). `cwd` must exist; None is the container's own. `timeout`, `silence`: seconds, None for no limit.
    """

    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = ()
    cwd: str | None = None
    timeout: float | None = None
    silence: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ExecResult:
    """How a command ended. `status` is its exit status (128+N for signal N) and is set only for `EXITED`."""

    ending: Ending
    status: int | None
    seconds: float

    @property
    def is_success(self) -> bool:
        """Whether the command itself said, by status 0, that all is well."""
        return self.ending is Ending.EXITED and self.status == 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Volume:
    """A directory that outlives containers: made on first use, mounted for reading and writing, shared by all.

    `name`: a plain file name, unique for the engine. `target`: where it appears, an absolute path below
    `Container.root`. `labels`: what it is given when it is made. `of_run`: it is this run's only; the engine removes
    it when it is closed, and a later `sweep` removes what a dead run left. Others stay, and `Engine.kept` lists them.
    """

    name: str
    target: str
    labels: tuple[tuple[str, str], ...] = ()
    of_run: bool = False


class PersistentKind(Enum):
    """What an engine keeps from run to run."""

    IMAGE = "image"
    VOLUME = "volume"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, kw_only=True, slots=True)
class PersistentItem:
    """Something that an engine keeps for later runs of the same owner.

    `size`: bytes it takes up beyond what it was made from; None if the engine cannot say. `created`, `used`: Unix
    time; `used` is when it was last opened, as far as this machine knows.
    """

    kind: PersistentKind
    name: str
    labels: tuple[tuple[str, str], ...]
    size: int | None
    created: float
    used: float


@dataclass(frozen=True, kw_only=True, slots=True)
class ContainerSpec:
    """What to open: an image that the engine has (see `Engine.resolve`), and how its commands run.

    `arch` decides whether everything in it runs under `linux32`. `env`: for every command. `name`: what a person
    should read in `docker ps`; the engine makes it unique. `memory` in bytes. `arguments`: what else the user wishes
    of the container; `memory` outranks theirs, and an engine without containers does nothing about them. `volumes`
    are no part of a snapshot.
    """

    image: str
    arch: Arch
    name: str
    env: tuple[tuple[str, str], ...] = ()
    memory: int | None = None
    arguments: ContainerArguments = field(default_factory=ContainerArguments)
    volumes: tuple[Volume, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ResolvedImage:
    """An image that is there. `id`: digest of its content; `reference`: the name asked for; `size` in bytes."""

    reference: str
    id: str
    size: int = 0
    digests: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineInfo:
    """What answered: for the report and for `runner doctor`. `machine` is the engine's own `uname -m`.

    `memory`: bytes that all its containers have together, None if it does not say.
    """

    name: str
    version: str
    machine: str
    endpoint: str
    memory: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageMetadata:
    """What a new image is given.

    `name`: `repository:tag`, or None for an image of this run only, which the engine removes when it is closed (and
    whose leftovers a later `sweep` removes). One with a name stays; `replaces`: what had the name before goes.
    `is_kept`: with a name; it is there to be found by later runs, and `Engine.kept` lists it.
    """

    name: str | None
    labels: tuple[tuple[str, str], ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    entrypoint: tuple[str, ...] | None = None
    replaces: bool = False
    is_kept: bool = False


class Container(Protocol):
    """An open place in the manylinux layout: `{root}/opt/python/<python tag>-<abi tag>/bin/python` are its Pythons.

    Commands run in it one at a time, from one thread; `kill` may come from any other.
    """

    @property
    def root(self) -> str:
        """Absolute path of the directory, inside, that is this cell's alone: "" in a container, all of which is."""
        ...

    @property
    def is_disposable(self) -> bool:
        """Whether its interpreters are this cell's alone too, so that installing into them harms nobody."""
        ...

    def exec(self, request: ExecRequest, on_output: OnOutput) -> ExecResult:
        """Run a command and wait for its end. Never raises for what the command or the engine did to it."""
        ...

    def put(self, directory: str, archive: Iterable[bytes]) -> None:
        """Unpack a tar stream in a directory, which is made if need be. Raise EngineError."""
        ...

    def get(self, path: str) -> AbstractContextManager[Iterator[bytes]]:
        """Stream the file or directory at `path` out as tar: untrusted. Raise EngineError, also while reading."""
        ...

    def snapshot(self, metadata: ImageMetadata) -> str:
        """Keep the container's present state as an image, usable by `open`; return its id. Raise EngineError."""
        ...

    def kill(self) -> None:
        """Remove it now, with every process in it. Idempotent, from any thread; a running `exec` ends as LOST."""
        ...


class Engine(Protocol):
    """A place where containers, or what stands for them, can be opened. Thread-safe."""

    @property
    def name(self) -> str:
        """`docker`, `podman`, `local` or `fake`."""
        ...

    @property
    def owner(self) -> str:
        """Whose things these are: two owners never see what the other keeps. Raise OutputError."""
        ...

    def check(self) -> EngineInfo:
        """Say what answers, within five seconds. Raise EngineError with a hint that fits the cause."""
        ...

    def resolve(self, reference: str, arch: Arch, on_notice: Callable[[str], None]) -> ResolvedImage:
        """Return the image, fetching it if it is not there (`on_notice` is told). Raise ImageError."""
        ...

    def find(self, reference: str) -> ResolvedImage | None:
        """Return the image if it is there; nothing is fetched. Raise EngineError."""
        ...

    def open(self, spec: ContainerSpec) -> AbstractContextManager[Container]:
        """Start a container; leaving the context removes it, whatever happened. Raise EngineError, ImageError."""
        ...

    def sweep(self) -> tuple[str, ...]:
        """Remove what runs of ours that are dead left behind; return what a user should know was removed."""
        ...

    def abort(self) -> None:
        """Kill every open container and refuse to open more: the answer to Ctrl-C. Idempotent, any thread."""
        ...

    def kept_image(self, name: str) -> ResolvedImage | None:
        """Return an image that a run of this owner kept under the name, and note its use. Raise EngineError."""
        ...

    def kept(self, *, sized: bool = True) -> tuple[PersistentItem, ...]:
        """Return all that this owner's runs keep here; `sized`: with sizes, which take time. Raise EngineError."""
        ...

    def discard(self, kept: PersistentItem) -> None:
        """Remove something kept; it may be gone already. Raise EngineError for what is in use."""
        ...

    def close(self) -> None:
        """Remove this run's snapshots and volumes, and release connections. Idempotent."""
        ...


class ImageStore(Protocol):
    """What making images needs of an engine, besides opening containers."""

    def import_root(self, archive: Path, arch: Arch, metadata: ImageMetadata) -> str:
        """Make an image of a tar file that holds a root filesystem; return its id. Raise EngineError."""
        ...

    def images(self, label: str) -> tuple[ResolvedImage, ...]:
        """Return the images that carry the label (a key), with names, ids and all labels. Raise EngineError."""
        ...

    def remove_image(self, reference: str) -> None:
        """Remove an image; one that is not there is no error. Raise EngineError."""
        ...
