"""What a run says and keeps has its secrets masked, wherever they turn up: on the fake engine, and by commands."""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from fake_run import ORDERED, TESTED, FakeRun, outcome, what
from planning import settings_with

from matrix_runner.cli import cli
from matrix_runner.config.options.build_options import (
    BEFORE_ALL,
    BEFORE_BUILD,
    ENVIRONMENT,
    ENVIRONMENT_PASS,
    SECRET_VARIABLES,
)
from matrix_runner.config.options.option import Option
from matrix_runner.config.options.output_options import OVERWRITE
from matrix_runner.config.options.run_options import DEBUG_KEEP_CONTAINER
from matrix_runner.config.options.test_options import TEST_COMMAND
from matrix_runner.engine.api import Ending
from matrix_runner.engine.fake.fake_engine import FakeCall, FakeEngine, FakeFaults, FakeResult
from matrix_runner.errors import ConfigError, EngineError
from matrix_runner.model.cells import Cell
from matrix_runner.model.events import Event, StepStarted
from matrix_runner.report.cell_logs import CellLogs
from matrix_runner.run import build

CELL, OTHER = "cp39-manylinux_x86_64", "cp311-manylinux_x86_64"
SECRET = "s3cr3t-of-the-host"
REMOVAL = ("rm", "-f", "--", "/matrix/environment.sh", "/matrix/test-environment.sh")


@dataclass(kw_only=True, slots=True)
class Everything:
    """A listener that notes all that is told, as text."""

    said: list[str] = field(default_factory=list)

    def handle(self, event: Event) -> None:
        """Note it."""
        self.said.append(repr(event))

    def close(self) -> None:
        """Nothing is held."""


def run_of(directory: Path, *cells: str, values: dict[Option[object], object] | None = None) -> FakeRun:
    """Return a run to which the host hands a secret."""
    given: dict[Option[object], object] = {ENVIRONMENT_PASS: ("PASSED",), TEST_COMMAND: TESTED, OVERWRITE: True}
    fake = FakeRun(
        directory=directory, identifiers=cells or (CELL,), settings=settings_with({**given, **(values or {})})
    )
    fake.environ = {"PASSED": SECRET}
    return fake


def leaks(directory: Path) -> list[str]:
    """Return the files below a directory in which the secret stands."""
    return [str(path) for path in directory.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]


def test_output_that_is_cut_within_a_secret(tmp_path: Path) -> None:
    """It is masked in events, log and store, and the line that says why the cell failed; other output is as it was."""
    pieces = (f"before {SECRET[:7]}".encode(), SECRET[7:].encode() + b" after s3cr", b"et\n", f"{SECRET}\n".encode())
    fake = run_of(tmp_path, CELL, OTHER)
    fake.cache = tmp_path / "cache"
    heard = Everything()
    fake.listeners = (CellLogs(fake.report_dir / "logs"), heard)

    def answer(call: FakeCall) -> FakeResult | None:
        status = 3 if call.spec.name == OTHER else 0
        return FakeResult(output=pieces, status=status) if what(call) == "test" else None

    fake.override = answer
    report = fake.run()
    assert "before *** after s3cret\n***\n" in fake.recorder.log(Cell.parse(CELL))
    failure = outcome(report, OTHER).failure
    assert failure is not None
    assert failure.message == "exit status 3: before *** after s3cret"
    assert "***" in json.dumps(json.loads((fake.report_dir / "report.json").read_text()))
    assert SECRET not in "".join(heard.said)
    assert leaks(fake.wheelhouse) == leaks(fake.cache) == []


def test_a_log_of_a_time_when_nobody_knew_of_the_secret(tmp_path: Path) -> None:
    """It is masked when it is told again; which variables are secret is no reason to build anew."""
    logs = []
    patterns: tuple[tuple[str, ...], ...] = (("!*",), ())
    for own in patterns:
        fake = run_of(tmp_path, values={SECRET_VARIABLES: own})
        fake.cache = tmp_path / "cache"
        fake.listeners = (CellLogs(fake.report_dir / "logs"),)
        fake.override = lambda call: FakeResult(output=(SECRET.encode(),)) if what(call) == "test" else None
        fake.run()
        logs.append(fake.recorder.log(Cell.parse(CELL)))
    assert SECRET in logs[0]
    assert "taken from the cache" in logs[1]
    assert SECRET not in logs[1]


