"""A tunnel to an engine's socket on another machine, by the user's own ssh with its configuration, keys and agent.

One connection carries all requests: for an `ssh://` address Docker's clients begin one for each, and a machine refuses
some as soon as ten begin at once (sshd_config(5), MaxStartups).
"""

import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from matrix_runner.errors import EngineError

DEFAULT_SOCKET: Final = "/var/run/docker.sock"

_ALIVE: Final = ("ServerAliveInterval=10", "ServerAliveCountMax=3")
"""A connection on which nothing is heard for half a minute has ended."""

_LONGEST: Final = 2_000
"""Characters of ssh's own words in an error."""


class _Parts(msgspec.Struct, frozen=True, kw_only=True):
    hostname: str | None
    port: int | None
    username: str | None
    path: str


class SshTunnel:
    """A tunnel. It ends with this process, however that ends: the far command reads this process's pipe to its end."""

    def __init__(self, url: str, *, seconds: float) -> None:
        """Create it; nothing is started. `url`: `ssh://[USER@]HOST[:PORT][/PATH]`. `seconds`: the time to be there."""
        self._url = url
        self._seconds = seconds
        self._directory: tempfile.TemporaryDirectory[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def open(self) -> str:
        """Start it, and return the address of its near end once that is there. Raise EngineError."""
        # A path of a socket has at most 107 bytes (unix(7)), so it is not below the project or the state directory.
        self._directory = tempfile.TemporaryDirectory(prefix="runner-ssh-")
        near, said = Path(self._directory.name, "engine.sock"), Path(self._directory.name, "said")
        with said.open("wb") as errors:
            try:
                self._process = subprocess.Popen(
                    tunnel_argv(self._url, near), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=errors
                )
            except OSError as error:
                raise EngineError(
                    f"{self._url}: ssh cannot be started: {error.strerror}", hint="Install OpenSSH's client."
                ) from error
        deadline = time.monotonic() + self._seconds
        while not near.is_socket():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise self._failed(said)
            time.sleep(0.02)
        return f"unix://{near}"

    def close(self) -> None:
        """End it. Idempotent."""
        if self._process is not None:
            with suppress(OSError):
                if self._process.stdin is not None:
                    self._process.stdin.close()
            self._process.terminate()
            self._process.wait()
        if self._directory is not None:
            self._directory.cleanup()

    def _failed(self, said: Path) -> EngineError:
        words = said.read_bytes()[-_LONGEST:].decode("utf-8", "replace").strip().splitlines()
        cause = words[-1] if words else f"no answer in {self._seconds:.0f} s"
        return EngineError(
            f"{self._url}: the tunnel cannot be opened: {cause}",
            hint=f"`ssh {_target(self._url)} docker version` must work without a question: keys, known_hosts, and"
            " the right to use the socket there.",
        )


def tunnel_argv(url: str, near: Path) -> tuple[str, ...]:
    """Return ssh's command line for a tunnel from a socket here to the one of a `ssh://` address. Raise EngineError."""
    parts = _parts(url)
    options = ("BatchMode=yes", "ExitOnForwardFailure=yes", "StreamLocalBindMask=0177", *_ALIVE)
    return (
        "ssh",
        "-T",
        *(word for option in options for word in ("-o", option)),
        "-L",
        f"{near}:{parts.path if parts.path not in {'', '/'} else DEFAULT_SOCKET}",
        *(("-p", str(parts.port)) if parts.port else ()),
        *(("-l", parts.username) if parts.username else ()),
        "--",
        parts.hostname or "",
        "cat",
    )


def _target(url: str) -> str:
    parts = _parts(url)
    host = f"{parts.username}@{parts.hostname}" if parts.username else str(parts.hostname)
    return f"-p {parts.port} {host}" if parts.port else host


def _parts(url: str) -> _Parts:
    try:
        parts = urlsplit(url)
        found = _Parts(hostname=parts.hostname, port=parts.port, username=parts.username, path=parts.path)
    except ValueError as error:
        raise EngineError(f"{url} is no address: {error}", hint="It looks like ssh://user@host:22.") from error
    # A host that begins with a hyphen would be an option.
    if not found.hostname or found.hostname.startswith("-") or (found.username or "").startswith("-"):
        raise EngineError(f"{url} names no host", hint="It looks like ssh://user@host:22.")
    return found
