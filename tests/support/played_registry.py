"""A registry that refuses, fails or stops: what the engine is told of an image by the name of its repository."""

import hashlib
import http.server
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

ANSWERS: Final = {
    "missing": (404, "MANIFEST_UNKNOWN", "manifest unknown"),
    "private": (401, "UNAUTHORIZED", "authentication required"),
    "limited": (429, "TOOMANYREQUESTS", "You have reached your pull rate limit"),
    "broken": (503, "UNAVAILABLE", "service unavailable"),
}
"""By repository: the status, and the error of the distribution API."""

STALLS: Final = "stalls"
"""The repository of an image whose only layer stops in mid-transfer."""

_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
_SIZE: Final = 10_000_000
_CONFIG: Final = json.dumps(
    {
        "architecture": "amd64",
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + "0" * 64]},
    }
).encode()


@dataclass(kw_only=True, slots=True)
class PlayedRegistry:
    """`address`: as engines know it; `asked`: the manifests that were asked for, by repository."""

    address: str
    asked: list[str] = field(default_factory=list)
    is_over: threading.Event = field(default_factory=threading.Event)

    def reference(self, repository: str) -> str:
        """Return the name of an image."""
        return f"{self.address}/{repository}:latest"


@contextmanager
def played_registry(host: str) -> Iterator[PlayedRegistry]:
    """Serve at an address of this machine until the context is left: without TLS, at the port that the rig allows."""
    server = http.server.ThreadingHTTPServer((host, 5000), _Handler)
    server.daemon_threads = True
    registry = PlayedRegistry(address=f"{host}:5000")
    _Handler.registry = registry
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield registry
    finally:
        registry.is_over.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    registry: PlayedRegistry

    def handle(self) -> None:
        """Answer requests; one for TLS as other servers do, by which containerd sees that there is none."""
        if self.connection.recv(1, socket.MSG_PEEK) == b"\x16":
            self.wfile.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            return
        super().handle()

    def do_HEAD(self) -> None:
        """Answer without a body."""
        self._answer()

    def do_GET(self) -> None:
        """Answer."""
        self._answer()

    def log_message(self, *_: object) -> None:
        """Be silent."""

    def _answer(self) -> None:
        parts = self.path.partition("?")[0].strip("/").split("/")
        if len(parts) < 4:
            self._send(200, b"{}", "application/json")
            return
        repository, kind, which = parts[1], parts[-2], parts[-1]
        if repository in ANSWERS:
            if kind == "manifests":
                self.registry.asked.append(repository)
            status, code, message = ANSWERS[repository]
            self._send(
                status, json.dumps({"errors": [{"code": code, "message": message}]}).encode(), "application/json"
            )
        elif kind == "manifests":
            self._send(200, _manifest(), _MANIFEST)
        elif which == _digest(_CONFIG):
            self._send(200, _CONFIG, "application/octet-stream")
        else:
            self.send_response(200)
            self.send_header("Content-Length", str(_SIZE))
            self.end_headers()
            self.wfile.write(bytes(_SIZE // 10))
            self.wfile.flush()
            self.registry.is_over.wait()
            self.close_connection = True

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Docker-Content-Digest", _digest(body))
        if status == http.HTTPStatus.TOO_MANY_REQUESTS:
            # Podman itself waits and asks again, without a word: for minutes, unless the registry says how long.
            self.send_header("Retry-After", "1")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _manifest() -> bytes:
    config = {
        "mediaType": "application/vnd.docker.container.image.v1+json",
        "size": len(_CONFIG),
        "digest": _digest(_CONFIG),
    }
    layer = {
        "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
        "size": _SIZE,
        "digest": "sha256:" + "1" * 64,
    }
    return json.dumps({"schemaVersion": 2, "mediaType": _MANIFEST, "config": config, "layers": [layer]}).encode()


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
