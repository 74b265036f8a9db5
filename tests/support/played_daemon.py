"""A daemon played by a small server on a unix socket: it answers who it is, and has no images, containers, volumes."""

import contextlib
import http.server
import json
import re
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

_ANSWERS = {
    "/info": {"Architecture": "aarch64", "MemTotal": 1 << 30},
    "/images/json": [],
    "/containers/json": [],
    "/volumes": {"Volumes": []},
}


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    version: dict[str, object]
    oldest: str
    may_answer: threading.Event
    failures: dict[str, list[int]]


class _TcpServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    version: dict[str, object]
    oldest: str
    may_answer: threading.Event
    failures: dict[str, list[int]]


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server | _TcpServer

    def do_GET(self) -> None:
        """Answer by the path; refuse versions of the API that are older than the oldest, or newer than its own."""
        self.server.may_answer.wait()
        path = self.path.partition("?")[0]
        asked = re.match(r"/v(?P<version>1\.[0-9]+)(?=/)", path)
        rest = path[asked.end() :] if asked else path
        answer = self.server.version if rest == "/version" else _ANSWERS.get(rest)
        body = b"OK" if rest == "/_ping" else json.dumps(answer).encode()
        status = 200 if rest == "/_ping" or answer is not None else 404
        if status == 404:
            body = json.dumps({"message": f"no such thing: {rest}"}).encode()
        if asked and not self.server.oldest <= asked["version"] <= str(self.server.version["ApiVersion"]):
            # Docker's words (29: "client version 1.43 is too old").
            body = json.dumps({"message": f"client version {asked['version']} is too old or too new"}).encode()
            status = 400
        elif self.server.failures.get(rest):
            body, status = json.dumps({"message": "not found"}).encode(), self.server.failures[rest].pop(0)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


@contextlib.contextmanager
def played_daemon(
    path: Path,
    *,
    is_podman: bool = False,
    api: tuple[str, str] = ("1.24", "1.41"),
    failures: dict[str, list[int]] | None = None,
) -> Iterator[None]:
    """Serve at a socket until the context is left.

    `api`: the oldest and the newest version of it that is spoken. `failures`: by path, the status of its first answers.
    """
    with held_daemon(path, is_podman=is_podman, api=api, failures=failures) as release:
        release()
        yield


@contextlib.contextmanager
def held_daemon(
    path: Path,
    *,
    is_podman: bool = False,
    api: tuple[str, str] = ("1.24", "1.41"),
    failures: dict[str, list[int]] | None = None,
) -> Iterator[Callable[[], None]]:
    """Accept connections at a socket until the context is left; answer them once the given function was called."""
    name = "Podman Engine" if is_podman else "Engine"
    with _Server(str(path), _Handler) as server:
        server.may_answer = threading.Event()
        server.failures = failures or {}
        server.oldest, newest = api
        server.version = {
            "ApiVersion": newest,
            "MinAPIVersion": server.oldest,
            "Version": "9.9",
            "Components": [{"Name": name}],
        }
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.may_answer.set
        finally:
            server.may_answer.set()
            server.shutdown()
            thread.join()
            path.unlink()


@contextlib.contextmanager
def played_tls_daemon(directory: Path) -> Iterator[dict[str, str]]:
    """Serve over TLS, with the certificate of an authority of its own, until the context is left.

    Yield the variables by which Docker's clients find it; `directory` gets the certificates.
    """
    certify(directory)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "server.pem", directory / "server-key.pem")
    context.load_verify_locations(directory / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    with _TcpServer(("127.0.0.1", 0), _Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.may_answer = threading.Event()
        server.may_answer.set()
        server.failures = {}
        server.oldest = "1.24"
        server.version = {"ApiVersion": "1.41", "MinAPIVersion": "1.24", "Version": "9.9", "Components": []}
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            host = f"tcp://127.0.0.1:{server.server_address[1]}"
            yield {"DOCKER_HOST": host, "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(directory)}
        finally:
            server.shutdown()
            thread.join()


def certify(directory: Path) -> None:
    """Make an authority, the certificate of a server here, and a client's under the names that Docker looks for."""

    def openssl(*arguments: str) -> None:
        subprocess.run(("openssl", *arguments), cwd=directory, check=True, capture_output=True)

    new = ("-newkey", "rsa:2048", "-nodes")
    openssl("req", "-x509", *new, "-subj", "/CN=ours", "-keyout", "ca-key.pem", "-out", "ca.pem")
    (directory / "names").write_text("subjectAltName = IP:127.0.0.1")
    for certificate, key in (("server.pem", "server-key.pem"), ("cert.pem", "key.pem")):
        openssl("req", *new, "-subj", "/CN=one", "-keyout", key, "-out", "request.csr")
        sign = ("x509", "-req", "-in", "request.csr", "-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial")
        openssl(*sign, "-extfile", "names", "-out", certificate)
