"""A Dask cluster of real processes on this machine: a scheduler and workers, with TLS or without."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from played_daemon import certify
from runner_process import runner_environ

LOOK = 0.05


def free_port() -> int:
    """Return a port that nobody listens at."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(kw_only=True, slots=True)
class Member:
    """A process of the cluster. `log`: what it prints to."""

    process: "subprocess.Popen[bytes]"
    log: Path

    def said(self, text: str, *, seconds: float = 30) -> None:
        """Wait until it has printed a text."""
        deadline = time.monotonic() + seconds
        while text not in self.log.read_text("utf-8", "replace"):
            assert self.process.poll() is None, self.log.read_text("utf-8", "replace")
            assert time.monotonic() < deadline, f"{text!r} is not in {self.log.read_text('utf-8', 'replace')}"
            time.sleep(LOOK)

    def kill(self) -> None:
        """End it as a machine that loses its power."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@dataclass(kw_only=True, slots=True)
class DaskCluster:
    """The cluster. `variables`: for whoever speaks to it. `directory`: of its logs."""

    address: str
    directory: Path
    variables: Mapping[str, str]
    scheduler: Member
    workers: dict[str, Member] = field(default_factory=dict)

    def add(self, name: str, resources: str = "x86_64=1", *, threads: int = 2, **variables: str) -> None:
        """Start a worker, and wait until the scheduler knows it."""
        words = ("--nthreads", str(threads), "--name", name, "--no-nanny", "--no-dashboard")
        offered = ("--resources", resources) if resources else ()
        argv = ("dask.worker", self.address, *words, *offered)
        # Workers keep nothing of their own beside the user's of the machine: each has a state and a cache directory.
        own = {f"XDG_{kind}_HOME": str(self.directory / name / kind.lower()) for kind in ("STATE", "CACHE")}
        member = _start(argv, self.directory / f"{name}.log", {**self.variables, **own, **variables})
        self.workers[name] = member
        member.said("Registered to")

    def stop(self) -> None:
        """End everything."""
        for member in (*self.workers.values(), self.scheduler):
            if member.process.poll() is None:
                member.process.terminate()
        deadline = time.monotonic() + 10
        for member in (*self.workers.values(), self.scheduler):
            while member.process.poll() is None and time.monotonic() < deadline:
                time.sleep(LOOK)
            member.kill()


@contextmanager
def dask_cluster(directory: Path, *, tls: bool = False) -> Iterator[DaskCluster]:
    """Start a scheduler; workers are added. `tls`: with certificates of an authority of its own."""
    directory.mkdir(parents=True, exist_ok=True)
    variables = certificates(directory / "tls") if tls else {}
    port, scheme = free_port(), "tls" if tls else "tcp"
    argv = ("dask.scheduler", "--host", f"{scheme}://127.0.0.1", "--port", str(port), "--no-dashboard")
    scheduler = start_scheduler(argv, directory, variables)
    cluster = DaskCluster(
        address=f"{scheme}://127.0.0.1:{port}", directory=directory, variables=variables, scheduler=scheduler
    )
    try:
        yield cluster
    finally:
        cluster.stop()


def start_scheduler(argv: tuple[str, ...], directory: Path, variables: Mapping[str, str]) -> Member:
    """Start a scheduler, and wait until it listens."""
    member = _start(argv, directory / "scheduler.log", variables)
    member.said("Scheduler at")
    return member


def _start(words: tuple[str, ...], log: Path, variables: Mapping[str, str]) -> Member:
    # `dask scheduler` and `dask worker`, without the search for their plug-ins.
    module = words[0].replace("dask.", "distributed.cli.dask_")
    argv = (sys.executable, "-m", module, *words[1:])
    with log.open("wb") as stream:
        process = subprocess.Popen(
            argv,
            env=runner_environ(**variables),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Member(process=process, log=log)


def certificates(directory: Path) -> dict[str, str]:
    """Make an authority and certificates; return the variables by which Dask's programs find them."""
    directory.mkdir(parents=True, exist_ok=True)
    certify(directory)
    prefix = "DASK_DISTRIBUTED__COMM__TLS__"
    pairs = {"SCHEDULER": "server", "WORKER": "server", "CLIENT": ""}
    return {
        "DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION": "True",
        f"{prefix}CA_FILE": str(directory / "ca.pem"),
        **{f"{prefix}{role}__CERT": str(directory / f"{name or 'cert'}.pem") for role, name in pairs.items()},
        **{f"{prefix}{role}__KEY": str(directory / f"{name}-key.pem".lstrip("-")) for role, name in pairs.items()},
    }
