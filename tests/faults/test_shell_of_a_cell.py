"""`runner shell` on a terminal: where a step fails, before a step, and without either."""

import shutil
import sys
from contextlib import closing
from pathlib import Path

from played_terminal import PlayedTerminal
from runner_process import run_build, run_command, runner_argv, runner_environ
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


def test_the_package_may_come_first(tmp_path: Path) -> None:
    """As it does for `runner build`: only one of the two is a directory."""
    stub = stub_project(tmp_path)
    argv = runner_argv("shell", stub.project, CELL)
    with closing(PlayedTerminal(argv, cwd=tmp_path, env=runner_environ(TERM="xterm", HOME=str(tmp_path)))) as terminal:
        assert terminal.end() == 0
    assert "no step failed" in terminal.seen


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


KEEPING = """
before-build = "echo $GREETING; test -e mended"
environment = "GREETING=hello"
debug-keep-container = true
"""


def fail(stub: Stub, home: Path, code: int = 1) -> Path:
    """Let the stub's cell fail, and return the directory that is kept of it. `code`: the exit code."""
    ended = run_build(stub.project, stub.project.parent / "wheelhouse", "--only", CELL, HOME=str(home))
    assert ended.code == code, ended.output
    return Path(str(ended.cells[CELL]["kept"]))


def test_the_shell_opens_in_the_directory_that_was_kept(tmp_path: Path) -> None:
    """At its own place again, with the step's variables; what is done there is not done to what is kept."""
    stub = stub_project(tmp_path, KEEPING)
    kept = fail(stub, tmp_path)
    for _ in range(2):
        with closing(visit(stub, home=tmp_path)) as terminal:
            terminal.wait_for(f"({CELL}, before-build)", seconds=200)
            assert "after before-build had failed: exit status 1" in terminal.seen
            terminal.type("touch mended; command -v auditwheel patchelf >/dev/null; echo tools $?\n")
            terminal.wait_for("\ntools 0\n")
            terminal.type(f"{UP}{UP}\n")
            terminal.wait_for("test -e mended\nhello\n")
            terminal.type("echo status $?\n")
            terminal.wait_for("\nstatus 0\n")
            terminal.type("exit\n")
            assert terminal.end() == 0
        assert "cell to build" not in terminal.seen
    assert (kept / "project").is_dir()
    done = run_command("shell", CELL, stub.project, "--discard", HOME=str(tmp_path))
    assert done.stdout.startswith(f"removed the container of {CELL} that run "), done.stderr
    assert not kept.exists()


def test_a_directory_that_was_kept_by_hand_removed(tmp_path: Path) -> None:
    """The cell is built anew, and the reason is told; with a flag it is built anew in any case."""
    stub = stub_project(tmp_path, KEEPING)
    kept = fail(stub, tmp_path)
    with closing(visit(stub, "--new", home=tmp_path)) as terminal:
        terminal.wait_for("after before-build has failed: exit status 1", seconds=200)
        terminal.type("exit\n")
        assert terminal.end() == 0
    assert kept.is_dir()
    shutil.rmtree(kept)
    kept.with_name(f"{kept.name}.label").unlink()
    with closing(visit(stub, home=tmp_path)) as terminal:
        terminal.wait_for("kept is gone: the cell is built anew")
        terminal.wait_for("after before-build has failed: exit status 1", seconds=200)
        terminal.type("exit\n")
        assert terminal.end() == 0


def test_a_variable_that_cannot_be_set_any_more_is_told(tmp_path: Path) -> None:
    """A command in `environment` that fails today: the error says so, and what to do."""
    stub = stub_project(tmp_path, KEEPING)
    fail(stub, tmp_path)
    file = stub.project / "pyproject.toml"
    file.write_text(file.read_text().replace('"GREETING=hello"', "'GREETING=\"$(false)\"'"))
    with closing(visit(stub, home=tmp_path)) as terminal:
        assert terminal.end() == 4
    assert "the variables of the cell cannot be set in its kept container: " in terminal.seen
    assert "environment: a command in the value of GREETING failed" in terminal.seen
    assert f"`runner shell {CELL} --new` builds the cell anew." in terminal.seen


def test_a_wheel_that_was_refused_has_a_kept_container_too(tmp_path: Path) -> None:
    """No command failed there: the last one is in the history."""
    stub = stub_project(tmp_path, "debug-keep-container = true\n")
    backend = stub.project / "backend.py"
    backend.write_text(backend.read_text().replace("Tag: ", "Tag: py2-none-any\\nTag: "))
    fail(stub, tmp_path, code=5)
    with closing(visit(stub, home=tmp_path)) as terminal:
        terminal.wait_for(f"({CELL}, repair)", seconds=200)
        terminal.type("exit\n")
        assert terminal.end() == 0
    assert "after verify had failed: stub-1-" in terminal.seen
    assert "The last command, of repair, is in the shell's history" in terminal.seen


def test_flags_that_contradict_each_other(tmp_path: Path) -> None:
    """Nothing is removed where a shell is asked for."""
    stub = stub_project(tmp_path)
    for flags in (("--new",), ("--step", "build")):
        done = run_command("shell", CELL, stub.project, "--discard", *flags)
        assert done.returncode == 2
        assert "--discard opens no shell" in done.stderr


def test_nothing_is_kept(tmp_path: Path) -> None:
    """Then there is nothing to discard, which is no error."""
    stub = stub_project(tmp_path)
    done = run_command("shell", CELL, stub.project, "--discard", HOME=str(tmp_path))
    assert (done.returncode, done.stdout) == (0, f"no container of {CELL} is kept here\n")