@pytest.mark.parametrize("ending", [Ending.TIMED_OUT, Ending.WENT_SILENT, Ending.OUT_OF_MEMORY])
def test_a_command_that_names_a_secret(tmp_path: Path, ending: Ending) -> None:
    """The command is shown without it, also where a failure quotes the command."""
    fake = run_of(tmp_path, values={BEFORE_BUILD: f"curl {SECRET}"})
    fake.override = lambda call: FakeResult(ending=ending) if "curl" in str(call.request.argv) else None
    failure = outcome(fake.run(), CELL).failure
    assert failure is not None
    assert failure.message.endswith(": curl ***")
    assert "curl ***" in [event.command for event in fake.recorder.events if isinstance(event, StepStarted)]


def test_errors_and_tracebacks(tmp_path: Path) -> None:
    """An error of the engine, a bug of ours and its traceback, and a notice of the run."""
    faults = (EngineError(f"no {SECRET}", hint=f"see {SECRET}"), RuntimeError(f"bug of {SECRET}"))
    for number, fault in enumerate(faults):
        fake = run_of(tmp_path / str(number))
        fake.directory.mkdir()
        heard = Everything()
        fake.listeners = (heard,)

        def fail(call: FakeCall, fault: Exception = fault) -> FakeResult | None:
            if what(call) == "build":
                raise fault
            return None

        fake.override = fail
        failure = outcome(fake.run(), CELL).failure
        assert failure is not None
        assert "***" in failure.message
        assert SECRET not in "".join(heard.said)
        assert leaks(fake.wheelhouse) == []


def calls_and_snapshots(fake: FakeRun) -> list[tuple[str, ...]]:
    """Run; return the commands in their order, with the snapshots among them."""
    done: list[tuple[str, ...]] = []

    def note(_: object) -> None:
        done.append(("snapshot",))

    usual = fake.override

    def answer(call: FakeCall) -> FakeResult | None:
        done.append(call.request.argv)
        return usual(call)

    fake.override, fake.faults = answer, FakeFaults(on_snapshot=note)
    fake.run()
    return done


def test_variables_are_removed_before_an_image_is_kept(tmp_path: Path) -> None:
    """Before the snapshot after `before-all`, and before that of a failed cell; between they are evaluated anew."""
    values: dict[Option[object], object] = {
        BEFORE_ALL: ORDERED,
        ENVIRONMENT: (("A", "1"),),
        DEBUG_KEEP_CONTAINER: True,
    }
    fake = run_of(tmp_path, values=values)
    fake.override = lambda call: FakeResult(status=1) if what(call) == "test" else None
    done = calls_and_snapshots(fake)
    kept = [place for place, argv in enumerate(done) if argv == ("snapshot",)]
    assert len(kept) == 2
    assert all(done[place - 1] == REMOVAL for place in kept)
    assert any("mr_save A" in str(argv) for argv in done[kept[0] : kept[1]])


def test_nothing_is_kept_if_variables_cannot_be_removed(tmp_path: Path) -> None:
    """An image that may hold secrets is not made: `before-all` fails, and a failed cell says that it is not kept."""
    values: dict[Option[object], object] = {BEFORE_ALL: ORDERED, DEBUG_KEEP_CONTAINER: True}
    fake = run_of(tmp_path, values=values)
    fake.override = lambda call: FakeResult(status=1) if call.request.argv == REMOVAL else None
    with fake.engine() as engine:
        report = build(fake.request(engine))
        assert kept_images(engine) == []
    failure = outcome(report, CELL).failure
    assert failure is not None
    assert "could not be removed" in failure.message
    assert "its container could not be kept" in str(failure.hint)


