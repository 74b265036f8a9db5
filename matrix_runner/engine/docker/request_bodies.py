"""Request bodies for Docker's API, and readers of its answers. No SDK, no connection."""

import json
import re
from datetime import datetime
from typing import Final

import msgspec

from matrix_runner.engine.api import EngineInfo, Volume
from matrix_runner.engine.docker.daemon import Creation, ImageConfig, Leftover, StoredVolume
from matrix_runner.engine.docker.endpoint import Endpoint, Product
from matrix_runner.engine.docker.host_config import host_config
from matrix_runner.engine.leasing.leases import LABEL_OWNER, LABEL_RUN
from matrix_runner.json_values import decode

_FIRST_PLAIN_PODMAN: Final = 5
"""The first Podman that reads a commit's body and takes Docker's quoting (measured: 5.4.2, 5.8.6; not 4.3.1)."""


class Dialect(msgspec.Struct, frozen=True, kw_only=True):
    """The product that answers, and what its version decides.

    `is_old_podman`: of a version that ignores the body of a commit.
    """

    product: Product
    is_old_podman: bool


class _Part(msgspec.Struct, rename="pascal"):
    name: str = ""


class _Version(msgspec.Struct, rename="pascal"):
    version: str
    components: tuple[_Part, ...] | None = None


class _Info(msgspec.Struct, rename="pascal"):
    architecture: str
    mem_total: int = 0
    processors: int = msgspec.field(name="NCPU", default=0)
    docker_root_dir: str = ""
    system_time: str = ""
    driver_status: tuple[tuple[str, str], ...] | None = None
    containerd: dict[str, object] | None = None

    @property
    def storage(self) -> str:
        """The directory of images: of containerd's own service, if images are in its store, else the daemon's."""
        is_containerd = any(value.startswith("io.containerd.") for _, value in self.driver_status or ())
        service = str((self.containerd or {}).get("Address", ""))
        # A containerd that the daemon starts keeps its files below the daemon's.
        is_service = service.removeprefix("/var") == "/run/containerd/containerd.sock"
        return "/var/lib/containerd" if is_containerd and is_service else self.docker_root_dir


class _Line(msgspec.Struct):
    status: str = ""
    error: str = ""


class _Container(msgspec.Struct, rename="pascal"):
    id: str
    labels: dict[str, str] | None = None


class _Usage(msgspec.Struct, rename="pascal"):
    size: int = -1


class _Volume(msgspec.Struct, rename="pascal"):
    name: str
    labels: dict[str, str] | None = None
    usage_data: _Usage | None = None


class _Volumes(msgspec.Struct, rename="pascal"):
    """The answer to a request for volumes, or the part of `system df` on them."""

    volumes: tuple[_Volume, ...] | None = None


def container_body(creation: Creation) -> dict[str, object]:
    """Return the body of a request for a new container.

    Without a platform: an image's metadata may be wrong about it (`docker import --platform linux/386` leaves amd64 on
    20.10), and 20.10 reports a mismatch as "no such image" (both measured). Without a log: output is streamed. Our own
    requirements come last and outrank the user's arguments.
    """
    arguments = creation.arguments
    host = host_config(arguments)
    if creation.memory is not None:
        host |= {"Memory": creation.memory, "MemorySwap": creation.memory}
    if creation.volumes:
        given = host.get("Mounts")
        host["Mounts"] = [*(given if isinstance(given, list) else ()), *map(_volume_mount, creation.volumes)]
    host |= {"AutoRemove": True, "LogConfig": {"Type": "none"}}
    return {
        "Hostname": arguments.hostname,
        "Volumes": {target: {} for target in arguments.anonymous_volumes},
        "Image": creation.image,
        "Entrypoint": list(creation.argv),
        "OpenStdin": True,
        "StdinOnce": True,
        "AttachStdin": True,
        "AttachStdout": True,
        "AttachStderr": True,
        "Labels": {**dict(arguments.labels), **dict(creation.labels)},
        "HostConfig": host,
    }


def image_body(config: ImageConfig) -> dict[str, object]:
    """Return the configuration for a commit. Omitted keys retain the container's value."""
    return {
        "Labels": dict(config.labels),
        "Env": [f"{name}={value}" for name, value in config.env],
        # Never null: that would mean the container's own entry point, which is our PID 1.
        "Entrypoint": list(config.entrypoint),
        "Cmd": list(config.command),
    }


