"""`runner watch` on this machine itself: what begins a run, what ends one, and what is left of it."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from played_terminal import PlayedTerminal
from runner_process import report_dir, runner_argv, runner_environ
from started_build import processes, wait_for
from stub_project import ONLY, Stub, stub_project
from watched_build import RESTING, watched_build


def change(path: Path, text: str) -> None:
    """Add a line to a file."""
    path.write_text(f"{path.read_text('utf-8')}{text}\n", "utf-8")


def git(directory: Path, *arguments: str) -> None:
    """Run git as somebody with a name."""
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    subprocess.run(("git", *who, *arguments), cwd=directory, check=True, capture_output=True)


def hold(stub: Stub, begun: Path, seconds: str) -> str:
    """Have the project's build take that long, and make a file when it begins; return what its backend was."""
    backend = stub.project / "backend.py"
    good = backend.read_text("utf-8")
    wait = f"import subprocess\nopen({str(begun)!r}, 'w').close()\nsubprocess.run(['sleep', '{seconds}'])\n"
    backend.write_text(f"{good}\n{wait}", "utf-8")
    return good


@pytest.fixture(name="stub")
def _stub(tmp_path: Path) -> Stub:
    """Make a project in a checkout that ignores objects."""
    stub = stub_project(tmp_path)
    (stub.project / ".gitignore").write_text("*.o\n")
    git(stub.project, "init", "--quiet")
    git(stub.project, "add", ".")
    git(stub.project, "commit", "--quiet", "-m", "one")
    return stub


def report(stub: Stub) -> dict[str, object]:
    """Return the report of the last run."""
    found = json.loads((report_dir(stub.output) / "report.json").read_text("utf-8"))
    assert isinstance(found, dict)
    return found


def test_a_change_builds_again(stub: Stub) -> None:
    """The first run begins at once; a change is named, and its wheel takes the place of the last one."""
    with watched_build(stub.project, stub.output) as build:
        assert any("1 wheel" in line for line in build.wait_for(RESTING))
        (wheel,) = stub.output.glob("*.whl")
        before = wheel.read_bytes()
        backend = stub.project / "backend.py"
        backend.write_text(backend.read_text("utf-8").replace('"stub.py": b""', '"stub.py": b"X = 1"'))
        lines = build.wait_for(RESTING)
        assert lines[0] == "backend.py changed"
        assert any(line.startswith("1 wheel") for line in lines)
        assert wheel.read_bytes() != before
        assert build.end() == 0


def test_what_does_not_go_into_the_cells_builds_nothing(stub: Stub) -> None:
    """Ignored files, a commit, an open file of an editor, another time of a file; a file in a new directory does."""
    with watched_build(stub.project, stub.output) as build:
        build.wait_for(RESTING)
        (stub.project / "x.o").write_text("object")
        (stub.project / ".backend.py.swp").write_text("vim")
        (stub.project / "backend.py").touch()
        git(stub.project, "commit", "--quiet", "--allow-empty", "-m", "two")
        (stub.project / "deep/down").mkdir(parents=True)
        assert build.is_silent(3)
        (stub.project / "deep/down/new.c").write_text("int x;\n")
        assert build.wait_for(RESTING)[0] == "deep/down/new.c changed"
        git(stub.project, "rm", "--quiet", "--cached", "backend.py")
        assert build.is_silent(2)
        assert build.end() == 0


def test_output_within_the_project_builds_nothing(stub: Stub) -> None:
    """A run does not begin itself anew by the wheels and reports that it writes."""
    with watched_build(stub.project, Path("dist")) as build:
        build.wait_for(RESTING)
        assert list((stub.project / "dist").glob("*.whl"))
        assert build.is_silent(3)


def test_a_failure_is_told_and_mended(stub: Stub) -> None:
    """Watching goes on after a failed run; the exit code is that of the last one."""
    backend = stub.project / "backend.py"
    good = backend.read_text("utf-8")
    with watched_build(stub.project, stub.output) as build:
        build.wait_for(RESTING)
        backend.write_text(f"{good}\nraise SystemExit('broken on purpose')\n", "utf-8")
        assert any("broken on purpose" in line for line in build.wait_for(RESTING))
        backend.write_text(good, "utf-8")
        assert any(line.startswith("1 wheel") for line in build.wait_for(RESTING))
        backend.write_text(f"{good}\nraise SystemExit('broken again')\n", "utf-8")
        build.wait_for(RESTING)
        assert build.end() == 1


