"""`DockerEngine`, and `daemon.Daemon` by the Docker SDK for containers."""

import contextlib
import http
import socket
import time
from collections.abc import Iterable, Iterator

import requests

from matrix_runner.engine.api import EngineInfo
from matrix_runner.engine.container_archives import Outgoing, whole_archive
from matrix_runner.engine.docker.daemon import Creation, Leftover
from matrix_runner.engine.docker.docker_engine import DaemonEngine
from matrix_runner.engine.docker.endpoint import Endpoint, resolve_endpoint
from matrix_runner.engine.docker.request_bodies import (
    container_body,
    engine_info,
    listed_containers,
)
from matrix_runner.engine.docker.sdk.reaping_order import reaper_of
from matrix_runner.engine.docker.sdk.sdk_client import (
    TIMEOUT,
    AgreedVersion,
    ApiError,
    MissingError,
    NotFoundError,
    SdkConnection,
    insist,
    steady_answer,
)
from matrix_runner.engine.docker.sdk.sdk_store import GOING_SECONDS, LONG, SdkStore
from matrix_runner.engine.surroundings import EngineSurroundings
from matrix_runner.errors import EngineError, ImageError


class DockerEngine(DaemonEngine):
    """Containers of a Docker daemon, or of Podman's service, which offers the same API."""

    def __init__(self, *, run: str, surroundings: EngineSurroundings, endpoint: Endpoint | None = None) -> None:
        """Create the engine without a request to the daemon. Raise EngineError.

        `run`: the run's id, unique, a plain file name. `endpoint`: address of the daemon; None for the Docker daemon of
        the surroundings' variables.
        """
        endpoint, agreed = endpoint or resolve_endpoint(surroundings.environ), AgreedVersion()
        super().__init__(
            run=run,
            surroundings=surroundings,
            connect=lambda seconds: SdkDaemon(endpoint, timeout=seconds or TIMEOUT, agreed=agreed),
            product=endpoint.product,
        )
        self._leases.reaper = reaper_of(run, surroundings, endpoint)


