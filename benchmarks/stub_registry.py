"""A registry of images on this machine, read-only, from which each image comes at a speed of its own."""

import hashlib
import http.server
import json
import subprocess
import tarfile
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from matrix_runner.files import sha256_of

_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIG: Final = "application/vnd.docker.container.image.v1+json"
_LAYER: Final = "application/vnd.docker.image.rootfs.diff.tar"
_PIECE: Final = 64 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredImage:
    """An image of the registry. `blobs`: files by digest. `speed`: bytes a second for each blob; None: unlimited."""

    manifest: bytes
    blobs: Mapping[str, Path]
    speed: float | None

    @property
    def digest(self) -> str:
        """Of the manifest."""
        return f"sha256:{hashlib.sha256(self.manifest).hexdigest()}"


@dataclass(kw_only=True, slots=True)
class StubRegistry:
    """A registry at an address of this machine. `images`: by name; more may be added while it serves."""

    address: str
    images: dict[str, StoredImage] = field(default_factory=dict)

    def reference(self, name: str) -> str:
        """Return what Docker calls an image of it."""
        return f"{self.address}/{name}"


@contextmanager
def stub_registry() -> Iterator[StubRegistry]:
    """Serve, until the context is left. Docker speaks to 127.0.0.1 without TLS, whatever the port."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    registry = StubRegistry(address=f"127.0.0.1:{server.server_port}")
    _Handler.registry = registry
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield registry
    finally:
        server.shutdown()
        server.server_close()


def stored(image: str, place: Path, *, speed: float | None = None) -> StoredImage:
    """Return an image of the engine, saved to a directory, as a registry has it."""
    with tempfile.TemporaryFile(dir=place) as archive:
        subprocess.run(("docker", "save", image), check=True, stdout=archive)
        archive.seek(0)
        with tarfile.open(fileobj=archive) as tar:
            tar.extractall(place, filter="data")
    (listed,) = json.loads((place / "manifest.json").read_bytes())
    files = [place / listed["Config"], *(place / layer for layer in listed["Layers"])]
    parts = [(file, f"sha256:{sha256_of(file)}") for file in files]
    config, *layers = (
        {"mediaType": _CONFIG if file == files[0] else _LAYER, "size": file.stat().st_size, "digest": digest}
        for file, digest in parts
    )
    manifest = {"schemaVersion": 2, "mediaType": _MANIFEST, "config": config, "layers": layers}
    blobs = {digest: file for file, digest in parts}
    return StoredImage(manifest=json.dumps(manifest).encode(), blobs=blobs, speed=speed)


class _Handler(http.server.BaseHTTPRequestHandler):
    """The part of the distribution API that a pull needs."""

    protocol_version = "HTTP/1.1"
    registry: StubRegistry

    def do_HEAD(self) -> None:
        """Answer without a body."""
        self._answer(has_body=False)

    def do_GET(self) -> None:
        """Answer."""
        self._answer(has_body=True)

    def log_message(self, *_: object) -> None:
        """Be silent."""

    def _answer(self, *, has_body: bool) -> None:
        name, kind, which = self._asked()
        image = self.registry.images.get(name)
        if self.path.rstrip("/") == "/v2":
            self._begin(200, 0)
        elif image is not None and kind == "manifests":
            self._begin(200, len(image.manifest), ("Content-Type", _MANIFEST), ("Docker-Content-Digest", image.digest))
            if has_body:
                self.wfile.write(image.manifest)
        elif image is not None and kind == "blobs" and which in image.blobs:
            file = image.blobs[which]
            self._begin(200, file.stat().st_size, ("Docker-Content-Digest", which))
            if has_body:
                self._send(file, image.speed)
        else:
            self._begin(404, 0)

    def _asked(self) -> tuple[str, str, str]:
        parts = self.path.split("?")[0].strip("/").split("/")
        return ("", "", "") if len(parts) < 4 else ("/".join(parts[1:-2]), parts[-2], parts[-1])

    def _begin(self, status: int, length: int, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (("Content-Length", str(length)), *headers):
            self.send_header(name, value)
        self.end_headers()

    def _send(self, file: Path, speed: float | None) -> None:
        began, sent = time.monotonic(), 0
        with file.open("rb") as stream:
            while piece := stream.read(_PIECE):
                self.wfile.write(piece)
                sent += len(piece)
                if speed is not None:
                    time.sleep(max(0.0, began + sent / speed - time.monotonic()))
