"""A bad configuration ends the command at once: exit code 2, a line for each mistake, and nothing was started."""

import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from bad_layers import IN_LAYERS, IN_VARIABLES
from bad_tables import IN_TABLE

from matrix_runner.cli import main

WHOLE = tuple(text for text, _, _ in IN_LAYERS) + tuple(f"[tool.matrix-runner]\n{body}" for body, _, _ in IN_TABLE)
PROJECT = '[project]\nname = "demo"\nversion = "1"\n'
THREE = (
    '[tool.matrix-runner]\njobs = "many"\nbuid = "*"\n[[tool.matrix-runner.overrides]]\nselect = "cp39-*"\nskip = "*"\n'
)


class Daemon:
    """A socket in a daemon's place that answers nobody and counts who came."""

    def __init__(self, path: str) -> None:
        self.calls = 0
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(path)
        self._socket.listen()
        self.address = f"unix://{path}"
        self._thread = threading.Thread(target=self._answer)
        self._thread.start()

    def _answer(self) -> None:
        while True:
            try:
                caller, _ = self._socket.accept()
            except OSError:
                return
            self.calls += 1
            caller.close()

    def close(self) -> None:
        """Stop listening."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


@pytest.fixture(name="daemon", scope="module")
def _daemon() -> Iterator[Daemon]:
    # A socket's path has at most 107 bytes, and those of pytest's directories may have more.
    with tempfile.TemporaryDirectory() as directory:
        daemon = Daemon(f"{directory}/docker.sock")
        try:
            yield daemon
        finally:
            daemon.close()


@pytest.fixture(name="place")
def _place(tmp_path: Path, daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a directory that is the current one, with nothing in it and nothing of the machine's settings."""
    for name in [one for one in os.environ if one.startswith(("MATRIX_RUNNER_", "CIBW_", "DOCKER_", "CONTAINER_"))]:
        monkeypatch.delenv(name)
    for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "TMPDIR"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("DOCKER_HOST", daemon.address)
    place = tmp_path / "project"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


def everything_below(directory: Path) -> set[Path]:
    """Return each file and directory."""
    return set(directory.rglob("*"))


def refused(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Run `runner build` in this process; it must end with 2, print nothing on standard output and leave nothing."""
    before = everything_below(place.parent)
    monkeypatch.setattr(sys, "argv", ["runner", "build"])
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr()
    assert (ended.value.code, printed.out) == (2, "")
    assert "Traceback" not in printed.err
    assert everything_below(place.parent) == before
    return printed.err.splitlines()


def test_there_are_enough_of_them() -> None:
    """Far more than sixty bad configurations are tried."""
    assert len(set(WHOLE)) + len(IN_VARIABLES) > 150


@pytest.mark.parametrize("content", WHOLE, ids=[content[-50:] for content in WHOLE])
def test_a_bad_file_starts_nothing(
    place: Path, daemon: Daemon, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    """One mistake in the file is one line on standard error; no engine is asked and nothing is written."""
    (place / "pyproject.toml").write_text(content)
    calls = daemon.calls
    (line,) = refused(place, monkeypatch, capsys)
    assert line.startswith("pyproject.toml:")
    assert daemon.calls == calls


@pytest.mark.parametrize(("name", "value", "said"), IN_VARIABLES, ids=[n + v[:20] for n, v, _ in IN_VARIABLES])
def test_a_bad_variable_starts_nothing(
    place: Path,
    daemon: Daemon,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    name: str,
    value: str,
    said: str,
) -> None:
    """The same for a variable."""
    (place / "pyproject.toml").write_text(PROJECT)
    monkeypatch.setenv(name, value)
    calls = daemon.calls
    (line,) = refused(place, monkeypatch, capsys)
    assert line.startswith(said)
    assert daemon.calls == calls


def runner(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m matrix_runner` as a user would."""
    return subprocess.run(
        (sys.executable, "-m", "matrix_runner", *arguments),
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "arguments", [("build",), ("plan",), ("build", "--engine", "docker", "--output-dir", "dist"), ("explain", "cp39-x")]
)
def test_three_mistakes_are_all_named(place: Path, daemon: Daemon, arguments: tuple[str, ...]) -> None:
    """Three mistakes in one file are three lines, whichever command reads it, and the engine hears nothing."""
    (place / "pyproject.toml").write_text(THREE)
    before, calls = everything_below(place.parent), daemon.calls
    done = runner(place, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert [line.rpartition(": ")[0].split(": ")[:2] for line in done.stderr.splitlines()] == [
        ["pyproject.toml:2", "tool.matrix-runner.jobs"],
        ["pyproject.toml:3", "tool.matrix-runner.buid"],
        ["pyproject.toml:6", "tool.matrix-runner.overrides[0].skip"],
    ]
    assert everything_below(place.parent) == before
    assert daemon.calls == calls


def test_a_drop_in_with_mistakes_starts_nothing(place: Path, daemon: Daemon) -> None:
    """The same for the other tool's table: three mistakes, three lines, not a word more."""
    table = '[tool.cibuildwheel]\nbuid = "*"\ninherit = "befor-all"\nenvironment = "A"\n'
    (place / "pyproject.toml").write_text(table)
    calls = daemon.calls
    done = runner(place, "build")
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 3)
    assert daemon.calls == calls


def test_a_good_configuration_does_ask(place: Path, daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    """The counter counts: without a mistake the engine is asked, and as it does not answer, the exit code is 4."""
    (place / "pyproject.toml").write_text(PROJECT)
    calls = daemon.calls
    monkeypatch.setenv("MATRIX_RUNNER_ENGINE_TIMEOUT", "4s")
    done = runner(place, "build", "--engine", "docker")
    assert done.returncode == 4
    assert daemon.calls > calls