class SdkDaemon(SdkStore):
    """`daemon.Daemon` by the SDK: one connection, for one thread at a time."""

    def __init__(self, endpoint: Endpoint, *, timeout: int = TIMEOUT, agreed: AgreedVersion | None = None) -> None:
        """Create it unconnected. `timeout`: seconds without a byte. `agreed`: shared by connections to one daemon."""
        self._endpoint = endpoint
        super().__init__(SdkConnection(endpoint, timeout=timeout, agreed=agreed or AgreedVersion()))

    def close(self) -> None:
        """Release the connection."""
        self._sdk.close()

    def info(self) -> EngineInfo:
        """Query the daemon's description."""
        with self._sdk.translated("be asked for its version"):
            client = self._sdk.client()
            client.ping()
            version, began, info, ended = client.version(), time.time(), client.info(), time.time()
            return engine_info(version, info, self._endpoint, (began + ended) / 2)

    def create(self, creation: Creation) -> str:
        """Create a container; return its id."""
        try:
            with self._sdk.translated(f"create a container of {creation.image}"):
                made = self._sdk.client().create_container_from_config(  # type: ignore[no-untyped-call]
                    container_body(creation), name=creation.name
                )
                return str(made["Id"])
        except MissingError as error:
            raise ImageError(error.message, hint="Something removed the image meanwhile; run again.") from error

    def attach(self, container: str) -> socket.socket:
        """Return the raw stream of a container's input and output, multiplexed."""
        params = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
        with self._sdk.translated("attach to a container"):
            raw = self._sdk.client().attach_socket(container, params=params)
            if isinstance(raw, socket.socket):
                # Over TLS: a file of the response would keep the connection open after its end. The response itself
                # stays, as an attribute that the SDK has set: its end would be the socket's.
                raw._response.raw._fp.fp.close()  # type: ignore[attr-defined]  # noqa: SLF001
                return raw
            # Over unix and plain TCP the SDK returns a file-like wrapper, whose socket may be closed when the response
            # is garbage-collected: take a descriptor of our own.
            inner: socket.socket = raw._sock  # noqa: SLF001 - the only access to it
            try:
                return inner.dup()
            finally:
                raw.close()
                inner.close()

    def start(self, container: str) -> None:
        """Start a container."""
        with self._sdk.translated("start a container"):
            self._sdk.client().start(container)

    def run_beside(self, container: str, argv: tuple[str, ...]) -> None:
        """Start a further command in a running container, without waiting for its end."""
        with self._sdk.translated("run a command in a container"):
            client = self._sdk.client()
            client.exec_start(client.exec_create(container, list(argv))["Id"], detach=True)

    def remove(self, container: str) -> None:
        """Kill and remove a container; return after its removal. A missing one is no error.

        The daemon may already be removing a stopped one, and refuse (Docker with 409, Podman with a message on its
        state): then the request is repeated.
        """
        with self._sdk.translated("remove a container"), contextlib.suppress(NotFoundError):
            insist(lambda last: self._is_gone(container, last=last), GOING_SECONDS, pause=0.02)

    def _is_gone(self, container: str, *, last: bool) -> bool:
        """Try to remove a container; return False if its removal is under way and this is not the last try.

        A longer removal is left to the daemon, and to the sweep of a later run.
        """
        try:
            self._sdk.client().remove_container(container, force=True, v=True)
        except NotFoundError:
            raise
        except ApiError as error:
            is_going = error.status_code == http.HTTPStatus.CONFLICT or "state improper" in str(error)
            if not is_going:
                raise
            return last
        return True

    def put(self, container: str, directory: str, archive: Iterable[bytes]) -> None:
        """Unpack a tar stream in an existing directory. Exceptions of the stream itself are raised unchanged."""
        outgoing = Outgoing(archive)
        try:
            with self._sdk.translated(f"copy into {directory}"):
                self._sdk.client(LONG).put_archive(container, directory, outgoing.pieces())
        except EngineError:
            if outgoing.error is not None:
                raise outgoing.error from None
            raise

    @contextlib.contextmanager
    def get(self, container: str, path: str) -> Iterator[Iterator[bytes]]:
        """Stream a file or a directory of a container out as tar."""
        with self._sdk.translated(f"copy {path} out"):
            client = self._sdk.client()
            url = f"{client.base_url}/v{client.api_version}/containers/{container}/archive"
            answer = client.get(url, params={"path": path}, stream=True, headers={"Accept-Encoding": "identity"})
        # Not translated from here on: the reader's exceptions are not the engine's.
        with answer:
            if answer.status_code != http.HTTPStatus.OK:
                raise EngineError(f"{path} cannot be copied out: {_message(answer)}")
            yield self._pieces(answer, path)

    def _pieces(self, answer: requests.Response, path: str) -> Iterator[bytes]:
        with self._sdk.translated(f"copy {path} out"):
            yield from whole_archive(answer.iter_content(256 * 1024), path)

    def ran_out_of_memory(self, container: str, since: float) -> bool:
        """Return whether the kernel has killed a process of the container for lack of memory. `since`: Unix time."""
        with self._sdk.translated("be asked for events"):
            events = self._sdk.client().events(
                since=int(since), until=int(time.time()) + 1, filters={"container": container, "event": "oom"}
            )
            with contextlib.closing(events):
                return any(True for _ in events)

    def containers(self, label: str) -> tuple[Leftover, ...]:
        """Return the containers with that label, running or not."""
        with self._sdk.translated("list containers"):
            client = self._sdk.client()
            return listed_containers(
                steady_answer(lambda: client.containers(all=True, filters={"label": label}), GOING_SECONDS, pause=0.05)
            )


def _message(answer: requests.Response) -> str:
    try:
        return str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {answer.status_code}"
