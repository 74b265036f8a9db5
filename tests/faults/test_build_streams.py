"""Where a run's words go may be gone, full or closed: the build, its wheels and its exit code are what they were."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from runner_process import runner_argv, runner_environ
from stub_project import Stub, stub_project


@pytest.fixture
def stub(tmp_path: Path) -> Stub:
    """Write the project."""
    return stub_project(tmp_path)


@pytest.mark.parametrize(("variant", "code", "wheels"), [("", 0, 1), ("two", 5, 0)])
def test_a_reader_that_goes_away_does_not_change_the_exit_code(
    stub: Stub, variant: str, code: int, wheels: int
) -> None:
    """`runner build | head -1` ends with the run's own exit code, be it good or bad, and delivers."""
    process = subprocess.Popen(
        stub.argv, env=runner_environ(STUB=variant), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read()
    assert (process.returncode, errors) == (code, b"")
    assert stub.wheels == wheels


def test_a_full_disk_behind_standard_output_does_not_stop_a_build(stub: Stub) -> None:
    """A log on a full disk costs the log, not the wheels, and shows no traceback."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            stub.argv, env=runner_environ(), stdout=full, stderr=subprocess.PIPE, check=False, timeout=120
        )
    assert (done.returncode, done.stderr) == (0, b"")
    assert stub.wheels == 1


def test_closed_streams_are_no_harm(stub: Stub) -> None:
    """`runner build >&- 2>&-` builds as always: what is opened first does not become its output."""
    command = ["sh", "-c", 'exec "$@" >&- 2>&-', "sh", *stub.argv]
    assert subprocess.run(command, env=runner_environ(), check=False, timeout=120).returncode == 0
    assert stub.wheels == 1


def test_a_plan_that_cannot_be_written_fails_in_one_line() -> None:
    """`runner plan > FILE` on a full disk says so, with the exit code of a machine that failed."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            runner_argv("plan", Path(__file__).parents[2] / "example-project"),
            env=runner_environ(),
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            timeout=120,
        )
    assert done.returncode == 4
    assert done.stderr.decode().splitlines() == [f"error: [Errno 28] {os.strerror(28)}"]


def test_a_summary_that_github_cannot_take_is_a_warning(stub: Stub, tmp_path: Path) -> None:
    """A GITHUB_STEP_SUMMARY that is not there, as in a container of the job, leaves result and exit code alone."""
    summary = tmp_path / "not-there" / "summary.md"
    done = subprocess.run(
        stub.argv,
        env=runner_environ(GITHUB_STEP_SUMMARY=str(summary)),
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0
    assert done.stderr.decode().startswith("warning: GITHUB_STEP_SUMMARY: ")
    assert done.stderr.count(b"\n") == 1


def test_a_user_without_a_home_is_told_so() -> None:
    """A numeric user of whom the system knows nothing gets a line that names HOME, and no directory called `~`."""
    script = (
        "import os, sys, platformdirs.unix, matrix_runner.cli as cli\n"
        "from matrix_runner.cli import build, plan\n"
        "from matrix_runner.cli.wiring import directories\n"
        "from platformdirs import user_cache_path\n"
        "user_cache_path('x')\n"
        "os.environ.pop('HOME')\n"
        "import pwd; pwd.getpwuid = lambda uid: (_ for _ in ()).throw(KeyError(uid))\n"
        "from matrix_runner.errors import MachineError\n"
        "try:\n    directories.state_dir()\n"
        "except MachineError as error:\n    print(error, '|', error.hint)\n"
    )
    environ = {name: value for name, value in runner_environ().items() if not name.startswith("XDG_")}
    done = subprocess.run([sys.executable, "-c", script], env=environ, capture_output=True, check=False, timeout=60)
    assert done.stderr == b""
    assert done.stdout.decode() == (
        "this user has no home directory | set HOME to a directory that can be written to\n"
    )


@pytest.mark.parametrize(("variables", "has_folds"), [({}, True), ({"MATRIX_RUNNER_LOG_FOLDS": "none"}, False)])
def test_folds_can_be_switched_off(stub: Stub, variables: dict[str, str], *, has_folds: bool) -> None:
    """On GitHub there are folds and annotations, unless `log-folds` says that nothing is for a CI system."""
    environ = runner_environ(STUB="two", GITHUB_ACTIONS="true", **variables)
    done = subprocess.run(stub.argv, env=environ, capture_output=True, check=False, timeout=120, text=True)
    assert done.returncode == 5
    assert any(line.startswith("::error") for line in done.stdout.splitlines()) is has_folds
    assert any(line.startswith("::") for line in done.stdout.splitlines()) is has_folds


def outputs_of(file: Path) -> dict[str, str]:
    """Read the outputs of a GitHub step, none of which here has several lines."""
    lines = file.read_text("utf-8").splitlines()
    return {lines[at].partition("<<")[0]: lines[at + 1] for at in range(0, len(lines), 3)}


@pytest.mark.parametrize("variant", ["", "two"])
def test_later_steps_on_github_learn_what_became_of_the_cells(stub: Stub, tmp_path: Path, variant: str) -> None:
    """Of a run that failed too: wheels, cells and verdict are outputs, and the page has the summary."""
    files = {name: tmp_path / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    environ = runner_environ(STUB=variant, GITHUB_ACTIONS="true", **{name: str(path) for name, path in files.items()})
    subprocess.run(stub.argv, env=environ, capture_output=True, check=False, timeout=120)
    outputs = outputs_of(files["GITHUB_OUTPUT"])
    wheels = [path.name for path in stub.output.glob("*.whl")]
    assert json.loads(outputs["wheels"]) == wheels
    assert outputs["passed"] == ("false" if variant else "true")
    assert len(json.loads(outputs["failed-cells"])) == bool(variant)
    assert len(json.loads(outputs["passed-cells"])) == len(wheels)
    assert outputs["output-dir"] == str(stub.output)
    assert files["GITHUB_STEP_SUMMARY"].read_text("utf-8").startswith("### Wheels\n")


def test_a_run_without_a_cell_has_outputs(stub: Stub, tmp_path: Path) -> None:
    """With `allow-empty`, a later job's `fromJSON` finds empty lists."""
    argv = [*stub.argv, "--skip", "*"]
    environ = runner_environ(GITHUB_OUTPUT=str(tmp_path / "outputs"), MATRIX_RUNNER_ALLOW_EMPTY="true")
    assert subprocess.run(argv, env=environ, capture_output=True, check=False, timeout=120).returncode == 0
    outputs = outputs_of(tmp_path / "outputs")
    assert (outputs["wheels"], outputs["failed-cells"], outputs["passed"]) == ("[]", "[]", "true")


@pytest.mark.parametrize(("variables", "is_told"), [({}, True), ({"MATRIX_RUNNER_LOG_FOLDS": "none"}, False)])
def test_a_plan_that_fails_is_on_githubs_page(
    stub: Stub, tmp_path: Path, variables: dict[str, str], *, is_told: bool
) -> None:
    """An error that lets no run begin is annotated, once, and stands in the summary."""
    page = tmp_path / "summary.md"
    environ = runner_environ(GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(page), **variables)
    argv = [*stub.argv, "--skip", "*"]
    done = subprocess.run(argv, env=environ, capture_output=True, check=False, timeout=120, text=True)
    assert done.returncode == 3
    assert done.stderr.count("::error title=matrix-runner::") == is_told
    assert "The build was stopped" in page.read_text("utf-8")
