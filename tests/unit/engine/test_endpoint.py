"""Which daemon is meant."""

import contextlib
import hashlib
import http.server
import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import certifi
import pytest
from engine_surroundings import surroundings
from played_daemon import certify, played_tls_daemon

from matrix_runner.engine.docker.daemon_errors import refused, unreachable
from matrix_runner.engine.docker.endpoint import (
    DEFAULT_URL,
    Endpoint,
    Product,
    named_endpoint,
    resolve_endpoint,
    resolve_podman_endpoint,
)
from matrix_runner.engine.docker.sdk.sdk_engine import DockerEngine
from matrix_runner.errors import EngineError


def with_context(home: Path, name: str, host: str) -> dict[str, str]:
    """Write a context as the docker command does; return an environment with that home."""
    digest = hashlib.sha256(name.encode()).hexdigest()
    folder = home / ".docker" / "contexts" / "meta" / digest
    folder.mkdir(parents=True)
    meta = {"Name": name, "Metadata": {}, "Endpoints": {"docker": {"Host": host, "SkipTLSVerify": False}}}
    (folder / "meta.json").write_text(json.dumps(meta))
    return {"HOME": str(home)}


def test_the_default_is_the_local_socket() -> None:
    """With nothing set, not even HOME, it is the socket that Docker makes."""
    assert resolve_endpoint({}).url == DEFAULT_URL


def test_host_outranks_context(tmp_path: Path) -> None:
    """DOCKER_HOST outranks DOCKER_CONTEXT, which outranks the current context, as for the docker command."""
    environ = with_context(tmp_path, "named", "unix:///named.sock")
    with_context(tmp_path, "current", "unix:///current.sock")
    (tmp_path / ".docker" / "config.json").write_text(json.dumps({"currentContext": "current", "auths": {}}))
    assert resolve_endpoint(environ).url == "unix:///current.sock"
    environ["DOCKER_CONTEXT"] = "named"
    assert resolve_endpoint(environ).url == "unix:///named.sock"
    environ["DOCKER_HOST"] = "unix:///host.sock"
    assert resolve_endpoint(environ).url == "unix:///host.sock"


def test_the_default_context_is_the_local_socket(tmp_path: Path) -> None:
    """The context `default` is no file."""
    assert resolve_endpoint({"HOME": str(tmp_path), "DOCKER_CONTEXT": "default"}).url == DEFAULT_URL


def test_an_unknown_context_is_an_error(tmp_path: Path) -> None:
    """Never the local daemon in place of the one that was asked for; the message names it."""
    with pytest.raises(EngineError, match=r"'elsewhere' \(DOCKER_CONTEXT\)"):
        resolve_endpoint({"HOME": str(tmp_path), "DOCKER_CONTEXT": "elsewhere"})


def test_docker_config_is_honoured(tmp_path: Path) -> None:
    """DOCKER_CONFIG says where contexts are, in place of HOME."""
    with_context(tmp_path, "named", "tcp://build.example:2376")
    environ = {"HOME": "/nowhere", "DOCKER_CONFIG": str(tmp_path / ".docker"), "DOCKER_CONTEXT": "named"}
    assert resolve_endpoint(environ).url == "tcp://build.example:2376"


