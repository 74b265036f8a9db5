"""An engine that `scripts/engine-rig` has brought up: runs of the program on it, its containers, its restart."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from runner_process import REPOSITORY, Ended, report_dir, run_build, runner_argv, runner_environ

LABEL = "matrix-runner.run"


@dataclass(frozen=True, kw_only=True, slots=True)
class Running:
    """A run of `runner build` that is under way. `spool`: the file that it prints to."""

    process: "subprocess.Popen[bytes]"
    output: Path
    spool: Path

    def reached(self, text: str, *, seconds: float = 300) -> None:
        """Wait until a cell's log has a text."""
        self.wait_until(
            lambda: any(text in path.read_text("utf-8", "replace") for path in self._logs()),
            f"no log has {text!r}",
            seconds=seconds,
        )

    def printed(self, text: str, *, seconds: float = 60) -> None:
        """Wait until it has printed a text."""
        self.wait_until(
            lambda: text in self.spool.read_text("utf-8", "replace"), f"{text!r} was not printed", seconds=seconds
        )

    def wait_until(self, is_so: Callable[[], bool], otherwise: str, *, seconds: float = 120) -> None:
        """Wait until something is so, while the run goes on."""
        deadline = time.monotonic() + seconds
        while not is_so():
            assert self.process.poll() is None, self.ended().output
            assert time.monotonic() < deadline, otherwise
            time.sleep(0.05)

    def ended(self, *, seconds: float = 600) -> Ended:
        """Wait for its end."""
        self.process.wait(timeout=seconds)
        return Ended(
            code=self.process.returncode, output=self.spool.read_text("utf-8", "replace"), directory=self.output
        )

    def _logs(self) -> tuple[Path, ...]:
        return tuple((report_dir(self.output) / "logs").glob("*.log"))


@contextmanager
def started(argv: Sequence[str], output: Path, spool: Path, **variables: str) -> Iterator[Running]:
    """Start a command line of `runner build` in a process group of its own; kill it if it is left running."""
    with (
        spool.open("wb") as stream,
        subprocess.Popen(
            argv,
            env=runner_environ(**variables),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        try:
            yield Running(process=process, output=output, spool=spool)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rig:
    """The engine. `name`: as of the script."""

    name: str

    @property
    def flags(self) -> tuple[str, ...]:
        """The flags that choose it and our own images."""
        return self.flags_with("", "debian")

    def flags_with(self, more: str, image: str) -> tuple[str, ...]:
        """Return them, with further words on the engine, and an image."""
        return ("--engine", self.name.partition("-")[0] + more, "--image", image)

    @property
    def address(self) -> str:
        """Where it listens."""
        return os.environ.get("DOCKER_HOST") or os.environ["CONTAINER_HOST"]

    def build(self, project: Path, output: Path, *arguments: str, **variables: str) -> Ended:
        """Run `runner build` to its end."""
        return run_build(project, output, *self.flags, *arguments, **variables)

    @contextmanager
    def started(
        self, project: Path, output: Path, *arguments: str, image: str = "debian", **variables: str
    ) -> Iterator[Running]:
        """Start `runner build` in a process group of its own; kill it if the test leaves it running."""
        argv = runner_argv("build", project, "--output-dir", output, *self.flags_with("", image), *arguments)
        with started(argv, output, project.with_name(f"{project.name}.printed"), **variables) as running:
            yield running

    def containers(self) -> tuple[str, ...]:
        """Return the runs of all containers of the program, running or not.

        An image of ours hands the label on to any container, without a run.
        """
        return self._listed(f'{{{{.Label "{LABEL}"}}}}')

    def container_ids(self) -> tuple[str, ...]:
        """Return the ids of all containers of runs."""
        return self._listed(f'{{{{if .Label "{LABEL}"}}}}{{{{.ID}}}}{{{{end}}}}')

    def docker(self, *arguments: str) -> str:
        """Run Docker's command with this engine, which speaks to Podman as well; return what it printed."""
        argv = ("docker", "--host", self.address, *arguments)
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout

    def _listed(self, shown: str) -> tuple[str, ...]:
        return tuple(self.docker("ps", "--all", "--format", shown, "--filter", f"label={LABEL}").split())

    def is_clean(self, *, seconds: float = 10) -> bool:
        """Whether no container is left, after some seconds at most."""
        deadline = time.monotonic() + seconds
        while self.containers():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.2)
        return True

    @property
    def host(self) -> str:
        """This machine's address, as the engine sees it."""
        return os.environ["ENGINE_RIG_HOST"]

    def restart(self) -> None:
        """Stop the engine and start it again, as its upgrade does."""
        self._script("--restart")

    def signal(self, number: signal.Signals) -> None:
        """Send the engine's own process a signal."""
        self._script("--signal", number.name.removeprefix("SIG"))

    @contextmanager
    def small_disk(self, size: str) -> Iterator[Path]:
        """Give the engine a disk of its own, of that size (`16G`), with one image; yield where it is seen here."""
        self._script("--restart", "--disk", size)
        try:
            yield Path("/run") / f"matrix-runner-{self.name}" / "disk"
        finally:
            self._script("--restart")

    @contextmanager
    def outlived_by_containers(self) -> Iterator[None]:
        """Have its containers outlive the engine's own process, which is started again when it ends."""
        self._script("--restart", "--live")
        try:
            yield
        finally:
            self._script("--restart")

    def _script(self, *arguments: str) -> None:
        subprocess.run((REPOSITORY / "scripts" / "engine-rig", self.name, *arguments), check=True, timeout=600)
