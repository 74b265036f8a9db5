"""Which daemon is meant."""

import hashlib
import json
from pathlib import Path

import pytest

from matrix_runner.engine.daemon_errors import refused, unreachable
from matrix_runner.engine.endpoint import DEFAULT_URL, Endpoint, resolve_endpoint
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


def test_a_full_disk_names_the_data_root() -> None:
    """The engine's disk is not the user's working directory: the message says where it is."""
    assert "/var/lib/docker" in refused("copy", "write /x: no space left on device", "/var/lib/docker").message
