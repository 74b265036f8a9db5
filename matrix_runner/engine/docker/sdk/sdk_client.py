"""The client of the Docker SDK, and the translation of its exceptions. The only importer of `docker`."""

import contextlib
import http.client
import socket
import time
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

import docker
import docker.errors
import docker.tls
import requests
import urllib3.exceptions
from docker.utils import parse_repository_tag

from matrix_runner.engine.docker.daemon_errors import refused, unreachable
from matrix_runner.engine.docker.endpoint import Endpoint
from matrix_runner.errors import EngineError, MachineError

TIMEOUT: Final = 60
"""Seconds without a byte from the daemon, also in a pull from a registry that stalls."""

ApiError = docker.errors.APIError
"""The daemon's refusal of a request, with `status_code`; for the few refusals that justify a second attempt."""
NotFoundError = docker.errors.NotFound
"""The `ApiError` for a container, an image or a volume that does not exist."""

Answer = TypeVar("Answer")


class MissingError(EngineError):
    """`NotFoundError` in translation."""


class Client(docker.APIClient):
    """The SDK's client, with a time limit and the endpoint's own authority for every request.

    The SDK sets no limit for pull and import. And it leaves the authority to the session, which requests disregards as
    soon as REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names another one (requests 2.34, psf/requests#3829).
    """

    def request(self, method: str | bytes, url: str | bytes, *args: object, **kwargs: object) -> requests.Response:
        """Send a request, with the client's time limit and authority unless it has its own."""
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = self.timeout
        if kwargs.get("verify") is None:
            kwargs["verify"] = self.verify
        return super().request(method, url, *args, **kwargs)  # type: ignore[arg-type]


class AgreedVersion:
    """The API version negotiated by the first connection, so that further ones need not request it."""

    version: str | None = None


class SdkConnection:
    """A client of the SDK, created at the first request, because its creation already requests the daemon's version.

    For one thread at a time.
    """

    def __init__(self, endpoint: Endpoint, *, timeout: int, agreed: AgreedVersion) -> None:
        """`timeout`: seconds without a byte from the daemon. `agreed`: shared by the connections to one daemon."""
        self._endpoint = endpoint
        self._agreed = agreed
        self._timeout = timeout
        self._cached: Client | None = None

    def client(self, timeout: int | None = None) -> Client:
        """Return the client. `timeout`: seconds, for its requests from now on; None for the default."""
        if self._cached is None:
            self._knock()
            tls = self._endpoint.tls
            self._cached = Client(
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
        """Raise the operating system's error for the socket: the SDK leaks a socket for each failed connection."""
        path = self._endpoint.socket_path
        if path is not None:
            with socket.socket(socket.AF_UNIX) as knock:
                knock.settimeout(min(5, self._timeout))
                knock.connect(str(path))

    def close(self) -> None:
        """Release the connection."""
        if self._cached is not None:
            self._cached.close()

    @contextlib.contextmanager
    def translated(self, what: str) -> Iterator[None]:
        """Translate every exception of the SDK into EngineError, MissingError or MachineError.

        `what`: the request, as in "the engine could not ...".
        """
        try:
            yield
        except NotFoundError as error:
            raise MissingError(f"the engine could not {what}: {error.explanation}") from error
        except ApiError as error:
            raise self.refusal(what, str(error.explanation or error)) from error
        except (
            docker.errors.DockerException,
            requests.RequestException,
            urllib3.exceptions.HTTPError,
            http.client.HTTPException,
            OSError,
        ) as error:
            raise unreachable(self._endpoint, error) from error
        except (LookupError, TypeError, ValueError) as error:
            raise EngineError(
                f"the engine could not {what}: its answer makes no sense ({error!r})",
                hint="Is it Docker or Podman that listens there? `runner doctor` says what it found.",
            ) from error

    def refusal(self, what: str, text: str) -> MachineError:
        """Return the error for a request that the daemon refused. `text`: the daemon's own message."""
        root = "its data root"
        if "no space left" in text.lower():
            with contextlib.suppress(Exception):
                root = str(self.client().info()["DockerRootDir"])
        return refused(what, text, root)


def split_name(name: str) -> tuple[str, str | None]:
    """Return the repository and the tag of an image's name, None for a missing tag."""
    return parse_repository_tag(name)


def insist(attempt: Callable[[bool], bool], seconds: float, *, pause: float) -> None:
    """Repeat an attempt until it returns True or the time is over.

    `attempt`: called with True for the last time. `seconds`: for all attempts. `pause`: seconds between two.
    """
    deadline = time.monotonic() + seconds
    while not attempt(time.monotonic() >= deadline):
        time.sleep(pause)


def steady_answer(query: Callable[[], Answer], seconds: float, *, pause: float) -> Answer:
    """Return a listing's answer, asking again while the daemon fails at a thing that is removed as it is listed.

    Docker with containerd's store has then answered 404 to a list of images (28.5, once in some hundred runs beside
    others that commit and remove some), and Podman 500 to the sizes of volumes (4.3). `seconds`: for all attempts; the
    last error is raised then. `pause`: seconds between two.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return query()
        except ApiError as error:
            fleeting = isinstance(error, NotFoundError) or error.is_server_error()
            if not fleeting or time.monotonic() >= deadline:
                raise
        time.sleep(pause)
