"""The program that asks, for `runner doctor`, package indexes and proxies from the place it runs in, here or in a cell.

An interpreter starts it as `python -I -c TEXT ORDER`, Python 3.8 or later. ORDER is a JSON object:

    seconds    the time for each answer
    bundle     a file of certificates to trust besides the system's; "" for none
    knocks     by name, the [host, port] of a proxy to connect to

It writes a JSON object: `indexes`, each that pip or uv would use by the settings in force (variables, pip's files),
with the setting's name and what came of asking; `knocks`, by name, "" or the reason why nothing is there; `free` and
`size` of the file system at `/`, in bytes. What has not answered in time counts as silent.
"""

from __future__ import annotations

import configparser
import http.client
import json
import netrc
import os
import queue
import socket
import ssl
import sys
import threading
import time
import urllib.error
import urllib.request
from base64 import b64encode
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from email.message import Message

# The project that an index is asked for: the whole list of a large index would be megabytes.
PROJECT = "pip"
SIMPLE = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"
ON = frozenset({"1", "yes", "true", "on", "y", "t"})


class BadBundleError(Exception):
    """A file of certificates cannot be read."""


class Settings:
    """pip's settings: its variables above its configuration files (its documentation, "Configuration")."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Read the files."""
        self.environ = environ
        self.values: dict[str, tuple[str, str]] = {}
        for path in self._files():
            self._read(path)
        for name, value in environ.items():
            if name.startswith("PIP_") and value:
                self.values[name[4:].lower().replace("_", "-")] = (value, name)

    def _files(self) -> Iterator[Path]:
        own = self.environ.get("PIP_CONFIG_FILE", "")
        if own == os.devnull:
            return
        home = Path(self.environ.get("HOME", "/nonexistent"))
        config = self.environ.get("XDG_CONFIG_HOME") or home / ".config"
        for system in (self.environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":"):
            yield Path(system, "pip/pip.conf")
        yield Path("/etc/pip.conf")
        yield home / ".pip/pip.conf"
        yield Path(config, "pip/pip.conf")
        yield Path(sys.prefix, "pip.conf")
        if own:
            yield Path(own)

    def _read(self, path: Path) -> None:
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read_string(path.read_text("utf-8", "replace"))
        except (OSError, configparser.Error):
            return
        for section in ("global", "install"):
            if parser.has_section(section):
                for key, value in parser.items(section):
                    self.values[key.lower().replace("_", "-")] = (value, f"{key} in {path}")

    def get(self, *names: str) -> tuple[str, str]:
        """Return the value and the origin of the first option that is set; empty without one."""
        return next((self.values[name] for name in names if name in self.values), ("", ""))

    def is_on(self, name: str) -> bool:
        """Whether a switch is on."""
        return self.get(name)[0].lower() in ON


def default_index() -> str:
    """Return the index that pip takes unless it is told otherwise; "" where there is no pip."""
    try:
        from pip._internal.models.index import PyPI
    except Exception:  # noqa: BLE001  whatever an import of another's insides may raise
        return ""
    return str(PyPI.simple_url)


class Named:
    """An index, or a place of files, that a setting names. `is_main`: not one besides others."""

    def __init__(self, url: str, origin: str, *, is_main: bool = False) -> None:
        self.url = url
        self.origin = origin
        self.is_main = is_main


def pip_indexes(settings: Settings) -> Iterator[Named]:
    """Yield each index and each place of files that pip would look in."""
    if not settings.is_on("no-index"):
        url, origin = settings.get("index-url", "pypi-url")
        yield Named(url or default_index(), origin or "pip's default", is_main=True)
        more, origin = settings.get("extra-index-url")
        yield from (Named(each, origin) for each in more.split())
    links, origin = settings.get("find-links")
    yield from (Named(each, origin) for each in links.split())


def uv_indexes(environ: Mapping[str, str]) -> Iterator[Named]:
    """Yield each index that uv is told of by variables; not its default, which is pip's."""
    if any(environ.get(name, "").lower() in ON for name in ("UV_OFFLINE", "UV_NO_INDEX")):
        return
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL"):
        for each in environ.get(name, "").split():
            # An index may have a name: `NAME=URL`.
            label, equals, url = each.partition("=")
            is_main = name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL")
            yield Named(url if equals and "/" not in label else each, name, is_main=is_main)