def test_the_configuration_is_read_again(stub: Stub) -> None:
    """A new plan by a changed option; a mistake is told, and so is one that was there from the beginning."""
    pyproject = stub.project / "pyproject.toml"
    good = pyproject.read_text("utf-8")
    pyproject.write_text(f"{good}biuld = 1\n", "utf-8")
    with watched_build(stub.project, stub.output) as build:
        first = build.wait_for(RESTING)
        assert first[0].startswith("pyproject.toml:13: tool.matrix-runner.biuld: unknown option")
        change(stub.project / "backend.py", "# nobody builds it")
        assert build.is_silent(2)
        pyproject.write_text(f"{good}# mended\n", "utf-8")
        lines = build.wait_for(RESTING)
        assert lines[0] == "pyproject.toml changed"
        assert any(line.startswith("1 wheel") for line in lines)
        pyproject.write_text(f"{good}[[", "utf-8")
        build.wait_for("pyproject.toml:1")
        build.wait_for(RESTING)
        pyproject.write_text(f'{good}skip = "*"\n', "utf-8")
        build.wait_for("no cell is selected")
        build.wait_for(RESTING)
        assert build.end() == 3


def test_a_run_that_is_overtaken_is_stopped(stub: Stub, tmp_path: Path) -> None:
    """What ran is gone before the next run begins, which has the change in it; nothing is left of either."""
    begun, long = tmp_path / "begun", "86397"
    good = hold(stub, begun, long)
    with watched_build(stub.project, stub.output) as build:
        wait_for(begun.exists, 120, "it has not begun")
        wait_for(lambda: bool(processes(long)), 20, "nothing runs")
        (stub.project / "backend.py").write_text(good, "utf-8")
        lines = build.wait_for(RESTING)
        (told,) = [line for line in lines if "changed" in line]
        assert told == "backend.py changed: what ran is stopped"
        # It has no summary of its own.
        assert [line for line in lines if line.startswith("no wheel")] == []
        assert processes(long) == ()
        assert report(stub)["exit_code"] == 0
        assert build.end() == 0
    assert list((tmp_path / "wheelhouse").glob("*.whl"))


def test_changes_one_after_another(stub: Stub, tmp_path: Path) -> None:
    """Each overtakes the run before it; the last one is built."""
    with watched_build(stub.project, stub.output) as build:
        build.wait_for(RESTING)
        good = (stub.project / "backend.py").read_text("utf-8")
        for number in range(3):
            begun = tmp_path / f"begun{number}"
            (stub.project / "backend.py").write_text(good, "utf-8")
            hold(stub, begun, "86396")
            build.wait_for("backend.py changed")
            wait_for(begun.exists, 120, "it has not begun")
        (stub.project / "backend.py").write_text(good, "utf-8")
        assert any(line.startswith("1 wheel") for line in build.wait_for(RESTING))
        assert build.end() == 0
    assert processes("86396") == ()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)])
def test_a_signal_during_a_run(stub: Stub, tmp_path: Path, number: signal.Signals, code: int) -> None:
    """It ends the run as one of `runner build`, and the watch with it."""
    begun, long = tmp_path / "begun", "86399"
    hold(stub, begun, long)
    with watched_build(stub.project, stub.output) as build:
        wait_for(begun.exists, 120, "it has not begun")
        assert build.end(number) == code
    assert processes(long) == ()
    assert report(stub)["exit_code"] == code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_nothing_runs(stub: Stub, number: signal.Signals) -> None:
    """Others than Ctrl-C are no end that a person has chosen."""
    with watched_build(stub.project, stub.output) as build:
        build.wait_for(RESTING)
        assert build.end(number) == 143


