"""The two tools: how each is installed, and how each is run on the same work."""

import os
import shutil
import uuid
import venv
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from timing import timed
from workload import BenchmarkError, Workload, command, environment

from matrix_runner.engine.api import PersistentItem
from matrix_runner.engine.docker.sdk.sdk_engine import DockerEngine
from matrix_runner.engine.surroundings import EngineSurroundings
from matrix_runner.errors import MachineError, UsageError
from matrix_runner.model.outcomes import Report, Status
from matrix_runner.report.summary.report_json import read_report


@dataclass(frozen=True, kw_only=True, slots=True)
class Peer:
    """cibuildwheel, in an environment of its own."""

    python: Path

    @property
    def program(self) -> Path:
        """Its command."""
        return self.python.with_name("cibuildwheel")

    def build(self, workload: Workload, frontend: str, place: Path) -> float:
        """Build all cells; return the seconds. All options are in variables; the project's own do not count."""
        env = environment("CIBW_") | {
            "CIBW_PLATFORM": "linux",
            "CIBW_ARCHS": " ".join(workload.archs),
            "CIBW_BUILD": workload.patterns,
            "CIBW_BUILD_FRONTEND": frontend,
            "CIBW_BEFORE_ALL": workload.before_all,
            "CIBW_TEST_COMMAND": workload.test_command,
            "CIBW_TEST_REQUIRES": "",
            "CIBW_TEST_GROUPS": "",
            "CIBW_TEST_EXTRAS": "",
            **{f"CIBW_MANYLINUX_{arch.upper()}_IMAGE": workload.image(arch) for arch in workload.archs},
        }
        if workload.ca_bundle is not None:
            # It mounts the host's root at /host.
            bundle = f"/host{workload.ca_bundle}"
            env["CIBW_ENVIRONMENT"] = f"PIP_CERT={bundle} SSL_CERT_FILE={bundle}"
        output = place / "wheelhouse"
        own = ("--config-file", str(_no_settings(place, "cibuildwheel")), "--output-dir", str(output))
        seconds = timed(
            (str(self.program), *own, str(workload.source)), log=place / "log", env=env, cwd=workload.source
        )
        _check_wheels(output, workload)
        return seconds


def install_peer(work: Path) -> Peer:
    """Install the newest cibuildwheel."""
    python = work / "peer" / "bin" / "python"
    if not python.exists():
        print("making an environment for cibuildwheel", flush=True)
        venv.create(work / "peer", with_pip=True)
    pip = (str(python), "-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--upgrade")
    command((*pip, "cibuildwheel"))
    return Peer(python=python)


@dataclass(frozen=True, kw_only=True, slots=True)
class Runner:
    """matrix-runner, from the environment that runs the benchmark."""

    program: Path

    def build(
        self,
        workload: Workload,
        place: Path,
        *,
        home: Path,
        expected: Status = Status.PASSED,
        options: Mapping[str, str] = MappingProxyType({}),
    ) -> float:
        """Build all cells; return the seconds.

        `home`: the directory for all that is kept between runs; an empty one makes a cold run. `expected`: how each
        cell must end: PASSED, built by this run, or CACHED. `options`: further ones, as `COMPILER_CACHE`.
        """
        output = place / "wheelhouse"
        settings = _no_settings(place, "matrix-runner")
        own = ("--engine", "docker", "--config-file", str(settings), "--output-dir", str(output))
        argv = (str(self.program), "build", *own, str(workload.source))
        env = _environment(workload, home, options)
        seconds = timed(argv, log=place / "log", env=env, cwd=workload.source)
        _check_wheels(output, workload)
        report = report_of(place)
        if any(outcome.status is not expected for outcome in report.outcomes):
            raise BenchmarkError(f"not every cell is {expected}; see {place / 'wheelhouse-report'}")
        return seconds


@contextmanager
def home_directory(path: Path) -> Iterator[Path]:
    """Give the runner a place for all that it keeps between runs; nothing of it is left, in the engine neither.

    The engine's part is found by its owner, who is known by the state directory: an empty one makes a new owner.
    """
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    try:
        yield path
    finally:
        engine = _engine(path)
        try:
            for kept in engine.persistent_items():
                engine.remove_persistent(kept)
        except MachineError as error:
            print(f"could not remove what runs have kept in Docker: {error.message}")
        finally:
            engine.close()
            shutil.rmtree(path, ignore_errors=True)


def items_of(home: Path) -> tuple[PersistentItem, ...]:
    """Return what runs have kept in the engine under a home directory."""
    with closing(_engine(home)) as engine:
        return engine.persistent_items(sized=False)


def _engine(home: Path) -> DockerEngine:
    state = home / "state" / "matrix-runner"
    surroundings = EngineSurroundings(environ=os.environ, state_dir=state, work_dir=state / "work")
    return DockerEngine(run=uuid.uuid4().hex[:12], surroundings=surroundings)


def report_of(place: Path) -> Report:
    """Return the report of matrix-runner's run in a place. Raise BenchmarkError."""
    try:
        return read_report((place / "wheelhouse-report" / "report.json").read_bytes())
    except (OSError, UsageError) as error:
        raise BenchmarkError(f"no report of the run in {place}: {error}") from error


def _environment(workload: Workload, home: Path, options: Mapping[str, str]) -> dict[str, str]:
    return environment("MATRIX_RUNNER_", "CIBW_") | {
        "XDG_CACHE_HOME": str(home / "cache"),
        "XDG_STATE_HOME": str(home / "state"),
        "MATRIX_RUNNER_BUILD": workload.patterns,
        "MATRIX_RUNNER_ARCHS": " ".join(workload.archs),
        "MATRIX_RUNNER_BEFORE_ALL": workload.before_all,
        "MATRIX_RUNNER_TEST_COMMAND": workload.test_command,
        **{f"MATRIX_RUNNER_MANYLINUX_{arch.upper()}_IMAGE": workload.image(arch) for arch in workload.archs},
        **{f"MATRIX_RUNNER_{name}": value for name, value in options.items()},
    }


def _no_settings(place: Path, tool: str) -> Path:
    """Return a file in which a tool finds no settings: those of the project are made for other cells."""
    file = place / "settings.toml"
    file.write_text(f"[tool.{tool}]\n", encoding="utf-8")
    return file


def _check_wheels(output: Path, workload: Workload) -> None:
    found = len(tuple(output.glob("*.whl")))
    if found != workload.cells:
        raise BenchmarkError(f"{found} wheels in {output} instead of {workload.cells}")


def host_bundle() -> Path | None:
    """Return this machine's own CA bundle, which the containers need to reach the package index; None: none is set."""
    bundle = os.environ.get("SSL_CERT_FILE")
    return Path(bundle).resolve() if bundle else None
