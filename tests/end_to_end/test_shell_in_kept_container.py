"""`runner shell` in the container that a failed run has kept: as it was left, as often as one likes, until it goes."""

import base64
import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from played_terminal import PlayedTerminal
from podman_service import podman_service
from runner_process import leftovers, run_build, run_command, runner_argv, runner_environ
from sample_projects import extension_project, write_project

CELL = "cp311-manylinux_i686"
NAME = f"matrix-runner/debug:{CELL}"
UP = "\x1b[A"
SECRET = "word-of-the-host"

SETTINGS = """
environment = { GREETING = "hello", WIDTH = "$(getconf LONG_BIT)" }
environment-pass = ["PASSED"]
test-environment = { FOR_TESTS = "yes" }
test-command = "test -e mended"
debug-keep-container = true
"""


@pytest.fixture(name="directory")
def _directory(tmp_path: Path) -> Iterator[Path]:
    """Give a directory whose runs are nobody else's; remove the image that they keep."""
    yield tmp_path
    for program in ("docker", "podman"):
        subprocess.run((program, "image", "rm", "--force", NAME), capture_output=True, check=False)


def variables(directory: Path, **more: str) -> dict[str, str]:
    """Return variables for commands on the project."""
    own = {name: str(directory / name) for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME")}
    return {**own, "PASSED": SECRET, **more}


def shell(directory: Path, *words: str, **more: str) -> PlayedTerminal:
    """Start the command on the project in a directory."""
    argv = runner_argv("shell", CELL, directory / "project", "--image", "debian", *words)
    return PlayedTerminal(argv, cwd=directory, env=runner_environ(TERM="xterm", **variables(directory, **more)))


def fail(directory: Path, *words: str, **more: str) -> str:
    """Run a build that fails; return what it said."""
    ended = run_build(
        directory / "project",
        directory / "wheelhouse",
        *("--image", "debian", "--only", CELL, *words),
        **variables(directory, **more),
    )
    assert ended.code == 1, ended.output
    assert ended.cells[CELL]["kept"] == NAME
    again = " ".join((CELL, str(directory / "project"), *words, "--image", "debian"))
    assert f"go into its container, which is kept: runner shell {again}\n" in ended.output
    return ended.output


def note(program: str = "docker") -> str:
    """Return the note that the kept image carries."""
    done = subprocess.run((program, "image", "inspect", NAME), capture_output=True, text=True, check=True)
    (image,) = json.loads(done.stdout)
    return base64.urlsafe_b64decode(image["Config"]["Labels"]["matrix-runner.kept-cell"]).decode()


@pytest.mark.own_images
def test_a_shell_has_the_rights_of_its_step(directory: Path) -> None:
    """In a strict sandbox it is the user's, with the variables as that user evaluates them: what failed fails again."""
    write_project(directory / "project", extension_project(settings=f'{SETTINGS}sandbox = "strict"\n'))
    fail(directory)
    with closing(shell(directory)) as terminal:
        terminal.wait_for(f"({CELL}, test) /matrix/test")
        terminal.type("echo user $(id -u) $GREETING $FOR_TESTS $HOME; grep CapEff /proc/self/status\n")
        terminal.wait_for("\nuser 1000 hello yes /matrix/home\nCapEff:\t0000000000000000\n")
        terminal.type("! touch /usr/mine; touch mended\n")
        terminal.type(f"{UP}{UP}{UP}\n")
        terminal.type("echo status $?\n")
        terminal.wait_for("\nstatus 0\n")
        terminal.type("exit\n")
        assert terminal.end() == 0


@pytest.mark.own_images
def test_a_person_goes_into_the_container_that_failed(directory: Path) -> None:
    """Variables, directory and personality of its step; what they do there goes with the shell, the container stays."""
    write_project(directory / "project", extension_project(settings=SETTINGS))
    fail(directory)
    assert SECRET not in note()
    report = (directory / "wheelhouse-report" / "report.json").read_bytes()
    for _ in range(2):
        with closing(shell(directory)) as terminal:
            terminal.wait_for(f"({CELL}, test) /matrix/test")
            assert "after test had failed: exit status 1" in terminal.seen
            terminal.type("echo $(uname -m) $GREETING $WIDTH $FOR_TESTS $PASSED $MATRIX_RUNNER_IDENTIFIER\n")
            terminal.wait_for(f"\ni686 hello 32 yes {SECRET} {CELL}\n")
            terminal.type("python -c 'import answer; print(answer.answer())'; test -e mended || touch mended\n")
            terminal.wait_for("\n42\n")
            terminal.type(f"{UP}{UP}{UP}\n")
            terminal.type("echo status $?\n")
            terminal.wait_for("\nstatus 0\n")
            terminal.type("exit\n")
            assert terminal.end() == 0
        assert "cell to build" not in terminal.seen
        assert f"`runner shell {CELL} --discard` removes it" in terminal.seen
    containers = subprocess.run(
        # Of this test's own: others build such a cell too.
        ("docker", "ps", "--all", "--quiet", "--filter", f"ancestor={NAME}"),
        capture_output=True,
        text=True,
        check=True,
    )
    assert containers.stdout == ""
    assert (directory / "wheelhouse-report" / "report.json").read_bytes() == report


@pytest.mark.own_images
def test_a_build_that_failed_is_mended_in_its_container(directory: Path) -> None:
    """The frontend's command passes once the code is mended, though what it had installed was in memory."""
    files = extension_project(settings="debug-keep-container = true\n")
    files["answer.c"] += "\n#error this cannot be compiled\n"
    write_project(directory / "project", files)
    fail(directory)
    with closing(shell(directory)) as terminal:
        terminal.wait_for(f"({CELL}, build) /project")
        terminal.type("sed -i '/#error/d' answer.c\n")
        terminal.type(f"{UP}{UP}\n")
        terminal.type("echo status $?; ls /matrix/built\n")
        terminal.wait_for("\nstatus 0\nanswer-1.0-cp311-cp311-linux_i686.whl\n", seconds=300)
        terminal.type("exit\n")
        assert terminal.end() == 0
    assert "#error" in (directory / "project" / "answer.c").read_text()


@pytest.mark.own_images
def test_a_kept_container_stays_until_somebody_removes_it(directory: Path) -> None:
    """No later run sweeps it; one that has been at the cell since makes it old; when it is gone, that is told."""
    project = write_project(directory / "project", extension_project(settings=SETTINGS))
    fail(directory)
    kept = note()
    good = SETTINGS.replace("test -e mended", "true")
    (project / "pyproject.toml").write_text(extension_project(settings=good)["pyproject.toml"])
    passed = run_build(project, directory / "wheelhouse", "--image", "debian", "--only", CELL, **variables(directory))
    assert passed.code == 0, passed.output
    pruned = run_command("cache", "prune", "--age", "1s", **variables(directory))
    assert pruned.returncode == 0, pruned.stderr
    assert note() == kept
    listed = run_command("cache", "list", **variables(directory)).stdout
    assert "1 kept container" in listed
    assert f"container that failed in test  {NAME}\n" in listed
    with closing(shell(directory)) as terminal:
        terminal.wait_for("was at this cell since: it is built anew")
        assert terminal.end(seconds=300) == 0
    assert "no step failed" in terminal.seen

    (project / "pyproject.toml").write_text(extension_project(settings=SETTINGS)["pyproject.toml"])
    fail(directory)
    discarded = run_command("shell", CELL, project, "--image", "debian", "--discard", **variables(directory))
    assert discarded.returncode == 0, discarded.stderr
    assert f"removed the container of {CELL} that run " in discarded.stdout
    assert subprocess.run(("docker", "image", "inspect", NAME), capture_output=True, check=False).returncode != 0
    with closing(shell(directory)) as terminal:
        terminal.wait_for("kept is gone: the cell is built anew")
        terminal.wait_for(f"{CELL}, after test has failed", seconds=300)
        terminal.type("exit\n")
        assert terminal.end() == 0
    # A visit keeps nothing: what is in that container is the visitor's.
    assert subprocess.run(("docker", "image", "inspect", NAME), capture_output=True, check=False).returncode != 0
    for run in set(re.findall(r", run ([0-9a-f]+)\n", terminal.seen)):
        assert leftovers(run) == ()


@pytest.mark.own_images
def test_new_makes_a_new_container(directory: Path) -> None:
    """Though one is kept, which stays."""
    write_project(directory / "project", extension_project(settings=SETTINGS))
    fail(directory)
    for flags, seen in ((("--new",), "after test has failed"), (("--step", "build"), "before build")):
        with closing(shell(directory, *flags)) as terminal:
            terminal.wait_for(f"{CELL}, {seen}", seconds=300)
            terminal.type("exit\n")
            assert terminal.end() == 0
    assert '"step": "test"' in note()


@pytest.mark.own_images
def test_a_person_goes_into_a_container_of_podman(directory: Path) -> None:
    """By Podman's own program, through its service."""
    write_project(directory / "project", extension_project(settings=SETTINGS))
    with podman_service(directory, ["matrix-runner/manylinux_2_31_i686"]) as endpoint:
        fail(directory, "--engine", "podman", CONTAINER_HOST=endpoint.url)
        with closing(shell(directory, "--engine", "podman", CONTAINER_HOST=endpoint.url)) as terminal:
            terminal.wait_for(f"({CELL}, test) /matrix/test")
            terminal.type("echo $(uname -m) $GREETING $PASSED\n")
            terminal.wait_for(f"\ni686 hello {SECRET}\n")
            terminal.type("exit\n")
            assert terminal.end() == 0
        discarded = run_command(
            *("shell", CELL, directory / "project", "--image", "debian", "--engine", "podman", "--discard"),
            **variables(directory, CONTAINER_HOST=endpoint.url),
        )
        assert discarded.returncode == 0, discarded.stderr
    assert subprocess.run(("podman", "image", "inspect", NAME), capture_output=True, check=False).returncode != 0