def test_events_for_programs(stub: Stub) -> None:
    """With `--progress json` standard output has events only, of one run after another."""
    argv = runner_argv("watch", "--only", ONLY, "--output-dir", stub.output, "--progress", "json")
    with subprocess.Popen(
        argv, cwd=stub.project, env=runner_environ(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        events = (json.loads(line)["event"] for line in process.stdout)
        while next(events) != "run-finished":
            pass
        change(stub.project / "backend.py", "# again")
        assert next(events) == "run-started"
        while next(events) != "run-finished":
            pass
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


def test_without_the_library(stub: Stub, tmp_path: Path) -> None:
    """The line that installs it, and no run."""
    hiding = tmp_path / "hiding"
    hiding.mkdir()
    (hiding / "watchfiles.py").write_text("raise ImportError('hidden')\n")
    path = f"{hiding}{os.pathsep}{runner_environ()['PYTHONPATH']}"
    done = subprocess.run(
        runner_argv("watch", stub.project),
        env=runner_environ(PYTHONPATH=path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "error: watching needs the package watchfiles",
        "hint: pip install 'matrix-runner[watch]'",
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("demo-1.0.tar.gz",), "is no directory"),
        ((".git",), "not a Python project"),
        ((".", "--jobs", "many"), "--jobs: expected an integer"),
    ],
)
def test_what_no_change_can_mend(stub: Stub, arguments: tuple[str, ...], words: str) -> None:
    """An sdist, a directory without a project, and mistakes in flags: the command ends at once."""
    done = subprocess.run(
        runner_argv("watch", *arguments),
        cwd=stub.project,
        env=runner_environ(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert words in done.stderr


def test_more_directories_than_the_kernel_watches(stub: Stub) -> None:
    """The limit is named, and nothing is left running that nobody watches."""
    for number in range(20):
        (stub.project / f"part{number}").mkdir()
    script = 'echo 5 >/proc/sys/user/max_inotify_watches; exec "$@"'
    namespace = ("unshare", "--user", "--map-root-user", "sh", "-c", script, "sh")
    argv = (*namespace, *runner_argv("watch", "--only", ONLY, "--output-dir", stub.output))
    done = subprocess.run(
        argv, cwd=stub.project, env=runner_environ(), capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 4, done.stdout
    assert "files cannot be watched" in done.stderr
    assert "fs.inotify.max_user_watches" in done.stderr


@pytest.fixture(name="terminal")
def _terminal(stub: Stub) -> Iterator[PlayedTerminal]:
    argv = runner_argv("watch", "--only", ONLY, "--output-dir", stub.output)
    environ = {**runner_environ(TERM="xterm-256color"), "PYTHONUNBUFFERED": "1"}
    environ.pop("COLUMNS", None)
    terminal = PlayedTerminal(argv, cwd=stub.project, env=environ)
    yield terminal
    terminal.close()


def plain(text: str) -> str:
    """Return a text without escape sequences."""
    return re.sub("\x1b\\[[0-9;?]*[A-Za-z]", "", text)


def test_the_board_stays(stub: Stub, terminal: PlayedTerminal) -> None:
    """On a terminal the cells remain in sight from run to run, with what is waited for below them."""
    interpreter = ONLY.partition("-")[0]
    seen = plain(terminal.wait_for(RESTING))
    assert re.search(rf"✔ {interpreter}-\S+ +passed", seen)
    assert "1 of 1 cell done" in seen
    assert "watching 3 files" in seen
    # It has not been taken away: nothing was drawn after it.
    assert terminal.seen.rstrip().endswith(RESTING) or RESTING in terminal.seen[-60:]
    backend = stub.project / "backend.py"
    good = backend.read_text("utf-8")
    backend.write_text(f"{good}\nraise SystemExit('broken on purpose')\n", "utf-8")
    seen = plain(terminal.wait_for(RESTING))
    assert "backend.py changed" in seen
    assert re.search(rf"✘ {interpreter}-\S+ +failed", seen)
    assert f"FAILED  {interpreter}" in seen
    assert f"runner shell {interpreter}" in seen
    change(stub.project / "pyproject.toml", "[[")
    assert "pyproject.toml:13" in plain(terminal.wait_for("watching 1 file"))
    terminal.type("\x03")
    assert terminal.end() == 2
    # The cursor is there again, and below the board.
    assert terminal.seen.rstrip("\r\n").endswith("\x1b[?25h")


def test_the_terminal_is_left_in_order(stub: Stub, terminal: PlayedTerminal, tmp_path: Path) -> None:
    """Also if it is Ctrl-C in the middle of a run."""
    terminal.wait_for(RESTING)
    begun = tmp_path / "begun"
    hold(stub, begun, "86398")
    wait_for(begun.exists, 120, "it has not begun")
    terminal.type("\x03")
    assert terminal.end() == 130
    assert terminal.seen.count("\x1b[?25l") <= terminal.seen.count("\x1b[?25h")
    assert processes("86398") == ()
