"""The Docker engine's interface to a daemon, in values of our own; `sdk.sdk_engine.SdkDaemon` implements it.

Every method of `Daemon` raises EngineError, ImageError or MachineError and nothing else.
"""

import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import msgspec

from matrix_runner.config.create_args.container_arguments import ContainerArguments
from matrix_runner.engine.api import EngineInfo, ResolvedImage, Volume
from matrix_runner.engine.docker.pull_progress import PullLine


class StoredImage(msgspec.Struct, frozen=True, kw_only=True):
    """An image in the daemon's store, with the command and entry point to preserve in a snapshot of it."""

    image: ResolvedImage
    command: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()


class Creation(msgspec.Struct, frozen=True, kw_only=True):
    """A container to create; removed as soon as it stops, its input closed when the first attached client disconnects.

    `memory`: limit in bytes, without swap; it outranks the one in `arguments`.
    """

    image: str
    name: str
    argv: tuple[str, ...]
    labels: tuple[tuple[str, str], ...]
    memory: int | None
    arguments: ContainerArguments
    volumes: tuple[Volume, ...] = ()


class ImageConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The configuration of a new image.

    `name`: `repository:tag`, or None. `labels`, `env`: added to the existing ones. `entrypoint`, `command`: replace the
    existing ones.
    """

    name: str | None
    labels: tuple[tuple[str, str], ...]
    env: tuple[tuple[str, str], ...]
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]


class Leftover(msgspec.Struct, frozen=True, kw_only=True):
    """A container of ours, running or not. `run`, `owner`: from its labels, empty without them."""

    id: str
    run: str
    owner: str


class StoredVolume(msgspec.Struct, frozen=True, kw_only=True):
    """A volume in the daemon's store. `size`: in bytes, None if it was not queried or is unknown."""

    name: str
    labels: tuple[tuple[str, str], ...]
    size: int | None = None


class Daemon(Protocol):
    """One connection to a daemon, for one thread at a time."""

    def info(self) -> EngineInfo:
        """Query the daemon's description."""
        ...

    def image(self, reference: str) -> StoredImage | None:
        """Return an image of the daemon's store, None if it is missing."""
        ...

    def pull(self, reference: str, platform: str | None) -> Iterator[PullLine]:
        """Fetch an image, yielding occasional lines of progress. Raise EngineError with the daemon's own message."""
        ...

    def create(self, creation: Creation) -> str:
        """Create a container; return its id."""
        ...

    def attach(self, container: str) -> socket.socket:
        """Return the raw stream of a container's input and output, multiplexed."""
        ...

    def start(self, container: str) -> None:
        """Start a container."""
        ...

    def run_beside(self, container: str, argv: tuple[str, ...]) -> None:
        """Start a further command in a running container, without waiting for its end."""
        ...

    def remove(self, container: str) -> None:
        """Kill and remove a container; return after its removal. A missing one is no error."""
        ...

    def put(self, container: str, directory: str, archive: Iterable[bytes]) -> None:
        """Unpack a tar stream in an existing directory of a container."""
        ...

    def get(self, container: str, path: str) -> AbstractContextManager[Iterator[bytes]]:
        """Stream a file or a directory of a container out as tar."""
        ...

    def ran_out_of_memory(self, container: str, since: float) -> bool:
        """Return whether the kernel has killed a process of the container for lack of memory. `since`: Unix time."""
        ...

    def commit(self, container: str, config: ImageConfig) -> str:
        """Make an image of a container; return its id."""
        ...

    def import_root(self, archive: Path, config: ImageConfig) -> str:
        """Make an image of a tar file; return its id."""
        ...

    def images(self, label: str) -> tuple[ResolvedImage, ...]:
        """Return the images with that label (`key` or `key=value`), one for each name."""
        ...

    def containers(self, label: str) -> tuple[Leftover, ...]:
        """Return the containers with that label, running or not."""
        ...

    def remove_image(self, reference: str, *, force: bool) -> None:
        """Remove an image; a missing one is no error. `force`: with all names, waiting for its containers' removal."""
        ...

    def top_layer(self, reference: str) -> int:
        """Return the size in bytes of an image's last layer."""
        ...

    def make_volume(self, volume: Volume) -> None:
        """Create a volume unless it exists; the labels of an existing one do not change."""
        ...

    def volumes(self, label: str, *, sized: bool) -> tuple[StoredVolume, ...]:
        """Return the volumes with that label (`key` or `key=value`); determining their sizes takes time."""
        ...

    def remove_volume(self, name: str) -> None:
        """Remove a volume; a missing one is no error. Raise EngineError for one that is in use."""
        ...

    def close(self) -> None:
        """Release the connection."""
        ...


Connect = Callable[[int | None], Daemon]
"""Creates a connection; its argument is a limit in seconds for every answer, None for the default."""