def image_changes(config: ImageConfig, dialect: Dialect) -> list[str]:
    """Return an image's configuration as Dockerfile instructions, the only form that an import understands.

    `dialect`: the product that determines the quoting: Podman's quotes have no escapes (4.3, 5.4 and 5.8).
    """
    quoted = _quoted if dialect.product is Product.DOCKER else _in_quotes
    changes = [f"ENV {name}={quoted(value)}" for name, value in config.env]
    changes += [f"LABEL {quoted(name)}={quoted(value)}" for name, value in config.labels]
    if config.entrypoint:
        changes.append(f"ENTRYPOINT {json.dumps(config.entrypoint)}")
    if config.command:
        changes.append(f"CMD {json.dumps(config.command)}")
    return changes


def image_id(text: str) -> str:
    """Return an image's id with its algorithm, which Podman omits but then requires in a name (4.3.1)."""
    return text if text.startswith("sha256:") or len(text) != 64 else f"sha256:{text}"


def imported_image(answer: str) -> tuple[str, str]:
    """Parse the stream of an import: the image's id and "", or any text and the error, which has its own line.

    Raise ValueError.
    """
    lines = [decode(line, _Line) for line in answer.split("\n") if line.strip()]
    return lines[-1].status, next((line.error for line in lines if line.error), "")


def engine_info(version: object, info: object, endpoint: Endpoint, asked: float) -> EngineInfo:
    """Parse the engine's description. Podman is recognised by a component, even at an address configured for Docker.

    `asked`: Unix time of the question, by our clock. Raise ValueError.
    """
    about, system = msgspec.convert(version, _Version), msgspec.convert(info, _Info)
    return EngineInfo(
        name=endpoint.product.value,
        version=f"{'Podman ' if is_podman(version) and endpoint.product is not Product.PODMAN else ''}{about.version}",
        machine=system.architecture,
        endpoint=endpoint.url,
        memory=system.mem_total or None,
        processors=system.processors or None,
        storage=system.storage or None,
        clock_ahead=None if (clock := _unix_time(system.system_time)) is None else clock - asked,
    )


def _unix_time(text: str) -> float | None:
    """Parse a time with nanoseconds (RFC 3339), which `datetime` does not; None for anything else."""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)", text)
    if found is None:
        return None
    whole = datetime.fromisoformat(found[1] + found[3].replace("Z", "+00:00")).timestamp()
    return whole + float(found[2] or 0)


def dialect_of(version: object) -> Dialect:
    """Return the dialect of whoever answers a version request. Raise ValueError."""
    if not is_podman(version):
        return Dialect(product=Product.DOCKER, is_old_podman=False)
    major = msgspec.convert(version, _Version).version.partition(".")[0]
    is_old = major.isdigit() and int(major) < _FIRST_PLAIN_PODMAN
    return Dialect(product=Product.PODMAN, is_old_podman=is_old)


def is_podman(version: object) -> bool:
    """Return whether the answer to a version request is Podman's. Raise ValueError."""
    about = msgspec.convert(version, _Version)
    return any("podman" in part.name.lower() for part in about.components or ())


def listed_containers(rows: object) -> tuple[Leftover, ...]:
    """Parse a list of containers. Raise ValueError."""
    return tuple(
        Leftover(id=row.id, run=(row.labels or {}).get(LABEL_RUN, ""), owner=(row.labels or {}).get(LABEL_OWNER, ""))
        for row in msgspec.convert(rows, tuple[_Container, ...])
    )


def listed_volumes(answer: object) -> tuple[StoredVolume, ...]:
    """Parse a list of volumes, with sizes if there are any. Raise ValueError."""
    return tuple(
        StoredVolume(
            name=row.name,
            labels=tuple(sorted((row.labels or {}).items())),
            size=None if row.usage_data is None or row.usage_data.size < 0 else row.usage_data.size,
        )
        for row in msgspec.convert(answer, _Volumes).volumes or ()
    )


def _volume_mount(volume: Volume) -> dict[str, object]:
    return {
        "Type": "volume",
        "Source": volume.name,
        "Target": volume.target,
        "ReadOnly": volume.is_read_only,
        # Somebody may remove the volume after its creation: then Docker creates it again here, and it must not lack its
        # labels. Without NoCopy an empty volume takes the owner and mode of the image's directory once more with each
        # container, also while another one uses it (measured, Docker 20.10.24 and 28.5.2).
        "VolumeOptions": {"Labels": dict(volume.labels), "NoCopy": True},
    }


def _quoted(value: str) -> str:
    """Quote for a Dockerfile instruction, in which `$` would start a variable."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$") + '"'


def _in_quotes(value: str) -> str:
    """Quote for Podman, which removes one pair of quotes and interprets nothing inside (measured, 4.3.1)."""
    return f'"{value}"'