class Asking:
    """How indexes are asked: certificates and proxy, by pip's settings."""

    def __init__(self, settings: Settings, bundle: str, seconds: float) -> None:
        """Nothing is asked yet."""
        self.settings = settings
        self.seconds = seconds
        environ = settings.environ
        self.bundles = [bundle] if bundle else []
        named = settings.get("cert")[0] or environ.get("REQUESTS_CA_BUNDLE", "") or environ.get("CURL_CA_BUNDLE", "")
        self.bundles += [named] if named and named not in self.bundles else []

    def ask(self, url: str) -> dict[str, object]:
        """Return what came of asking for an index or a place of files."""
        began = time.time()
        try:
            found = self._ask(url)
        except urllib.error.HTTPError as error:
            with error:
                found = {"outcome": "answered", "status": error.code, **witness(error.headers)}
        except BadBundleError as error:
            found = {"outcome": "bundle", "said": str(error)}
        except (OSError, http.client.HTTPException, ValueError) as error:
            found = reason_of(error)
        return {**found, "asked": began, "answered": time.time()}

    def _ask(self, url: str) -> dict[str, object]:
        parts = urlsplit(url)
        if parts.scheme in {"", "file"}:
            path = Path(urllib.request.url2pathname(parts.path) if parts.scheme else url)
            return {"outcome": "answered" if path.exists() else "missing", "said": ""}
        login, _, place = parts.netloc.rpartition("@")
        plain = urlunsplit(parts._replace(netloc=place))
        is_index = not plain.endswith((".html", ".htm"))
        request = urllib.request.Request(f"{plain.rstrip('/')}/{PROJECT}/" if is_index else plain)  # noqa: S310  as told
        request.add_header("Accept", SIMPLE)
        request.add_header("User-Agent", "matrix-runner doctor")
        login = unquote(login) or login_of(parts.hostname or "")
        if login:
            request.add_header("Authorization", f"Basic {b64encode(login.encode()).decode()}")
        with self._opener(parts.hostname or "").open(request, timeout=self.seconds) as answer:
            return {"outcome": "answered", "status": answer.status, **witness(answer.headers)}

    def _opener(self, host: str) -> urllib.request.OpenerDirector:
        context = ssl.create_default_context()
        for bundle in self.bundles:
            trust(context, bundle)
        trusted = {each.partition(":")[0] for each in self.settings.get("trusted-host")[0].split()}
        if host in trusted:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        proxy = self.settings.get("proxy")[0]
        proxies = {"http": proxy, "https": proxy} if proxy else None
        return urllib.request.build_opener(
            urllib.request.ProxyHandler(proxies), urllib.request.HTTPSHandler(context=context)
        )


def login_of(host: str) -> str:
    """Return `user:password` for a host, of the user's .netrc, as pip does; "" without one."""
    try:
        found = netrc.netrc(os.environ.get("NETRC")).authenticators(host)
    except (OSError, netrc.NetrcParseError):
        return ""
    return f"{found[0]}:{found[2]}" if found else ""


def trust(context: ssl.SSLContext, bundle: str) -> None:
    """Trust the certificates in a file. Raise BadBundleError."""
    try:
        context.load_verify_locations(bundle)
    except OSError as error:
        raise BadBundleError(f"{bundle}: {error.strerror or error}") from error


def witness(headers: Message[str, str]) -> dict[str, object]:
    """Return the server's clock, in seconds since 1970, and how long a cache may have kept its answer."""
    try:
        clock = parsedate_to_datetime(headers.get("Date", "")).timestamp()
        return {"clock": clock, "age": float(headers.get("Age", "0"))}
    except (TypeError, ValueError, IndexError):
        return {}


def reason_of(error: Exception) -> dict[str, object]:
    """Return the outcome that an exception stands for, and its own words."""
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    said = str(getattr(cause, "strerror", None) or cause) or type(cause).__name__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return {"outcome": "certificate", "said": cause.verify_message, "code": cause.verify_code}
    if isinstance(cause, socket.gaierror):
        return {"outcome": "name", "said": said}
    if isinstance(cause, TimeoutError) or "timed out" in said:
        return {"outcome": "silent", "said": said}
    if "Tunnel connection failed: 407" in said:
        return {"outcome": "answered", "status": 407}
    return {"outcome": "failed", "said": said}


def knock(host: str, port: int, seconds: float) -> str:
    """Return "" if something listens there, else the reason why nothing does."""
    try:
        socket.create_connection((host, port), seconds).close()
    except OSError as error:
        return str(error.strerror or error) or type(error).__name__
    return ""


def perform(name: str, task: Callable[[], object], results: queue.Queue[tuple[str, object]]) -> None:
    """Put the result of a task into the queue."""
    results.put((name, task()))


def side_by_side(tasks: Mapping[str, Callable[[], object]], seconds: float) -> dict[str, object]:
    """Perform all tasks at once; return the results of those that end in time: a name's resolution has no limit."""
    results: queue.Queue[tuple[str, object]] = queue.Queue()
    for name, task in tasks.items():
        threading.Thread(target=perform, args=(name, task, results), daemon=True).start()
    found: dict[str, object] = {}
    deadline = time.monotonic() + seconds
    while len(found) < len(tasks):
        try:
            name, result = results.get(timeout=max(deadline - time.monotonic(), 0))
        except queue.Empty:
            break
        found[name] = result
    return found


def report(order: Mapping[str, object], environ: Mapping[str, str]) -> dict[str, object]:
    """Return all that is asked for."""
    seconds = float(str(order["seconds"]))
    settings = Settings(environ)
    asking = Asking(settings, str(order.get("bundle", "")), seconds)
    named = (*pip_indexes(settings), *uv_indexes(environ))
    tasks: dict[str, Callable[[], object]] = {f"index {each.url}": partial(asking.ask, each.url) for each in named}
    tasks.pop("index ", None)
    knocks = order.get("knocks")
    for name, (host, port) in knocks.items() if isinstance(knocks, dict) else ():
        tasks[f"knock {name}"] = partial(knock, host, int(port), seconds)
    found = side_by_side(tasks, seconds + 2)
    silent = {"outcome": "silent", "said": "no answer in time"}
    indexes = []
    for each in named:
        answer = found.get(f"index {each.url}", silent) if each.url else {"outcome": "unknown"}
        assert isinstance(answer, dict)  # noqa: S101  as `ask` returns it
        indexes.append({"url": each.url, "origin": each.origin, "is_main": each.is_main, **answer})
    space = os.statvfs("/")
    return {
        "indexes": indexes,
        "knocks": {name[6:]: found.get(name, silent["said"]) for name in tasks if name.startswith("knock ")},
        "free": space.f_bavail * space.f_frsize,
        "size": space.f_blocks * space.f_frsize,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(report(json.loads(sys.argv[1]), os.environ)) + "\n")
    sys.stdout.flush()
    # Threads that still wait for an answer must not be waited for.
    os._exit(0)
