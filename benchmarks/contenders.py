"""Who is measured, and how each is run on the same work."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from floor import ready_containers
from workload import ARCHS, INTERPRETERS, BenchmarkError, Workload, environment

from matrix_runner.model.outcomes import Status
from matrix_runner.report.files import read_report

_LIMIT = 1800.0
"""Seconds after which a run counts as failed."""


class Contender(Protocol):
    """One row of the table."""

    @property
    def name(self) -> str:
        """The row's name."""
        ...

    def measure(self, workload: Workload, place: Path) -> float:
        """Do the work once, in an empty directory; return the wall-clock seconds. Raise BenchmarkError."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Cibuildwheel:
    """The peer, from an environment of its own."""

    program: Path
    frontend: str

    @property
    def name(self) -> str:
        """The row's name."""
        return f"cibuildwheel, {self.frontend}"

    def measure(self, workload: Workload, place: Path) -> float:
        """Run it with the options in its variables, so that the project's own settings are overridden."""
        env = environment("CIBW_") | {
            "CIBW_PLATFORM": "linux",
            "CIBW_ARCHS": " ".join(ARCHS),
            "CIBW_BUILD": _patterns(),
            "CIBW_BUILD_FRONTEND": self.frontend,
            "CIBW_TEST_COMMAND": workload.project.test_command,
            "CIBW_TEST_REQUIRES": "",
            "CIBW_TEST_GROUPS": "",
            "CIBW_TEST_EXTRAS": "",
            **{f"CIBW_MANYLINUX_{arch.upper()}_IMAGE": workload.image(arch) for arch in ARCHS},
        }
        if workload.ca_bundle is not None:
            # It mounts the host's root at /host.
            bundle = f"/host{workload.ca_bundle}"
            env["CIBW_ENVIRONMENT"] = f"PIP_CERT={bundle} SSL_CERT_FILE={bundle}"
        output = place / "wheelhouse"
        argv = (str(self.program), "--output-dir", str(output), str(workload.source))
        seconds = _timed(argv, env, workload.source, place / "log")
        _check_wheels(output, workload)
        return seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class MatrixRunner:
    """This project, from the environment that runs the benchmark. `frontend`: None for what it takes by itself."""

    program: Path
    frontend: str | None

    @property
    def name(self) -> str:
        """The row's name."""
        return "runner" if self.frontend is None else f"runner, {self.frontend}"

    def measure(self, workload: Workload, place: Path) -> float:
        """Run it; a cell that was taken from a cache would make the figure worthless."""
        env = environment("MATRIX_RUNNER_") | {
            "MATRIX_RUNNER_BUILD": _patterns(),
            "MATRIX_RUNNER_ARCHS": " ".join(ARCHS),
            "MATRIX_RUNNER_TEST_COMMAND": workload.project.test_command,
            **{f"MATRIX_RUNNER_MANYLINUX_{arch.upper()}_IMAGE": workload.image(arch) for arch in ARCHS},
        }
        if self.frontend is not None:
            env["MATRIX_RUNNER_BUILD_FRONTEND"] = self.frontend
        output = place / "wheelhouse"
        argv = (str(self.program), "build", "--engine", "docker", "--output-dir", str(output), str(workload.source))
        seconds = _timed(argv, env, workload.source, place / "log")
        _check_wheels(output, workload)
        report = read_report((output / "report.json").read_bytes())
        if any(outcome.status is not Status.PASSED for outcome in report.outcomes):
            raise BenchmarkError(f"not every cell was built anew; see {output / 'report.json'}")
        return seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class Floor:
    """The commands that nobody can do without, in containers and environments that are ready."""

    @property
    def name(self) -> str:
        """The row's name."""
        return "floor: the bare commands"

    def measure(self, workload: Workload, place: Path) -> float:
        """Compile, repair and import in a shell loop for each container, both loops at once."""
        with ready_containers(workload, place) as containers:
            started = time.monotonic()
            with _processes(tuple(container.loop(workload) for container in containers), place / "log") as loops:
                statuses = [loop.wait(timeout=_LIMIT) for loop in loops]
            seconds = time.monotonic() - started
        if any(statuses):
            raise BenchmarkError(f"the bare commands failed; see {place / 'log'}")
        return seconds


def _patterns() -> str:
    return " ".join(f"{interpreter}-manylinux_*" for interpreter in INTERPRETERS)


def _timed(argv: tuple[str, ...], env: dict[str, str], cwd: Path, log: Path) -> float:
    with log.open("wb") as stream:
        started = time.monotonic()
        try:
            done = subprocess.run(
                argv,
                check=False,
                env=env,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                timeout=_LIMIT,
            )
        except subprocess.TimeoutExpired as error:
            raise BenchmarkError(f"no end after {_LIMIT:.0f} s; see {log}") from error
        except FileNotFoundError as error:
            raise BenchmarkError(f"{argv[0]} is not there") from error
        seconds = time.monotonic() - started
    if done.returncode != 0:
        raise BenchmarkError(f"exit status {done.returncode}; see {log}")
    return seconds


def _check_wheels(output: Path, workload: Workload) -> None:
    found = len(tuple(output.glob("*.whl")))
    if found != workload.cells:
        raise BenchmarkError(f"{found} wheels in {output} instead of {workload.cells}")
    shutil.rmtree(output / "logs", ignore_errors=True)


@contextmanager
def _processes(argvs: tuple[tuple[str, ...], ...], log: Path) -> Iterator[tuple[subprocess.Popen[bytes], ...]]:
    running: list[subprocess.Popen[bytes]] = []
    with log.open("ab") as stream:
        try:
            for argv in argvs:
                running.append(  # noqa: PERF401 - each must be known before the next can fail
                    subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT)
                )
            yield tuple(running)
        finally:
            for process in running:
                process.kill()
                process.wait()
