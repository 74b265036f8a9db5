"""The address of the Docker or Podman daemon, from variables and Docker contexts.

The SDK silently uses the local daemon for a context that does not exist, and can read `./contexts` of the current
directory, so that a hostile project could redirect the driver to a daemon of its own (both measured, 7.2.0). The order
is that of the `docker` command: DOCKER_HOST, DOCKER_CONTEXT, the current context, the default socket.
"""

import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import replace

from matrix_runner.errors import EngineError
from matrix_runner.json_values import NotJson, decode

DEFAULT_URL: Final = "unix:///var/run/docker.sock"


class Product(Enum):
    """The product that the user has configured at an address; both offer Docker's API."""

    DOCKER = "docker"
    PODMAN = "podman"

    @property
    def title(self) -> str:
        """The product's name for display."""
        return self.value.capitalize()

    @property
    def variable(self) -> str:
        """The variable that contains the product's address."""
        return {Product.DOCKER: "DOCKER_HOST", Product.PODMAN: "CONTAINER_HOST"}[self]

    @property
    def start(self) -> str:
        """Commands that start the product's service, for hints."""
        return {
            Product.DOCKER: "`sudo systemctl start docker`",
            Product.PODMAN: "`systemctl --user start podman.socket`, or without systemd "
            "`podman system service --time=0 unix:///tmp/podman.sock &` and CONTAINER_HOST=unix:///tmp/podman.sock",
        }[self]


_TLS_FILES: Final = ("ca.pem", "cert.pem", "key.pem")
"""The names under which Docker's clients look for an authority, a certificate and its key."""

SYSTEM_PODMAN_SOCKET: Final = Path("/run/podman/podman.sock")


class Tls(msgspec.Struct, frozen=True, kw_only=True):
    """Files for a daemon that requires certificates; `verify`: whether to check its own."""

    ca: Path | None
    cert: Path | None
    key: Path | None
    verify: bool


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A daemon's address. `origin`: the source of the address, for messages. `is_default`: nobody has named it.

    `tunnel`: the `ssh://` address on another machine, if `url` is the near end of a tunnel to it; else empty.
    `is_listed`: it is that of one of several engines (`engines`), and no variable names it.
    """

    url: str
    origin: str
    tls: Tls | None = None
    product: Product = Product.DOCKER
    is_default: bool = False
    tunnel: str = ""
    is_listed: bool = False

    @property
    def words(self) -> str:
        """The address and its source, for messages."""
        return f"{self.tunnel or self.url} ({self.origin})"

    @property
    def remedy(self) -> str:
        """What to do about an address at which nothing listens, after "or"."""
        return "correct its `endpoint`" if self.is_listed else f"set {self.product.variable} to where it listens"

    @property
    def socket_path(self) -> Path | None:
        """The path of a unix socket; None for other addresses."""
        return Path(self.url.removeprefix("unix://")) if self.url.startswith("unix://") else None


class _Config(msgspec.Struct):
    current: str = msgspec.field(name="currentContext", default="")


class _Docker(msgspec.Struct):
    host: str = msgspec.field(name="Host", default="")
    skip_verify: bool = msgspec.field(name="SkipTLSVerify", default=False)


class _Endpoints(msgspec.Struct):
    docker: _Docker


class _Context(msgspec.Struct):
    endpoints: _Endpoints = msgspec.field(name="Endpoints")


def resolve_endpoint(environ: Mapping[str, str]) -> Endpoint:
    """Return the daemon of the environment and of the user's Docker configuration.

    Raise EngineError for a missing or unreadable context, and for unusable addresses.
    """
    host = environ.get("DOCKER_HOST", "")
    if host:
        return _checked(host, "DOCKER_HOST", _tls_of_environ(environ))
    directory = _config_directory(environ)
    context, origin = environ.get("DOCKER_CONTEXT", ""), "DOCKER_CONTEXT"
    if not context and directory is not None:
        context, origin = _current_context(directory / "config.json"), f"currentContext of {directory / 'config.json'}"
    if context in {"", "default"}:
        return Endpoint(url=DEFAULT_URL, origin="the default", is_default=True)
    return _of_context(context, origin, directory)


def resolve_podman_endpoint(environ: Mapping[str, str], system_socket: Path = SYSTEM_PODMAN_SOCKET) -> Endpoint:
    """Return the address of Podman's socket: CONTAINER_HOST, else the user's, else the machine's. Raise EngineError."""
    host = environ.get(Product.PODMAN.variable, "")
    if host:
        return _checked(host, Product.PODMAN.variable, None, Product.PODMAN)
    own = environ.get("XDG_RUNTIME_DIR", "")
    places = ((Path(own, "podman", "podman.sock"), "the user's own"),) if own else ()
    tried = (*places, (system_socket, "the machine's"))
    for path, origin in tried:
        # A user may have no permission even to look for the machine's socket.
        with suppress(OSError):
            if path.is_socket():
                return Endpoint(url=f"unix://{path}", origin=origin, product=Product.PODMAN)
    raise EngineError(
        f"Podman does not listen: there is no socket at {' or '.join(str(path) for path, _ in tried)}",
        hint=f"Start its service: {Product.PODMAN.start}.",
    )


