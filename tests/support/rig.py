"""An engine that `scripts/engine-rig` has brought up: runs of the program on it, its containers, its restart."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from runner_process import REPOSITORY, Ended, report_dir, run_build, runner_argv, runner_environ

LABEL = "matrix-runner.run"


@dataclass(frozen=True, kw_only=True, slots=True)
class Running:
    """A run of `runner build` that is under way."""

    process: "subprocess.Popen[str]"
    output: Path

    def reached(self, text: str, *, seconds: float = 300) -> None:
        """Wait until a cell's log has a text."""
        deadline = time.monotonic() + seconds
        while not any(text in path.read_text("utf-8", "replace") for path in self._logs()):
            assert self.process.poll() is None, self.ended().output
            assert time.monotonic() < deadline, f"no log has {text!r}"
            time.sleep(0.1)

    def ended(self, *, seconds: float = 600) -> Ended:
        """Wait for its end."""
        text, _ = self.process.communicate(timeout=seconds)
        return Ended(code=self.process.returncode, output=text, directory=self.output)

    def _logs(self) -> tuple[Path, ...]:
        return tuple((report_dir(self.output) / "logs").glob("*.log"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Rig:
    """The engine. `name`: as of the script."""

    name: str

    @property
    def flags(self) -> tuple[str, ...]:
        """The flags that choose it and our own images."""
        return ("--engine", self.name.partition("-")[0], "--image", "debian")

    def build(self, project: Path, output: Path, *arguments: str, **variables: str) -> Ended:
        """Run `runner build` to its end."""
        return run_build(project, output, *self.flags, *arguments, **variables)

    @contextmanager
    def started(self, project: Path, output: Path, *arguments: str) -> Iterator[Running]:
        """Start `runner build`; kill it if the test leaves it running."""
        argv = runner_argv("build", project, "--output-dir", output, *self.flags, *arguments)
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        with subprocess.Popen(argv, env=runner_environ(), text=True, **streams) as process:  # type: ignore[call-overload]
            try:
                yield Running(process=process, output=output)
            finally:
                if process.poll() is None:
                    process.send_signal(signal.SIGKILL)

    def containers(self) -> tuple[str, ...]:
        """Return the runs of all containers of the program, running or not.

        An image of ours hands the label on to any container, without a run.
        """
        host = os.environ.get("DOCKER_HOST") or os.environ["CONTAINER_HOST"]
        shown = f'{{{{.Label "{LABEL}"}}}}'
        argv = ("docker", "--host", host, "ps", "--all", "--format", shown, "--filter", f"label={LABEL}")
        return tuple(subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split())

    def is_clean(self, *, seconds: float = 10) -> bool:
        """Whether no container is left, after some seconds at most."""
        deadline = time.monotonic() + seconds
        while self.containers():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.2)
        return True

    def restart(self) -> None:
        """Stop the engine and start it again, as its upgrade does."""
        subprocess.run((REPOSITORY / "scripts" / "engine-rig", self.name, "--restart"), check=True, timeout=180)
