"""What the Docker engine makes of daemons that misbehave: played by a small server on a unix socket."""

import contextlib
import http.server
import json
import os
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from engine_surroundings import surroundings

from matrix_runner.config.create_args.container_rights import restricted
from matrix_runner.config.create_args.create_args import parse_create_args
from matrix_runner.engine.api import ContainerSpec, Volume
from matrix_runner.engine.docker.daemon import Daemon, ImageConfig
from matrix_runner.engine.docker.docker_engine import DaemonEngine
from matrix_runner.engine.docker.endpoint import Endpoint
from matrix_runner.engine.docker.sdk.sdk_engine import SdkDaemon
from matrix_runner.engine.hearing import Hearing
from matrix_runner.errors import EngineError, ImageError, MachineError
from matrix_runner.model.platforms import Arch

Answer = tuple[int, list[bytes]]
"""Status, and the pieces of the body."""
Respond = Callable[[str, str], Answer]
"""Answers a method and a path."""


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    respond: Respond


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def _answer(self) -> None:
        path = self.path.partition("/v1.41")[2] or self.path
        if path == "/version":
            status, pieces = 200, [json.dumps({"ApiVersion": "1.41", "Version": "0"}).encode()]
        else:
            status, pieces = self.server.respond(self.command, path)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.send_header("Connection", "close")
        self.end_headers()
        for piece in [*filter(None, pieces), b""]:
            self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _answer  # noqa: N815 - the names the library calls

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


@contextlib.contextmanager
def daemon_that(respond: Respond, directory: Path) -> Iterator[Endpoint]:
    """Serve answers on a socket."""
    path = directory / "d.sock"
    with _Server(str(path), _Handler) as server:
        server.respond = respond
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield Endpoint(url=f"unix://{path}", origin="DOCKER_HOST")
        finally:
            server.shutdown()
            thread.join()


def engine_of(endpoint: Endpoint, directory: Path, back_off: tuple[float, ...] = ()) -> DaemonEngine:
    """Make an engine that asks that daemon, and does not wait between attempts."""

    def connect(seconds: int | None) -> Daemon:
        return SdkDaemon(endpoint, timeout=seconds or 5)

    return DaemonEngine(run="r", surroundings=surroundings(directory, {}), connect=connect, back_off=back_off)


def test_a_hung_daemon_is_not_waited_for(tmp_path: Path) -> None:
    """A daemon that accepts and says nothing is told from one that is not there."""
    path = tmp_path / "d.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        daemon = SdkDaemon(Endpoint(url=f"unix://{path}", origin="DOCKER_HOST"), timeout=1)
        with contextlib.closing(daemon), pytest.raises(EngineError, match="does not answer") as caught:
            daemon.info()
    assert "hangs" in str(caught.value.hint)


def test_a_dead_socket_is_not_a_missing_one(tmp_path: Path) -> None:
    """A socket file that nobody listens at, as a killed daemon leaves it, says so."""
    path = tmp_path / "d.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    daemon = SdkDaemon(Endpoint(url=f"unix://{path}", origin="DOCKER_HOST"))
    with contextlib.closing(daemon), pytest.raises(EngineError, match="nothing listens"):
        daemon.info()


@pytest.mark.parametrize(
    "pieces", [[], [b"tar" * 500], [os.urandom(4096)], [b"x" * 512 + bytes(512)]], ids=["none", "text", "noise", "half"]
)
def test_a_cut_archive_is_an_error(tmp_path: Path, pieces: list[bytes]) -> None:
    """A stream that ends cleanly but too early is never taken for an archive."""
    with daemon_that(lambda _, __: (200, pieces), tmp_path) as endpoint:
        daemon = SdkDaemon(endpoint)
        with (
            contextlib.closing(daemon),
            pytest.raises(EngineError, match="ended early"),
            daemon.get("c", "/x") as stream,
        ):
            list(stream)


def test_a_readers_own_error_stays_its_own(tmp_path: Path) -> None:
    """What the reader of an archive raises, such as a full disk of the host, is not called the engine's."""
    with daemon_that(lambda _, __: (200, [bytes(1024)]), tmp_path) as endpoint:
        daemon = SdkDaemon(endpoint)
        with contextlib.closing(daemon), pytest.raises(OSError, match="disk full"), daemon.get("c", "/x"):
            raise OSError("disk full")


def test_a_full_disk_of_the_engine_is_named(tmp_path: Path) -> None:
    """The message names the data root, and is the machine's error."""

    def respond(_: str, path: str) -> Answer:
        if path == "/info":
            return 200, [b'{"DockerRootDir": "/srv/docker"}']
        return 500, [b'{"message": "mkdir /srv/docker/x: no space left on device"}']

    with daemon_that(respond, tmp_path) as endpoint:
        daemon = SdkDaemon(endpoint)
        with contextlib.closing(daemon), pytest.raises(MachineError, match="/srv/docker"):
            daemon.start("c")


