"""A package index played by a small server: with a clock of its own, a refusal, none at first, or no answer at all."""

import contextlib
import http.server
import ssl
import threading
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from email.utils import formatdate
from pathlib import Path


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    status: int
    ahead: float
    login: str
    asked: list[str]
    away_for: int
    files: Mapping[str, bytes]
    may_answer: threading.Event


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        """Answer any path alike, but for files that are there."""
        self.server.asked.append(self.path)
        self.server.may_answer.wait()
        if len(self.server.asked) <= self.server.away_for:
            self.send_error(503)
            return
        wanted = self.server.login
        is_known = not wanted or self.headers["Authorization"] == f"Basic {b64encode(wanted.encode()).decode()}"
        status = 200 if self.path in self.server.files else self.server.status
        self.send_response_only(status if is_known else 401)
        self.send_header("Date", formatdate(time.time() + self.server.ahead, usegmt=True))
        content = self.server.files.get(self.path, b"")
        self.send_header("Content-Type", "text/html" if self.path.endswith("/") else "application/octet-stream")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    do_HEAD = do_GET  # noqa: N815 - the name of the method in HTTP

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


class PlayedIndex:
    """An index that is served. `asked`: the paths that it was asked for."""

    def __init__(self, address: str, asked: list[str]) -> None:
        self.url = f"{address}/simple"
        self.asked = asked


@contextlib.contextmanager
def played_index(
    *,
    status: int = 200,
    ahead: float = 0.0,
    answers: bool = True,
    certificate: Path | None = None,
    host: str = "",
    login: str = "",
    away_for: int = 0,
    files: Mapping[str, bytes] | None = None,
) -> Iterator[PlayedIndex]:
    """Serve until the context is left.

    `ahead`: seconds by which the server's clock is ahead. `certificate`: a file with a certificate and its key, to
    serve over TLS. `host`: the address to listen at; by default this machine's for itself. `login`: `user:password`
    that is wanted, "" for none. `away_for`: the number of questions at first that it answers with 503.
    `files`: by their paths; `status` is of all other ones.
    """
    with _Server((host or "127.0.0.1", 0), _Handler) as server:
        server.status, server.ahead, server.login, server.asked = status, ahead, login, []
        server.away_for, server.files = away_for, files or {}
        server.may_answer = threading.Event()
        if answers:
            server.may_answer.set()
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            scheme = "http" if certificate is None else "https"
            yield PlayedIndex(f"{scheme}://{host or '127.0.0.1'}:{server.server_address[1]}", server.asked)
        finally:
            server.may_answer.set()
            server.shutdown()
            thread.join()
