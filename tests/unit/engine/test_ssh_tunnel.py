"""The command line of a tunnel; what is no address of a host; an ssh that fails, or cannot be started."""

from pathlib import Path

import pytest

from matrix_runner.engine.remote.ssh_tunnel import SshTunnel, tunnel_argv
from matrix_runner.errors import EngineError

NEAR = Path("/run/near.sock")


def test_what_an_address_says_is_said_to_ssh() -> None:
    """User, port and path; the host stands where nothing is an option."""
    argv = tunnel_argv("ssh://me@arm.example:2222/run/podman/podman.sock", NEAR)
    assert argv[:2] == ("ssh", "-T")
    assert argv[argv.index("-L") + 1] == "/run/near.sock:/run/podman/podman.sock"
    assert argv[argv.index("-p") + 1] == "2222"
    assert argv[argv.index("-l") + 1] == "me"
    assert argv[-3:] == ("--", "arm.example", "cat")


def test_the_usual_socket_and_the_users_own_configuration() -> None:
    """Of user and port nothing is said that the address does not."""
    argv = tunnel_argv("ssh://arm.example", NEAR)
    assert argv[argv.index("-L") + 1] == "/run/near.sock:/var/run/docker.sock"
    assert not {"-p", "-l"} & set(argv)


@pytest.mark.parametrize("url", ["ssh://", "ssh://-oProxyCommand=x", "ssh://me@", "ssh://-me@host", "ssh://host:port"])
def test_no_host(url: str) -> None:
    """Above all nothing that ssh would take for an option."""
    with pytest.raises(EngineError):
        tunnel_argv(url, NEAR)


def programs(directory: Path, text: str) -> str:
    """Put a program named `ssh` into a directory; return a PATH with it."""
    (directory / "ssh").write_text(f"#!/bin/sh\n{text}\n")
    (directory / "ssh").chmod(0o755)
    return f"{directory}:/usr/bin:/bin"


def test_the_words_of_ssh_are_the_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last line, which has the cause."""
    monkeypatch.setenv(
        "PATH", programs(tmp_path, "echo noise >&2; echo Permission denied '(publickey).' >&2; exit 255")
    )
    tunnel = SshTunnel("ssh://me@arm.example", seconds=30)
    with pytest.raises(EngineError, match=r"cannot be opened: Permission denied \(publickey\)") as caught:
        tunnel.open()
    assert "`ssh me@arm.example docker version`" in str(caught.value.hint)
    tunnel.close()
    tunnel.close()


def test_an_ssh_that_asks_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has its time, and no more; nothing of it is left."""
    monkeypatch.setenv("PATH", programs(tmp_path, "exec sleep 600"))
    tunnel = SshTunnel("ssh://arm.example", seconds=0.2)
    with pytest.raises(EngineError, match=r"no answer in"):
        tunnel.open()
    tunnel.close()


def test_no_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named."""
    monkeypatch.setenv("PATH", str(tmp_path))
    tunnel = SshTunnel("ssh://arm.example", seconds=1)
    with pytest.raises(EngineError, match="ssh cannot be started"):
        tunnel.open()
    tunnel.close()
