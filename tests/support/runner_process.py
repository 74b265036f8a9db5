"""Runs the command as a person does, in a process of its own, and gives back all that it left."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import cast

REPOSITORY = Path(__file__).parents[2]
EXAMPLE = REPOSITORY / "example-project"

JSON = dict[str, object]

NO_ENGINE = {"DOCKER_HOST": "tcp://127.0.0.1:9", "CONTAINER_HOST": "unix:///nonexistent/podman.sock"}
"""Variables for planning as on any machine, with Docker or without: for Docker elsewhere, where nothing answers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """A run of the command that has ended."""

    code: int
    output: str
    directory: Path

    @property
    def wheels(self) -> tuple[Path, ...]:
        """The wheels in the output directory, sorted by name."""
        return tuple(sorted(self.directory.glob("*.whl")))

    @property
    def report_directory(self) -> Path:
        """The directory of report.json and the logs."""
        return report_dir(self.directory)

    @property
    def report(self) -> JSON:
        """What report.json says."""
        return cast("JSON", json.loads((self.report_directory / "report.json").read_text("utf-8")))

    @property
    def cells(self) -> dict[str, JSON]:
        """The cells of the report, by identifier."""
        return {str(cell["cell"]): cell for cell in cast("list[JSON]", self.report["cells"])}


def report_dir(output: Path) -> Path:
    """Return the report directory that belongs to an output directory."""
    return output.with_name(f"{output.name}-report")


def runner_argv(*arguments: str | Path) -> list[str]:
    """Return the command line that starts the program under test."""
    return [sys.executable, "-m", "matrix_runner", *map(str, arguments)]


def runner_environ(**variables: str) -> dict[str, str]:
    """Return this process's environment without what would configure the program, and with these variables.

    Nothing is kept for later runs unless a variable says so: no test finds what another one left.
    """
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MATRIX_RUNNER_")}
    of_ci = ("CI", "TRAVIS", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT", "GITLAB_CI", "TF_BUILD")
    # pytest-xdist gives each worker the size of a terminal.
    for name in (*of_ci, "BUILDKITE", "CIRCLECI", "TEAMCITY_VERSION", "COLUMNS", "LINES"):
        clean.pop(name, None)
    return {**clean, "PYTHONPATH": str(REPOSITORY), "NO_COLOR": "1", "MATRIX_RUNNER_NO_CACHE": "1", **variables}


def run_build(project: Path, output: Path, *arguments: str, **variables: str) -> Ended:
    """Run `runner build` to its end."""
    argv = runner_argv("build", project, "--output-dir", output, *arguments)
    done = subprocess.run(
        argv,
        env=runner_environ(**variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        timeout=1500,
    )
    return Ended(code=done.returncode, output=done.stdout.decode("utf-8", "replace"), directory=output)


def run_command(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the program that builds nothing to its end."""
    environ = runner_environ(**variables)
    return subprocess.run(
        runner_argv(*arguments), env=environ, capture_output=True, text=True, check=False, timeout=300
    )


def leftovers(run: str = "") -> tuple[str, ...]:
    """Return the names of the containers on this daemon that runs of the program, or a run, have started."""
    label = f"label=matrix-runner.run={run}" if run else "label=matrix-runner.run"
    listed = subprocess.run(
        ("docker", "ps", "--all", "--filter", label, "--format", "{{.Names}}"),
        capture_output=True,
        text=True,
        check=True,
    )
    return tuple(listed.stdout.split())
