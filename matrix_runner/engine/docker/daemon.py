"""What the Docker engine needs of a daemon, in values of our own: one connection, for one thread at a time.

Every method raises EngineError, ImageError or MachineError and nothing else.
"""

import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from matrix_runner.config.create_args.container_arguments import ContainerArguments
from matrix_runner.engine.api import EngineInfo, ResolvedImage, Volume


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredImage:
    """An image in the daemon's store: what the contract tells of it, and what a snapshot of it must keep."""

    image: ResolvedImage
    command: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Creation:
    """A container to make: removed as soon as it stops, its input closed as soon as the first attached client goes.

    `memory`: bytes, without swap; it outranks what `arguments` say of memory.
    """

    image: str
    name: str
    argv: tuple[str, ...]
    labels: tuple[tuple[str, str], ...]
    memory: int | None
    arguments: ContainerArguments
    volumes: tuple[Volume, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageConfig:
    """What an image is given. Labels and variables are added to those it has; None leaves its command as it is."""

    name: str | None
    labels: tuple[tuple[str, str], ...]
    env: tuple[tuple[str, str], ...]
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Leftover:
    """A container of ours. `run` is empty when its label says nothing."""

    id: str
    run: str
    owner: str


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredVolume:
    """A volume in the daemon's store. `size` in bytes, None if it was not asked for or is not known."""

    name: str
    labels: tuple[tuple[str, str], ...]
    size: int | None = None


class Daemon(Protocol):
    """One connection to a daemon."""

    def info(self) -> EngineInfo:
        """Ask who it is."""
        ...

    def image(self, reference: str) -> StoredImage | None:
        """Return an image of its store, None if it is not there."""
        ...

    def pull(self, reference: str, platform: str | None) -> Iterator[str]:
        """Fetch an image, yielding a line of progress now and then. Raise EngineError with the daemon's own words."""
        ...

    def create(self, creation: Creation) -> str:
        """Make a container; return its id."""
        ...

    def attach(self, container: str) -> socket.socket:
        """Return the raw stream of a container's input and output, multiplexed."""
        ...

    def start(self, container: str) -> None:
        """Start it."""
        ...

    def run_beside(self, container: str, argv: tuple[str, ...]) -> None:
        """Start a further command in it, without waiting for it."""
        ...

    def remove(self, container: str) -> None:
        """Kill and remove it, and return when it is gone. One that is not there is no error."""
        ...

    def put(self, container: str, directory: str, archive: Iterable[bytes]) -> None:
        """Unpack a tar stream in a directory that exists."""
        ...

    def get(self, container: str, path: str) -> AbstractContextManager[Iterator[bytes]]:
        """Stream a path out as tar."""
        ...

    def ran_out_of_memory(self, container: str, since: float) -> bool:
        """Tell whether it reported that the kernel killed something in the container for memory. `since`: Unix time."""
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
        """Remove an image; one that is not there is no error."""
        ...

    def top_layer(self, reference: str) -> int:
        """Return the bytes that an image's last layer adds to what it was made from."""
        ...

    def make_volume(self, volume: Volume) -> None:
        """See that a volume is there; one that is keeps its labels."""
        ...

    def volumes(self, label: str, *, sized: bool) -> tuple[StoredVolume, ...]:
        """Return the volumes with that label (`key` or `key=value`); their sizes take time."""
        ...

    def remove_volume(self, name: str) -> None:
        """Remove a volume; one that is not there is no error."""
        ...

    def close(self) -> None:
        """Release the connection."""
        ...


Connect = Callable[[int | None], Daemon]
"""Makes a connection; its argument is a limit in seconds for every answer, None for the usual one."""
