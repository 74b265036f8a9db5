"""Completion of commands, flags and identifiers, in real shells where they are here."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from report_story import CP39, CP311
from runner_process import REPOSITORY, runner_environ

from matrix_runner.cli import cli
from matrix_runner.errors import UsageError
from matrix_runner.model.events import RunStarted
from matrix_runner.report.event_stream import EventFile

MAIN = 'import sys; sys.argv[0] = "runner"; from matrix_runner.cli import main; main()'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of two cells, whose last run had two others."""
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "demo"\nversion = "1"\n[tool.matrix-runner]\nbuild = "cp31[23]-*"\narchs = "x86_64"\n'
        'skip = "*musllinux*"\n'
    )
    directory = tmp_path / "wheelhouse-report"
    directory.mkdir()
    events = EventFile(directory)
    events.handle(RunStarted(at=0, run="r", cells=(CP39, CP311), workers=1))
    events.close()
    return tmp_path


@pytest.fixture(scope="module")
def bin_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the command in it, for PATH."""
    directory = tmp_path_factory.mktemp("bin")
    program = directory / "runner"
    program.write_text(f"#!/bin/sh\nexec {sys.executable} -c '{MAIN}' \"$@\"\n")
    program.chmod(0o755)
    return directory


def completed(directory: Path, *words: str) -> list[str]:
    """Return the completions of the last word, as the protocol of click's fish script gives them."""
    environ = runner_environ(
        _RUNNER_COMPLETE="fish_complete", COMP_WORDS=" ".join(("runner", *words)), COMP_CWORD=words[-1]
    )
    done = subprocess.run(
        (sys.executable, "-c", MAIN), cwd=directory, env=environ, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return [line.partition(",")[2].partition("\t")[0] for line in done.stdout.splitlines() if line]


@pytest.mark.parametrize(
    "words", [("explain", "cp3"), ("shell", "cp3"), ("build", "--only", "cp3"), ("build", "--skip", "cp")]
)
def test_identifiers_of_the_plan(project: Path, words: tuple[str, ...]) -> None:
    """Of the project in the current directory."""
    assert completed(project, *words) == ["cp312-manylinux_x86_64", "cp313-manylinux_x86_64"]


def test_identifiers_of_the_last_run(project: Path) -> None:
    """Where its logs are wanted."""
    assert completed(project, "logs", "cp") == [str(CP39), str(CP311)]


def test_mistakes_complete_nothing_and_say_nothing(tmp_path: Path) -> None:
    """No project, no run, a mistake in the table."""
    assert completed(tmp_path, "logs", "cp") == []
    (tmp_path / "pyproject.toml").write_text("[tool.matrix-runner]\nbuild = 7\n")
    assert completed(tmp_path, "explain", "cp") == []


def test_bash_completes(project: Path, bin_directory: Path) -> None:
    """By the script that is installed, in bash itself."""
    home = project / "home"
    environ = {**os.environ, "HOME": str(home), "SHELL": "/bin/bash", "XDG_DATA_HOME": ""}
    installed = CliRunner().invoke(cli, ["completion", "--install"], env=environ)
    script = home / ".local/share/bash-completion/completions/runner"
    assert str(script) in installed.output
    ask = f"""
. {script}
COMP_WORDS=(runner explain cp313)
COMP_CWORD=2
_runner_completion runner
echo "${{COMPREPLY[@]}}"
"""
    path = f"{bin_directory}:{os.environ['PATH']}"
    environ = runner_environ(PATH=path, PYTHONPATH=str(REPOSITORY))
    done = subprocess.run(("bash", "-c", ask), cwd=project, env=environ, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["cp313-manylinux_x86_64"]


@pytest.mark.parametrize(
    ("shell", "place"),
    [("zsh", ".local/share/zsh/site-functions/_runner"), ("fish", ".config/fish/completions/runner.fish")],
)
def test_each_shell_has_its_place(tmp_path: Path, shell: str, place: str) -> None:
    """In the home directory, and the script is the one that is printed."""
    environ = {"HOME": str(tmp_path), "XDG_DATA_HOME": "", "XDG_CONFIG_HOME": ""}
    CliRunner().invoke(cli, ["completion", shell, "--install"], env=environ)
    printed = CliRunner().invoke(cli, ["completion", shell], env=environ).output
    assert (tmp_path / place).read_text() == printed
    assert "_RUNNER_COMPLETE" in printed
    if program := shutil.which(shell):
        subprocess.run((program, "-n", tmp_path / place), check=True)


def test_an_unknown_shell_is_told() -> None:
    """With those that there are."""
    done = CliRunner().invoke(cli, ["completion"], env={"SHELL": "/bin/tcsh"})
    assert isinstance(done.exception, UsageError)
    assert "bash, zsh, fish" in (done.exception.hint or "")
