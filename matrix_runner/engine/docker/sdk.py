"""The only module that speaks to the Docker SDK: it wraps one client, and translates every one of its exceptions."""

import contextlib
import http
import http.client
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import docker
import docker.errors
import docker.tls
import requests
import urllib3.exceptions
from docker.utils import parse_repository_tag

from matrix_runner.engine.api import EngineInfo, ResolvedImage, Volume
from matrix_runner.engine.archives import Outgoing, whole_archive
from matrix_runner.engine.docker.daemon import Creation, ImageConfig, Leftover, StoredImage, StoredVolume
from matrix_runner.engine.docker.daemon_errors import refused, unreachable
from matrix_runner.engine.docker.docker_engine import DaemonEngine
from matrix_runner.engine.docker.endpoint import Endpoint, Product, resolve_endpoint
from matrix_runner.engine.docker.request_bodies import (
    container_body,
    engine_info,
    image_body,
    image_changes,
    image_id,
    imported_image,
    is_podman,
    listed_containers,
    listed_images,
    listed_volumes,
    stored_image,
    top_layer_size,
)
from matrix_runner.errors import EngineError, ImageError, MachineError

_TIMEOUT: Final = 60
"""Seconds without a byte from the daemon. Also what ends a pull from a registry that stalls."""
_GOING_SECONDS: Final = 10
"""Seconds for a container to be gone, that somebody else removes as well."""
_LONG: Final = 900
"""Seconds for answers that come after much work: unpacking, committing, importing."""


class DockerEngine(DaemonEngine):
    """Containers of a Docker daemon, or of Podman's socket, which speaks the same."""

    def __init__(
        self, *, run: str, environ: Mapping[str, str], state_dir: Path, endpoint: Endpoint | None = None
    ) -> None:
        """Ask nothing of the daemon yet. Raise EngineError.

        `run`: the run's id, unique; a plain file name. `state_dir`: where living runs hold their locks. `endpoint`:
        which daemon; None: the Docker daemon that `environ` means.
        """
        endpoint, agreed = endpoint or resolve_endpoint(environ), _Agreed()
        super().__init__(
            run=run,
            environ=environ,
            state_dir=state_dir,
            connect=lambda seconds: SdkDaemon(endpoint, timeout=seconds or _TIMEOUT, agreed=agreed),
            product=endpoint.product,
        )


class _Client(docker.APIClient):
    """The SDK's client, but no request without a time limit: it asks for none on pull and import."""

    def request(self, method: str | bytes, url: str | bytes, *args: object, **kwargs: object) -> requests.Response:
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = self.timeout
        return super().request(method, url, *args, **kwargs)  # type: ignore[arg-type]


class _Agreed:
    """The version of the API that the first connection found to suit; else each would ask for it once more."""

    version: str | None = None