@pytest.mark.parametrize(("words", "attempts"), [((), 2), (("--pids-limit=9",), 1)])
def test_a_limit_of_processes_that_cannot_be_had(tmp_path: Path, words: tuple[str, ...], attempts: int) -> None:
    """Ours is left out then, in a further container; one that the user asks for is an error that says what to do."""
    said = "crun: controller `pids` is not available under /sys/fs/cgroup/x/cgroup.controllers: OCI runtime error"
    asked: list[str] = []

    def respond(method: str, path: str) -> Answer:
        place = path.partition("?")[0]
        asked.append(f"{method} {place}")
        if place in {"/images/json", "/containers/json", "/volumes"}:
            return 200, [b"[]" if place != "/volumes" else b"{}"]
        if path.startswith("/images/"):
            return 200, [b'{"Id": "sha256:1"}']
        if path.startswith("/containers/create"):
            return 201, [b'{"Id": "c"}']
        return (204, []) if method == "DELETE" else (500, [json.dumps({"message": said}).encode()])

    spec = ContainerSpec(
        image="sha256:1", arch=Arch.X86_64, name="cell", arguments=restricted(parse_create_args(words))
    )
    with (
        daemon_that(respond, tmp_path) as endpoint,
        contextlib.closing(engine_of(endpoint, tmp_path)) as engine,
        pytest.raises(EngineError, match="controller `pids`") as caught,
        engine.open(spec),
    ):
        pass
    assert "--pids-limit" in str(caught.value.hint)
    assert asked.count("POST /containers/create") == attempts
    assert asked.count("DELETE /containers/c") == attempts


@pytest.mark.parametrize(("said", "is_refused"), [("volume already exists", False), ("no such driver", True)])
def test_a_volume_that_somebody_else_made(tmp_path: Path, said: str, *, is_refused: bool) -> None:
    """At the same moment: Podman 4.3 refuses it then, with these words, and it is there all the same."""

    def respond(_: str, path: str) -> Answer:
        assert path == "/volumes/create"
        return 500, [json.dumps({"message": f"adding volume to state: name v is in use: {said}"}).encode()]

    outcome = pytest.raises(EngineError) if is_refused else contextlib.nullcontext()
    with daemon_that(respond, tmp_path) as endpoint, contextlib.closing(SdkDaemon(endpoint)) as daemon, outcome:
        daemon.make_volume(Volume(name="v", target="/v"))


def test_a_commit_may_take_long(tmp_path: Path) -> None:
    """It has the time limit of much work, not that of a question, although the engine's product is asked for first."""
    config = ImageConfig(name=None, labels=(), env=(), entrypoint=(), command=())

    def respond(_: str, path: str) -> Answer:
        if path.startswith("/commit"):
            time.sleep(1.5)
        return 201, [b'{"Id": "sha256:0"}']

    with daemon_that(respond, tmp_path) as endpoint, contextlib.closing(SdkDaemon(endpoint, timeout=1)) as daemon:
        assert daemon.commit("c", config) == "sha256:0"


def test_a_container_that_cannot_be_paused_is_committed_all_the_same(tmp_path: Path) -> None:
    """Rootless Podman 5.8.6 without a freezer; another refusal is the commit's end."""
    config = ImageConfig(name=None, labels=(), env=(), entrypoint=(), command=())
    asked: list[str] = []

    def respond(_: str, path: str) -> Answer:
        asked.append(path)
        if "pause=False" in path:
            return 201, [b'{"Id": "sha256:0"}']
        word = b"pausing" if len(asked) == 1 else b"reading"
        return 500, [b'{"message": "' + word + b' container 1 to commit: `crun pause 1` failed: exit status 1"}']

    with daemon_that(respond, tmp_path) as endpoint, contextlib.closing(SdkDaemon(endpoint)) as daemon:
        assert daemon.commit("c", config) == "sha256:0"
        assert [("pause=True" in path, "pause=False" in path) for path in asked] == [(True, False), (False, True)]
        with pytest.raises(EngineError, match="reading container"):
            daemon.commit("c", config)


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{}", b"<html>", b'{"Id": 3}', b"\xff"])
def test_nonsense_is_an_error(tmp_path: Path, body: bytes) -> None:
    """An answer that is not what was asked for is an error of ours, with no traceback of the SDK's."""
    with daemon_that(lambda _, __: (200, [body]), tmp_path) as endpoint:
        daemon = SdkDaemon(endpoint)
        with contextlib.closing(daemon), pytest.raises(EngineError):
            daemon.image("x")


