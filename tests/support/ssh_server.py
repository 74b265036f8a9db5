"""A real ssh server of this user's, on a port of its own, and an `ssh` that knows it."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from started_build import wait_for


@contextmanager
def ssh_server(directory: Path) -> Iterator[tuple[int, Path]]:
    """Give the port of an ssh server of this user's, and a directory with an `ssh` that knows key and host."""
    for name in ("host", "key"):
        subprocess.run(("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", directory / name), check=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    Path("/run/sshd").mkdir(exist_ok=True)
    config = directory / "sshd_config"
    config.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {directory}/host\nAuthorizedKeysFile {directory}/key.pub\n"
        "StrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin yes\n"
    )
    host = (directory / "host.pub").read_text().split()[:2]
    (directory / "known").write_text(f"[127.0.0.1]:{port} {' '.join(host)}\n")
    (directory / "config").write_text(
        f"IdentityFile {directory}/key\nIdentitiesOnly yes\nUserKnownHostsFile {directory}/known\n"
    )
    programs = directory / "programs"
    programs.mkdir()
    (programs / "ssh").write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {directory}/config "$@"\n')
    (programs / "ssh").chmod(0o755)
    sshd = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
    assert sshd is not None
    log = directory / "sshd.log"
    with log.open("wb") as stream, subprocess.Popen((sshd, "-D", "-e", "-f", config), stderr=stream) as server:
        try:
            wait_for(lambda: b"listening" in log.read_bytes(), 120, "sshd does not listen")
            yield port, programs
        finally:
            server.terminate()