class SdkDaemon:
    """`daemon.Daemon` by the SDK. The client is made at the first request, as making one asks for the version."""

    def __init__(self, endpoint: Endpoint, *, timeout: int = _TIMEOUT, agreed: _Agreed | None = None) -> None:
        self._endpoint = endpoint
        self._agreed = agreed or _Agreed()
        self._timeout = timeout
        self._cached: _Client | None = None

    def _client(self, timeout: int | None = None) -> _Client:
        if self._cached is None:
            self._knock()
            tls = self._endpoint.tls
            self._cached = _Client(
                base_url=self._endpoint.url,
                version=self._agreed.version or "auto",
                timeout=self._timeout,
                tls=False
                if tls is None
                else docker.tls.TLSConfig(
                    client_cert=(str(tls.cert), str(tls.key)) if tls.cert and tls.key else None,
                    ca_cert=str(tls.ca) if tls.ca else None,
                    verify=tls.verify,
                ),
            )
            self._agreed.version = self._cached.api_version
        self._cached.timeout = timeout or self._timeout
        return self._cached

    def _knock(self) -> None:
        """Raise what the operating system says of the socket: the SDK leaks one for each connection that fails."""
        path = self._endpoint.socket_path
        if path is not None:
            with socket.socket(socket.AF_UNIX) as knock:
                knock.settimeout(min(5, self._timeout))
                knock.connect(str(path))

    def close(self) -> None:
        """Release the connection."""
        if self._cached is not None:
            self._cached.close()

    def info(self) -> EngineInfo:
        """Ask who it is."""
        with self._translated("be asked for its version"):
            client = self._client()
            client.ping()
            version, info = client.version(), client.info()
            return engine_info(version, info, self._endpoint)

    def image(self, reference: str) -> StoredImage | None:
        """Return an image of its store, None if it is not there."""
        with contextlib.suppress(_NotThere), self._translated(f"look for the image {reference}"):
            return stored_image(reference, self._client().inspect_image(reference))  # type: ignore[no-untyped-call]
        return None

    def pull(self, reference: str, platform: str | None) -> Iterator[str]:
        """Fetch an image, yielding a line of progress now and then. Raise EngineError with the daemon's own words."""
        repository, tag = parse_repository_tag(reference)
        with self._translated(f"fetch {reference}"):
            for line in self._client().pull(
                repository, tag=tag or "latest", platform=platform, stream=True, decode=True
            ):
                if "error" in line:
                    raise docker.errors.APIError(str(line["error"]), explanation=str(line["error"]))
                yield f"{line.get('id', '')} {line.get('status', '')} {line.get('progress', '')}".strip()

    def create(self, creation: Creation) -> str:
        """Make a container; return its id."""
        try:
            with self._translated(f"create a container of {creation.image}"):
                made = self._client().create_container_from_config(  # type: ignore[no-untyped-call]
                    container_body(creation), name=creation.name
                )
                return str(made["Id"])
        except _NotThere as error:
            raise ImageError(error.message, hint="Something removed the image meanwhile; run again.") from error

    def attach(self, container: str) -> socket.socket:
        """Return the raw stream of a container's input and output, multiplexed."""
        params = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
        with self._translated("attach to a container"):
            raw = self._client().attach_socket(container, params=params)
            if isinstance(raw, socket.socket):
                return raw
            # Over unix and plain TCP the SDK gives a file-like wrapper, whose socket the response may close when it is
            # collected: take a descriptor of our own.
            inner: socket.socket = raw._sock  # noqa: SLF001 - the only way to it
            try:
                return inner.dup()
            finally:
                raw.close()
                inner.close()

    def start(self, container: str) -> None:
        """Start it."""
        with self._translated("start a container"):
            self._client().start(container)

    def run_beside(self, container: str, argv: tuple[str, ...]) -> None:
        """Start a further command in it, without waiting for it."""
        with self._translated("run a command in a container"):
            client = self._client()
            client.exec_start(client.exec_create(container, list(argv))["Id"], detach=True)

    def remove(self, container: str) -> None:
        """Kill and remove it, and return when it is gone.

        The daemon may be removing it already, as it stopped: then it refuses, Docker with 409, Podman by the state that
        it finds, and is asked again.
        """
        with self._translated("remove a container"), contextlib.suppress(docker.errors.NotFound):
            _insist(lambda last: self._is_gone(container, last=last), _GOING_SECONDS, pause=0.02)

    def _is_gone(self, container: str, *, last: bool) -> bool:
        """Try to remove a container; return False if it is going and this is not the last try.

        One that is going longer than that is left to the daemon, and to the sweep of a later run.
        """
        try:
            self._client().remove_container(container, force=True, v=True)
        except docker.errors.NotFound:
            raise
        except docker.errors.APIError as error:
            is_going = error.status_code == http.HTTPStatus.CONFLICT or "state improper" in str(error)
            if not is_going:
                raise
            return last
        return True

    def put(self, container: str, directory: str, archive: Iterable[bytes]) -> None:
        """Unpack a tar stream in a directory that exists. What the stream itself raises comes through as it is."""
        outgoing = Outgoing(archive)
        try:
            with self._translated(f"copy into {directory}"):
                self._client(_LONG).put_archive(container, directory, outgoing.pieces())
        except EngineError:
            if outgoing.error is not None:
                raise outgoing.error from None
            raise

    @contextlib.contextmanager
    def get(self, container: str, path: str) -> Iterator[Iterator[bytes]]:
        """Stream a path out as tar."""
        with self._translated(f"copy {path} out"):
            client = self._client()
            url = f"{client.base_url}/v{client.api_version}/containers/{container}/archive"
            answer = client.get(url, params={"path": path}, stream=True, headers={"Accept-Encoding": "identity"})
        # Not translated from here on: what the reader raises is not the engine's.
        with answer:
            if answer.status_code != http.client.OK:
                raise EngineError(f"{path} cannot be copied out: {_message(answer)}")
            yield self._pieces(answer, path)

    def _pieces(self, answer: requests.Response, path: str) -> Iterator[bytes]:
        with self._translated(f"copy {path} out"):
            yield from whole_archive(answer.iter_content(256 * 1024), path)

    def ran_out_of_memory(self, container: str, since: float) -> bool:
        """Tell whether it reported that the kernel killed something in the container for memory."""
        with self._translated("be asked for events"):
            events = self._client().events(
                since=int(since), until=int(time.time()) + 1, filters={"container": container, "event": "oom"}
            )
            with contextlib.closing(events):
                return any(True for _ in events)

    def commit(self, container: str, config: ImageConfig) -> str:
        """Make an image of a container; return its id."""
        repository, tag = parse_repository_tag(config.name) if config.name else (None, None)
        with self._translated("keep a container as an image"):
            client = self._client(_LONG)
            # Podman 4.3 reads no body here (measured), only instructions, whose quoting differs from Docker's.
            changes = image_changes(config, dialect) if (dialect := self._dialect()) is Product.PODMAN else None
            made = client.commit(container, repository=repository, tag=tag, changes=changes, conf=image_body(config))
            return image_id(str(made["Id"]))

    def _dialect(self) -> Product:
        """Return what answers, whatever the user took it for: DOCKER_HOST may well name Podman's socket."""
        return Product.PODMAN if is_podman(self._client().version()) else Product.DOCKER

    def import_root(self, archive: Path, config: ImageConfig) -> str:
        """Make an image of a tar file; return its id."""
        repository, tag = parse_repository_tag(config.name) if config.name else (None, None)
        with self._translated(f"import {archive.name}"):
            dialect, client = self._dialect(), self._client(_LONG)
            # Podman ignores the tag here and would give it to nobody but `latest` (measured, 4.3.1).
            tags_itself = dialect is Product.DOCKER
            answer = client.import_image(
                str(archive),
                repository=repository if tags_itself else None,
                tag=tag if tags_itself else None,
                changes=image_changes(config, dialect),
            )
            identity, error = imported_image(str(answer))
            if repository and not tags_itself and not error:
                client.tag(image_id(identity), repository, tag)
        if error:
            raise self._refused(f"import {archive.name}", error)
        return image_id(identity)

    def images(self, label: str) -> tuple[ResolvedImage, ...]:
        """Return the images with that label, one for each name."""
        with self._translated("list images"):
            return listed_images(self._client().images(filters={"label": label}), self._dialect())

    def containers(self, label: str) -> tuple[Leftover, ...]:
        """Return the containers with that label, running or not."""
        with self._translated("list containers"):
            return listed_containers(self._client().containers(all=True, filters={"label": label}))

    def remove_image(self, reference: str, *, force: bool) -> None:
        """Remove an image; one that is not there is no error. `force`: wait a little for containers that are going."""
        seconds = _GOING_SECONDS if force else 0
        with contextlib.suppress(_NotThere), self._translated(f"remove the image {reference}"):
            _insist(lambda last: self._is_removed(reference, force=force, last=last), seconds, pause=0.2)

    def _is_removed(self, reference: str, *, force: bool, last: bool) -> bool:
        """Try to remove an image; return False if a container uses it that may be going and this is not the last try.

        One that was killed a moment ago counts as running until its files are gone.
        """
        try:
            self._client(_LONG).remove_image(reference, force=force)
        except docker.errors.APIError as error:
            if last or error.status_code != http.HTTPStatus.CONFLICT:
                raise
            return False
        return True

    def top_layer(self, reference: str) -> int:
        """Return the bytes that an image's last layer adds to what it was made from."""
        with self._translated(f"look into the image {reference}"):
            return top_layer_size(self._client().history(reference))  # type: ignore[no-untyped-call]

    def make_volume(self, volume: Volume) -> None:
        """See that a volume is there; one that is keeps its labels."""
        with self._translated(f"make the volume {volume.name}"):
            self._client().create_volume(volume.name, labels=dict(volume.labels))

    def volumes(self, label: str, *, sized: bool) -> tuple[StoredVolume, ...]:
        """Return the volumes with that label; their sizes take time, and are unknown where they cannot be had."""
        with self._translated("list volumes"):
            found = listed_volumes(self._client().volumes(filters={"label": label}))
            if not sized or not found:
                return found
            sizes: dict[str, int | None] = {}
            _insist(lambda last: self._is_measured(sizes) or last, _GOING_SECONDS, pause=0.02)
            return tuple(replace(each, size=sizes.get(each.name)) for each in found)

    def _is_measured(self, sizes: dict[str, int | None]) -> bool:
        """Try to fill in the size of each volume; return False if the engine stumbled.

        Podman looks at every container for it, and fails over one that goes meanwhile (4.3.1: every other time while
        three clients make and remove some).
        """
        try:
            sizes.update((each.name, each.size) for each in listed_volumes(self._client(_LONG).df()))
        except docker.errors.APIError as error:
            if not error.is_server_error():
                raise
            return False
        return True

    def remove_volume(self, name: str) -> None:
        """Remove a volume; one that is not there is no error."""
        with contextlib.suppress(_NotThere), self._translated(f"remove the volume {name}"):
            self._client(_LONG).remove_volume(name)

    @contextlib.contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        try:
            yield
        except docker.errors.NotFound as error:
            raise _NotThere(f"the engine could not {what}: {error.explanation}") from error
        except docker.errors.APIError as error:
            raise self._refused(what, str(error.explanation or error)) from error
        except (
            docker.errors.DockerException,
            requests.RequestException,
            urllib3.exceptions.HTTPError,
            http.client.HTTPException,
            OSError,
        ) as error:
            raise unreachable(self._endpoint, error) from error
        except (LookupError, TypeError, ValueError) as error:
            raise EngineError(f"the engine could not {what}: its answer makes no sense ({error!r})") from error

    def _refused(self, what: str, text: str) -> MachineError:
        root = "its data root"
        if "no space left" in text.lower():
            with contextlib.suppress(Exception):
                root = str(self._client().info()["DockerRootDir"])
        return refused(what, text, root)


class _NotThere(EngineError):
    """The container or image that was asked for is not there."""


def _insist(attempt: Callable[[bool], bool], seconds: float, *, pause: float) -> None:
    """Try again and again until it worked or the time is over; `attempt` is told whether it is the last."""
    deadline = time.monotonic() + seconds
    while not attempt(time.monotonic() >= deadline):
        time.sleep(pause)


def _message(answer: requests.Response) -> str:
    try:
        return str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {answer.status_code}"