@pytest.mark.parametrize("text", ["{", "[]", '{"currentContext": 3}', "\xff"])
def test_a_broken_configuration_is_named(tmp_path: Path, text: str) -> None:
    """A file that is no configuration is an error that names the file."""
    (tmp_path / "config.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(EngineError, match=r"config\.json"):
        resolve_endpoint({"DOCKER_CONFIG": str(tmp_path)})


@pytest.mark.parametrize(("url", "word"), [("ssh://me@there", "tunnel"), ("npipe:////./pipe/x", "WSL"), ("x", "unix")])
def test_what_cannot_be_used_says_what_to_do(url: str, word: str) -> None:
    """An address that we cannot use is refused with a way out."""
    with pytest.raises(EngineError) as caught:
        resolve_endpoint({"DOCKER_HOST": url})
    assert word in str(caught.value.hint)


def test_certificates_come_from_the_environment(tmp_path: Path) -> None:
    """DOCKER_TLS_VERIFY and DOCKER_CERT_PATH give the files and whether the daemon's certificate is checked."""
    for name in ("ca", "cert", "key"):
        (tmp_path / f"{name}.pem").touch()
    environ = {"DOCKER_HOST": "tcp://h:2376", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(tmp_path)}
    tls = resolve_endpoint(environ).tls
    assert tls is not None
    assert (tls.ca, tls.cert, tls.key, tls.verify) == (*(tmp_path / f"{n}.pem" for n in ("ca", "cert", "key")), True)


def test_each_cause_has_its_own_hint() -> None:
    """No socket, no permission, a hung daemon and a refused connection lead to four different hints."""
    endpoint = Endpoint(url="unix:///x.sock", origin="DOCKER_HOST")
    causes = (FileNotFoundError(2, "x"), PermissionError(13, "x"), TimeoutError("timed out"), ConnectionRefusedError())
    hints = set()
    for cause in causes:
        wrapped = RuntimeError("outer", RuntimeError("Connection aborted.", cause))
        error = unreachable(endpoint, wrapped)
        assert "unix:///x.sock (DOCKER_HOST)" in error.message
        hints.add(error.hint)
    assert len(hints) == 4


def test_podman_is_called_by_its_name() -> None:
    """Of Podman's socket no message says Docker, and the hint starts Podman's service."""
    endpoint = Endpoint(url="unix:///x.sock", origin="CONTAINER_HOST", product=Product.PODMAN)
    for cause in (FileNotFoundError(2, "x"), PermissionError(13, "x"), ConnectionRefusedError()):
        error = unreachable(endpoint, cause)
        assert "ocker" not in f"{error.message} {error.hint}"
        assert "systemctl --user start podman.socket" in str(error.hint)


def test_a_full_disk_names_the_data_root() -> None:
    """The engine's disk is not the user's working directory: the message says where it is."""
    assert "/var/lib/docker" in refused("copy", "write /x: no space left on device", "/var/lib/docker").message


@contextmanager
def listening(path: Path) -> Iterator[Path]:
    """Make a socket that listens."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))
        yield path


def test_podman_is_where_it_says_then_the_users_then_the_machines(tmp_path: Path) -> None:
    """CONTAINER_HOST outranks the user's socket, which outranks the machine's; what is no socket is passed over."""
    machine, own = tmp_path / "run" / "podman.sock", tmp_path / "user" / "podman" / "podman.sock"
    environ = {"XDG_RUNTIME_DIR": str(tmp_path / "user")}
    with listening(machine):
        assert resolve_podman_endpoint(environ, machine).url == f"unix://{machine}"
        with listening(own):
            found = resolve_podman_endpoint(environ, machine)
            assert (found.url, found.product) == (f"unix://{own}", Product.PODMAN)
            named = resolve_podman_endpoint({**environ, "CONTAINER_HOST": "tcp://h:1"}, machine)
            assert (named.url, named.origin) == ("tcp://h:1", "CONTAINER_HOST")
        own.unlink()
        own.write_text("no socket", encoding="utf-8")
        assert resolve_podman_endpoint(environ, machine).url == f"unix://{machine}"


def test_podman_that_does_not_listen(tmp_path: Path) -> None:
    """Without a socket the error names every place that was looked at, and how to start the service."""
    with pytest.raises(EngineError) as caught:
        resolve_podman_endpoint({"XDG_RUNTIME_DIR": str(tmp_path)}, tmp_path / "none.sock")
    assert f"{tmp_path}/podman/podman.sock or {tmp_path}/none.sock" in caught.value.message
    assert "systemctl --user start podman.socket" in str(caught.value.hint)
    assert "CONTAINER_HOST=unix:///tmp/podman.sock" in str(caught.value.hint)


@pytest.mark.parametrize("path", ["", "/run/podman/podman.sock"])
def test_podman_over_ssh_names_podmans_own_socket(path: str) -> None:
    """An address of ssh, which Podman's own command takes, is refused with the flag for a tunnel to Podman's socket."""
    with pytest.raises(EngineError, match="CONTAINER_HOST is ssh") as caught:
        resolve_podman_endpoint({"CONTAINER_HOST": f"ssh://me@there{path}"})
    assert "`--engine-endpoint ssh://me@there/run/podman/podman.sock`" in str(caught.value.hint)


def test_the_authority_of_a_daemon_counts_beside_those_of_the_web(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """REQUESTS_CA_BUNDLE is for package indexes: a daemon with a certificate of one's own is not measured by it."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certifi.where())
    with played_tls_daemon(tmp_path) as variables:
        engine = DockerEngine(run="tls", surroundings=surroundings(tmp_path, {**os.environ, **variables}))
        with contextlib.closing(engine):
            assert engine.check().version == "9.9"
        (tmp_path / "ca.pem").write_bytes(Path(certifi.where()).read_bytes())
        stranger = DockerEngine(run="tls", surroundings=surroundings(tmp_path, {**os.environ, **variables}))
        with contextlib.closing(stranger), pytest.raises(EngineError, match="certificate is not trusted: self-signed"):
            stranger.check()


def certificates(directory: Path, **files: Path) -> Path:
    """Make a directory of certificates of some files: `ca`, `cert`, `key`."""
    directory.mkdir()
    for name, file in files.items():
        (directory / f"{name}.pem").write_bytes(file.read_bytes())
    return directory


def asked(url: str, tls: Path | None, place: Path) -> EngineError:
    """Ask one of several engines, and return its error."""
    endpoint = named_endpoint(url, "engine arm", "" if tls is None else str(tls), {})
    engine = DockerEngine(run="r", surroundings=surroundings(place), endpoint=endpoint)
    with contextlib.closing(engine), pytest.raises(EngineError) as caught:
        engine.check(seconds=5)
    return caught.value


def test_certificates_that_do_not_fit(tmp_path: Path) -> None:
    """Which side refuses which, and what is to be looked at: a foreign authority, a stranger, none, no PEM, no TLS."""
    ours, others = tmp_path / "ours", tmp_path / "others"
    ours.mkdir()
    others.mkdir()
    certify(others)
    with played_tls_daemon(ours) as variables:
        url = variables["DOCKER_HOST"]
        foreign = asked(url, others, tmp_path)
        own = {name: ours / f"{name}.pem" for name in ("ca", "cert", "key")}
        strange = {name: others / f"{name}.pem" for name in ("cert", "key")}
        stranger = asked(url, certificates(tmp_path / "stranger", **{**own, **strange}), tmp_path)
        nobody = asked(url, certificates(tmp_path / "nobody", ca=own["ca"]), tmp_path)
        broken = asked(url, certificates(tmp_path / "broken", **{**own, "ca": ours / "names"}), tmp_path)
        elsewhere = asked(url.replace("127.0.0.1", "localhost"), ours, tmp_path)
        plain = asked(url, None, tmp_path)
    assert "its certificate is not trusted: self-signed certificate" in foreign.message
    assert f"ca.pem in `tls` of the engine ({others})" in str(foreign.hint)
    assert "Hostname mismatch" in elsewhere.message
    assert "it refuses our certificate" in stranger.message
    assert "it refuses our certificate" in nobody.message
    assert "cert.pem and key.pem in `tls` of the engine" in str(nobody.hint)
    assert "no certificate or crl found" in broken.message
    assert "may want TLS" in str(plain.hint)
    for error in (foreign, stranger, nobody, broken, elsewhere, plain):
        assert "(engine arm)" in error.message
        assert "DOCKER_" not in str(error.hint)


def test_a_port_without_tls_is_told_apart(tmp_path: Path) -> None:
    """Whoever speaks plain HTTP there is no daemon with a wrong certificate."""
    ours = tmp_path / "ours"
    ours.mkdir()
    certify(ours)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        error = asked(f"tcp://127.0.0.1:{server.server_port}", ours, tmp_path)
        server.shutdown()
    assert "no TLS is spoken there" in error.message


@pytest.mark.parametrize(
    ("files", "said"),
    [((), "has no ca.pem, no cert.pem, no key.pem"), (("ca", "cert"), "has no key.pem"), (None, "is no directory")],
)
def test_certificates_that_are_not_there(tmp_path: Path, files: tuple[str, ...] | None, said: str) -> None:
    """They are looked for before anything is asked: a misspelt directory is not a wrong certificate."""
    place = tmp_path / "certificates"
    if files is not None:
        place.mkdir()
        for name in files:
            (place / f"{name}.pem").touch()
    with pytest.raises(EngineError, match=f"engine arm: {place}, which is to have its certificates, {said}"):
        named_endpoint("tcp://127.0.0.1:2376", "engine arm", str(place), {})


def test_no_hint_on_a_listed_engine_speaks_of_variables() -> None:
    """Its address is in the settings, and this machine itself is no substitute for it."""
    endpoint = named_endpoint("unix:///x.sock", "engine arm", "", {})
    for cause in (FileNotFoundError(2, "x"), PermissionError(13, "x"), ConnectionRefusedError()):
        error = unreachable(endpoint, cause)
        assert "DOCKER_HOST" not in str(error.hint)
        assert "--engine local" not in str(error.hint)
        assert "correct its `endpoint`" in str(error.hint)


@pytest.mark.parametrize("url", ["tcp://there", "tcp://:2376", "tcp://there:docker"])
def test_an_address_without_a_port(url: str) -> None:
    """It is told with the variable, before the SDK says something of a bind address."""
    with pytest.raises(EngineError, match=r"DOCKER_HOST is tcp://.*, which names no host and port"):
        resolve_endpoint({"DOCKER_HOST": url})


def test_a_daemon_that_wants_tls() -> None:
    """Go's HTTP server says so in words of its own, which are not the user's."""
    error = refused("be asked for its version", "Client sent an HTTP request to an HTTPS server.\n", "/")
    assert "it wants TLS" in error.message
    assert "DOCKER_TLS_VERIFY" in str(error.hint)