def kept_images(engine: FakeEngine) -> list[str]:
    """Return the names of images that runs made."""
    return [name for name in engine.host.images if name.startswith("matrix-runner/")]


def command(project: Path, *words: str, **variables: str) -> Result:
    """Run a command on a project within this process."""
    own = {name: None for name in os.environ if name.startswith(("MATRIX_RUNNER_", "CIBW_", "DOCKER_"))}
    (project / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "1"\n')
    return CliRunner().invoke(cli, [*words, str(project)], env={**own, "NO_COLOR": "1", **variables})


@pytest.mark.parametrize("name", ["ENVIRONMENT", "TEST_ENVIRONMENT", "ENVIRONMENT_LINUX"])
@pytest.mark.parametrize("prefix", ["MATRIX_RUNNER_", "CIBW_"])
@pytest.mark.parametrize(
    ("value", "why"),
    [
        (f"A=1 {SECRET}", "expected NAME=value as assignment number 2"),
        (f"A='{SECRET}", "no closing quotation mark"),
        (f'A="{SECRET}', "no closing quotation mark"),
        (f"A=$(echo {SECRET}", 'no closing ")" for "$("'),
        (f"{SECRET}=x", "what stands before `=` cannot be the name of an environment variable"),
        (f"A=x;{SECRET}", '";" needs quotes: only assignments are accepted, no commands'),
    ],
)
def test_mistakes_are_told_without_the_value(tmp_path: Path, prefix: str, name: str, value: str, why: str) -> None:
    """A CI system's log gets the variable's name and what is wrong with it, not the secret that is in it."""
    error = command(tmp_path, "plan", **{f"{prefix}{name}": value}).exception
    assert isinstance(error, ConfigError)
    assert error.mistakes == (f"{prefix}{name}: {why} (the value may hold secrets, so it is not shown)",)


def test_a_mistake_in_a_file_is_quoted(tmp_path: Path) -> None:
    """What stands in the project is no secret, and is easier to find."""
    config = tmp_path / "settings.toml"
    config.write_text('[tool.matrix-runner]\nenvironment = "A=\'x"\n')
    error = command(tmp_path, "plan", "--config-file", str(config)).exception
    assert 'no closing quotation mark in "A=\'x"' in str(error)


def test_explain_shows_no_secrets(tmp_path: Path) -> None:
    """Neither in text nor as JSON; names, origins and plain values are there."""
    variables = {
        "MATRIX_RUNNER_ENVIRONMENT": f"A='{SECRET}' B_TOKEN=x CFLAGS='-O2 -g -fno-plt'",
        "MATRIX_RUNNER_CACHE_REMOTE": f"s3://me:{SECRET}@bucket/x",
        "MATRIX_RUNNER_CONTAINER_ENGINE": f"docker; create-args: --env=C={SECRET}",
    }
    for flags in ((), ("--json",)):
        said = command(tmp_path, "explain", *flags, "cp311-manylinux_x86_64", **variables).output
        assert SECRET not in said
        assert "s3://***bucket/x" in said
        for text in ("A=", "***", "B_TOKEN=", "CFLAGS=", "-O2 -g -fno-plt", "MATRIX_RUNNER_ENVIRONMENT"):
            assert text in said


def test_the_credentials_of_the_remote_cache_are_in_no_error(tmp_path: Path) -> None:
    """Neither in the error that ends a command nor in its traceback: here of an engine that is asked for by them."""
    remote, host = f"s3://me:{SECRET}@bucket", f"tcp://{SECRET}"
    variables = {"MATRIX_RUNNER_CACHE_REMOTE": remote, "MATRIX_RUNNER_CONTAINER_ENGINE": "docker", "DOCKER_HOST": host}
    result = command(tmp_path, "build", "--debug-traceback", **variables)
    assert isinstance(result.exception, EngineError)
    assert "tcp://***" in f"{result.exception}"
    assert "Traceback" in result.output
    assert SECRET not in f"{result.output} {result.exception}"