def named_endpoint(url: str, origin: str, tls: str, environ: Mapping[str, str]) -> Endpoint:
    """Return the endpoint at an address of the configuration. `tls`: a directory of certificates; "": as in `environ`.

    Raise EngineError for unusable addresses, and for certificates that are not there.
    """
    if tls:
        # A shell expands it only at the beginning of a word, which it never is in a flag.
        tls = os.path.expanduser(tls)  # noqa: PTH111  Path's own raises where there is no home
        _check_certificates(Path(tls), origin)
    found = _checked(url, origin, _tls_of(Path(tls), verify=True) if tls else _tls_of_environ(environ))
    return replace(found, is_listed=True)


def _check_certificates(directory: Path, origin: str) -> None:
    """Raise EngineError for a directory without certificates. A daemon may want none of ours, and have a public one."""
    lacking = [name for name in _TLS_FILES if not (directory / name).is_file()]
    if len(lacking) == len(_TLS_FILES) or len({"cert.pem", "key.pem"} & set(lacking)) == 1:
        state = f"has no {', no '.join(lacking)}" if directory.is_dir() else "is no directory"
        raise EngineError(
            f"{origin}: {directory}, which is to have its certificates, {state}",
            hint="`tls` names the directory of ca.pem, cert.pem and key.pem, from the directory you are in.",
        )


def _config_directory(environ: Mapping[str, str]) -> Path | None:
    if environ.get("DOCKER_CONFIG"):
        return Path(environ["DOCKER_CONFIG"])
    return Path(environ["HOME"], ".docker") if environ.get("HOME") else None


def _current_context(file: Path) -> str:
    try:
        return decode(file.read_bytes(), _Config).current
    except FileNotFoundError:
        return ""
    except (OSError, NotJson) as error:
        raise EngineError(
            f"Docker's configuration {file} cannot be read: {error}",
            hint="Correct or remove the file, or set DOCKER_HOST.",
        ) from error


def _of_context(name: str, origin: str, directory: Path | None) -> Endpoint:
    # The docker command stores contexts under the SHA-256 of their names.
    digest = hashlib.sha256(name.encode()).hexdigest()
    hint = "`docker context ls` lists the contexts; DOCKER_HOST overrides them."
    if directory is None:
        raise EngineError(f"Docker context {name!r} ({origin}) is unknown: HOME is not set", hint=hint)
    try:
        data = (directory / "contexts" / "meta" / digest / "meta.json").read_bytes()
        docker = decode(data, _Context).endpoints.docker
    except FileNotFoundError:
        raise EngineError(f"Docker context {name!r} ({origin}) does not exist in {directory}", hint=hint) from None
    except (OSError, NotJson) as error:
        raise EngineError(f"Docker context {name!r} ({origin}) cannot be read: {error}", hint=hint) from error
    folder = directory / "contexts" / "tls" / digest / "docker"
    tls = _tls_of(folder, verify=not docker.skip_verify) if folder.is_dir() else None
    return _checked(docker.host or DEFAULT_URL, f"Docker context {name!r}", tls)


def _tls_of_environ(environ: Mapping[str, str]) -> Tls | None:
    verify = bool(environ.get("DOCKER_TLS_VERIFY"))
    folder = environ.get("DOCKER_CERT_PATH", "")
    if not verify and not folder:
        return None
    directory = Path(folder) if folder else _config_directory(environ)
    return _tls_of(directory, verify=verify) if directory else Tls(ca=None, cert=None, key=None, verify=verify)


def _tls_of(folder: Path, *, verify: bool) -> Tls:
    ca, cert, key = (path if path.is_file() else None for path in (folder / name for name in _TLS_FILES))
    return Tls(ca=ca, cert=cert, key=key, verify=verify)


def _checked(url: str, origin: str, tls: Tls | None, product: Product = Product.DOCKER) -> Endpoint:
    scheme = url.partition("://")[0]
    if scheme == "ssh":
        # Without a path a tunnel leads to Docker's socket.
        path = str(SYSTEM_PODMAN_SOCKET) if product is Product.PODMAN and url.rstrip("/").count("/") == 2 else ""
        raise EngineError(
            f"{origin} is {url}; a connection over ssh for each request breaks under parallel use",
            hint=f"Name it as the engine, which opens one tunnel: `--engine-endpoint {url}{path}`.",
        )
    if scheme == "npipe":
        raise EngineError(
            f"{origin} is {url}, a Windows pipe, which is not supported",
            hint="Run inside WSL 2, where Docker Desktop offers unix:///var/run/docker.sock.",
        )
    if scheme not in {"unix", "tcp", "http", "https"} or "://" not in url:
        raise EngineError(
            f"{origin} is {url!r}, which is no address that {product.title} listens at",
            hint="An address looks like unix:///var/run/docker.sock or tcp://host:2376.",
        )
    if scheme != "unix" and not _has_port(url):
        raise EngineError(
            f"{origin} is {url}, which names no host and port",
            hint="An address looks like tcp://host:2376; 2376 is Docker's port with TLS, 2375 without.",
        )
    # Certificates are for tcp only; `docker` ignores them for a unix socket too.
    return Endpoint(url=url, origin=origin, tls=None if scheme == "unix" else tls, product=product)


def _has_port(url: str) -> bool:
    """Whether an address names a host, and a port if none is usual (http, https)."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and (parts.port is not None or parts.scheme in {"http", "https"})
    except ValueError:
        return False
