"""GitHub's cache service as sccache speaks to it, played on this machine: version 2, and a store of blobs behind it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

SERVICE = "/twirp/github.actions.results.api.v1.CacheService/"


@dataclass(kw_only=True, slots=True)
class PlayedCache:
    """The service. `token`: the one that it accepts. `address`: its URL."""

    token: str
    address: str = ""
    blobs: dict[str, bytes] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    refused: int = 0


def fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield number and content of a protobuf message's strings; numbers are passed over."""
    at = 0
    while at < len(message):
        tag, at = message[at], at + 1
        number, at = _varint(message, at)
        if tag & 7 == 2:
            yield tag >> 3, message[at : at + number]
            at += number


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte, at = data[at], at + 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def answer(*texts: str) -> bytes:
    """Make a message: true in field 1, then strings from field 2 on."""
    message = b"\x08\x01"
    for number, text in enumerate(texts, 2):
        data = text.encode()
        length = bytes((len(data),)) if len(data) < 128 else bytes((len(data) & 127 | 128, len(data) >> 7))
        message += bytes((number << 3 | 2,)) + length + data
    return message


@contextmanager
def played_cache(token: str) -> Iterator[PlayedCache]:
    """Give the service, on a port of this machine, whichever network of it a container is in."""

    class Handler(_Handler):
        cache = PlayedCache(token=token)

    with ThreadingHTTPServer(("", 0), Handler) as server:
        Handler.cache.address = f"http://{_own_address()}:{server.server_port}/"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield Handler.cache
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    cache: ClassVar[PlayedCache]
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answer the service's calls."""
        cache, body = self.cache, self._body()
        if self.headers.get("Authorization") != f"Bearer {cache.token}":
            cache.refused += 1
            return self._reply(401, b"")
        call = self.path.removeprefix(SERVICE)
        cache.calls.append(call)
        key = dict(fields(body)).get(2, b"").decode()
        match call:
            case "GetCacheEntryDownloadURL" if key not in cache.blobs:
                return self._reply(200, b"")
            case "GetCacheEntryDownloadURL" | "CreateCacheEntry":
                return self._reply(200, answer(f"{cache.address}blob/{key}?sig=x", *((key,) if call[0] == "G" else ())))
            case _:
                return self._reply(200, answer())

    def do_PUT(self) -> None:
        """Keep a blob, or a part of one; the list of its parts, which sccache sends last, makes nothing new."""
        body = self._body()
        if "comp=blocklist" not in self.path:
            self.cache.blobs[self._key] = self.cache.blobs.get(self._key, b"") + body
        self._reply(201, b"")

    def do_GET(self) -> None:
        """Return a blob."""
        found = self.cache.blobs.get(self._key)
        self._reply(404 if found is None else 200, found or b"")

    @property
    def _key(self) -> str:
        return self.path.partition("?")[0].removeprefix("/blob/")

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _reply(self, status: int, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/protobuf")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
        """Say nothing."""


def _own_address() -> str:
    """Return the address by which this machine would reach others; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.connect(("192.0.2.1", 9))
        return str(one.getsockname()[0])
