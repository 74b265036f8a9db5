"""`runner shell` on a terminal: where a step fails, before a step, and without either."""

import sys
from contextlib import closing
from pathlib import Path

from played_terminal import PlayedTerminal
from runner_process import run_command, runner_argv, runner_environ
from stub_project import Stub, stub_project

CELL = f"cp{sys.version_info.major}{sys.version_info.minor}-manylinux_x86_64"


UP = "\x1b[A"


def visit(stub: Stub, *words: str, home: Path) -> PlayedTerminal:
    """Start the command for the stub's cell."""
    argv = runner_argv("shell", CELL, stub.project, *words)
    return PlayedTerminal(argv, cwd=stub.project.parent, env=runner_environ(TERM="xterm", HOME=str(home)))


def test_the_shell_opens_where_a_step_fails(tmp_path: Path) -> None:
    """In its directory, with its variables and its command in the history; nothing of the run is left."""
    stub = stub_project(tmp_path, 'before-build = "echo $GREETING; test -e mended"\nenvironment = "GREETING=hello"\n')
    with closing(visit(stub, home=tmp_path)) as terminal:
        seen = terminal.wait_for("arrow-up")
        assert f"{CELL}, after before-build has failed: exit status 1" in seen
        terminal.wait_for(f"({CELL}, before-build)")
        terminal.type("touch mended; echo $MATRIX_RUNNER_IDENTIFIER\n")
        terminal.wait_for(f"\n{CELL}\n")
        terminal.type(f"{UP}{UP}\n")
        terminal.wait_for("test -e mended\nhello\n")
        terminal.type("echo status $?\n")
        terminal.wait_for("\nstatus 0\n")
        terminal.type("exit\n")
        assert terminal.end() == 0
    assert "failed" not in terminal.seen.partition("arrow-up")[2]
    assert not stub.output.exists()
    assert not (tmp_path / "wheelhouse-report").exists()
    assert list(stub.project.glob("mended")) == []


def test_the_shell_opens_before_a_step_that_is_named(tmp_path: Path) -> None:
    """Though nothing has failed; what comes before it is done."""
    stub = stub_project(tmp_path, 'before-build = "touch prepared"\n')
    with closing(visit(stub, "--step", "build", home=tmp_path)) as terminal:
        terminal.wait_for(f"{CELL}, before build")
        terminal.wait_for(f"({CELL}, build)")
        terminal.type("ls prepared\n")
        terminal.wait_for("\nprepared\n")
        terminal.type("exit 3\n")
        # The status of the person's last command means nothing here.
        assert terminal.end() == 0


def test_a_command_of_several_lines_is_one_of_the_history(tmp_path: Path) -> None:
    """As a script."""
    stub = stub_project(tmp_path, 'before-build = """\ncat <<END\nfirst\nsecond\nEND\nfalse\n"""\n')
    with closing(visit(stub, home=tmp_path)) as terminal:
        terminal.wait_for(f"({CELL}, before-build)")
        terminal.type(f"{UP}\n")
        terminal.wait_for("first\nsecond\n")
        terminal.type("exit\n")
        terminal.end()


def test_a_cell_in_which_nothing_fails_has_no_shell(tmp_path: Path) -> None:
    """It says so, and what to do."""
    stub = stub_project(tmp_path)
    with closing(visit(stub, home=tmp_path)) as terminal:
        assert terminal.end() == 0
    assert "no step failed; --step names one to stop before" in terminal.seen


def test_without_a_terminal_there_is_no_shell(tmp_path: Path) -> None:
    """As in CI."""
    stub = stub_project(tmp_path)
    done = run_command("shell", CELL, stub.project)
    assert done.returncode == 2
    assert "a shell needs a terminal" in done.stderr
    assert "--debug-keep-container" in done.stderr


def test_a_pattern_that_several_cells_match_is_refused(tmp_path: Path) -> None:
    """With some of their names."""
    stub = stub_project(tmp_path)
    argv = runner_argv("shell", "cp31*", stub.project, "--engine", "docker")
    environ = runner_environ(DOCKER_HOST="unix:///nonexistent/docker.sock", MATRIX_RUNNER_ENGINE_TIMEOUT="0")
    with closing(PlayedTerminal(argv, cwd=tmp_path, env=environ)) as terminal:
        assert terminal.end() == 4