@pytest.mark.parametrize(
    ("body", "message"),
    [(b"", "no sense"), (b'{"status": "x"}\r\n{"error": "write: no space left on device"}', "disk is full")],
)
def test_a_failed_import_is_an_error(tmp_path: Path, body: bytes, message: str) -> None:
    """An import that fails does so after its status said that all is well."""
    (tmp_path / "root.tar").touch()
    config = ImageConfig(name=None, labels=(), env=(), entrypoint=(), command=())
    with daemon_that(lambda _, __: (200, [body]), tmp_path) as endpoint:
        daemon = SdkDaemon(endpoint)
        with contextlib.closing(daemon), pytest.raises(MachineError, match=message):
            daemon.import_root(tmp_path / "root.tar", config)


def test_a_failed_import_leaves_no_name(tmp_path: Path) -> None:
    """The containerd store keeps one for what it could not unpack (Docker 26.1 to 29.7): it is removed."""
    (tmp_path / "root.tar").touch()
    config = ImageConfig(name="matrix-runner/debian:1", labels=(), env=(), entrypoint=(), command=())
    removed: list[str] = []

    def respond(method: str, path: str) -> Answer:
        if method == "DELETE":
            removed.append(path)
        return 200, [b'{"error": "failed to unpack image"}']

    with (
        daemon_that(respond, tmp_path) as endpoint,
        contextlib.closing(SdkDaemon(endpoint)) as daemon,
        pytest.raises(MachineError, match="failed to unpack image"),
    ):
        daemon.import_root(tmp_path / "root.tar", config)
    assert [path.partition("?")[0] for path in removed] == ["/images/matrix-runner/debian:1"]


def pulling(answers: list[Answer], directory: Path, back_off: tuple[float, ...]) -> tuple[int, ImageError | None]:
    """Resolve an image that is not there before the last of these answers; return how often it was asked for."""
    asked = 0

    def respond(method: str, path: str) -> Answer:
        nonlocal asked
        if method == "GET" and path.startswith("/images/"):
            return (200, [b'{"Id": "sha256:1"}']) if asked == len(answers) else (404, [b'{"message": "No such image"}'])
        asked += 1
        return answers[asked - 1]

    with daemon_that(respond, directory) as endpoint:
        engine = engine_of(endpoint, directory, back_off)
        try:
            assert engine.resolve("r.example/x:1", Arch.I686, Hearing()).id == "sha256:1"
        except ImageError as error:
            return asked, error
    return asked, None


def failing(text: str) -> Answer:
    """Answer with an error in mid-stream, after the status said that all is well."""
    return 200, [json.dumps({"status": "Pulling"}).encode() + b"\r\n", json.dumps({"error": text}).encode() + b"\r\n"]


def refusing(text: str) -> Answer:
    """Answer with a refusal, which daemons give the status 500 whatever it is."""
    return 500, [json.dumps({"message": text}).encode()]


DONE: Answer = (200, [b'{"status": "Pull complete"}\r\n'])


@pytest.mark.parametrize("answer", [refusing, failing])
def test_passing_faults_are_tried_again(tmp_path: Path, answer: Callable[[str], Answer]) -> None:
    """A limit and a registry out of order are waited out; the image is there in the end."""
    answers = [answer("toomanyrequests: slow down"), answer("unexpected HTTP status: 503 Service Unavailable"), DONE]
    assert pulling(answers, tmp_path, (0.0, 0.0)) == (3, None)


@pytest.mark.parametrize("answer", [refusing, failing])
def test_attempts_come_to_an_end(tmp_path: Path, answer: Callable[[str], Answer]) -> None:
    """After the last attempt the error says what it was and what to do."""
    asked, error = pulling([answer("toomanyrequests: slow down")] * 3, tmp_path, (0.0,))
    assert asked == 2
    assert error is not None
    assert "limits" in error.message
    assert "docker login" in str(error.hint)


@pytest.mark.parametrize("text", ["manifest unknown", "unauthorized: no", "dial tcp: lookup r: no such host"])
def test_lasting_faults_are_not_tried_again(tmp_path: Path, text: str) -> None:
    """What waiting cannot cure is told at once."""
    asked, error = pulling([refusing(text)] * 3, tmp_path, (0.0, 0.0))
    assert asked == 1
    assert error is not None
    assert text in error.message


def test_an_image_that_lies_of_its_platform_is_fetched(tmp_path: Path) -> None:
    """A refusal for the platform is followed by one attempt without it: what the image really is, is probed later."""
    text = "image with reference r.example/x:1 was found but does not match the specified platform"
    assert pulling([refusing(text), DONE], tmp_path, ()) == (2, None)
