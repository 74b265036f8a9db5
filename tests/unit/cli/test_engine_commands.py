"""What doctor, image and cache say of engines: of a machine with Docker, with Podman, with both, or with neither."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from played_daemon import played_daemon

from matrix_runner.cli import cli
from matrix_runner.errors import EngineError, UsageError


@pytest.fixture(name="sockets", autouse=True)
def _sockets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Name sockets in a directory of the test's own, at which nothing listens yet."""
    for name, file in (("DOCKER_HOST", "d.sock"), ("CONTAINER_HOST", "p.sock")):
        monkeypatch.setenv(name, f"unix://{tmp_path}/{file}")
    for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.delenv("MATRIX_RUNNER_CONTAINER_ENGINE", raising=False)
    monkeypatch.setenv("MATRIX_RUNNER_ENGINE_TIMEOUT", "4s")
    # The doctor asks no index then.
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    return tmp_path


@contextmanager
def daemons(sockets: Path, names: str) -> Iterator[None]:
    """Play `d`, a Docker daemon, `p`, Podman's service, or both."""
    with ExitStack() as stack:
        for name in names:
            stack.enter_context(played_daemon(sockets / f"{name}.sock", is_podman=name == "p"))
        yield


def run(*arguments: str) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(cli, list(arguments), standalone_mode=False)


def sections(output: str) -> dict[str, list[str]]:
    """Return the doctor's sections: the lines below each title."""
    found: dict[str, list[str]] = {}
    for line in output.splitlines():
        if line.startswith("  "):
            found[list(found)[-1]].append(line.strip())
        else:
            found[line] = []
    return found


@pytest.mark.parametrize("running", ["dp", "d", "p"])
def test_the_doctor_tells_each_container_engine(sockets: Path, running: str) -> None:
    """One that answers with its version and address; another in one line without advice, as one is enough."""
    with daemons(sockets, running):
        found = sections(run("doctor").stdout)
    for title, name in (("Docker", "d"), ("Podman", "p")):
        first, *more = found[title]
        if name in running:
            assert first == f"{title.lower()} 9.9 at unix://{sockets}/{name}.sock, aarch64"
            assert more == ["no image was made here; `runner image build` makes one where none can be pulled"]
        else:
            assert first.startswith(f"there is no {title} socket at unix://{sockets}/{name}.sock")
            assert more == []


def test_the_doctor_has_advice_where_neither_answers() -> None:
    """Each engine with what makes it answer; a build would wait for them in vain, so this is no success."""
    done = run("doctor")
    found = sections(done.stdout)
    for title in ("Docker", "Podman"):
        assert found[title][0].startswith(f"error: there is no {title} socket")
        assert [line for line in found[title] if line.startswith(f"hint: Start {title}")] == found[title][1:]
    assert done.return_value == 4


@pytest.mark.parametrize(("running", "engine", "code"), [("p", "docker", 4), ("d", "docker", 0), ("", "local", 0)])
def test_the_engine_that_is_named_must_answer(sockets: Path, running: str, engine: str, code: int) -> None:
    """What another one offers does not count for a build that names its engine."""
    with daemons(sockets, running):
        assert run("doctor", "--engine", engine).return_value == code


@pytest.mark.parametrize(
    ("running", "flags", "remark"),
    [
        ("dp", (), None),
        ("d", (), None),
        ("p", (), "container-engine = podman: there is no Docker socket"),
        ("p", ("--engine", "podman"), None),
        ("dp", ("--engine", "docker"), None),
        ("p", ("--engine", "auto"), "container-engine = podman: there is no Docker socket"),
    ],
)
def test_images_are_where_the_engine_is(sockets: Path, running: str, flags: tuple[str, ...], remark: str) -> None:
    """Docker, else Podman, which is said; or the one that is named."""
    with daemons(sockets, running):
        done = run("image", "list", *flags)
    *said, last = done.stderr.splitlines()
    assert (done.exit_code, done.stdout) == (0, "")
    assert last.startswith("No image has been made")
    assert [line[: len(remark or "")] for line in said] == ([remark] if remark else [])


@pytest.mark.parametrize(("running", "engine"), [("d", "podman"), ("p", "docker"), ("", "auto")])
def test_images_without_the_engine(sockets: Path, running: str, engine: str) -> None:
    """The other one is not taken for one that was named; the wait is that of the option engine-timeout."""
    with daemons(sockets, running):
        done = run("image", "list", "--engine", engine)
    assert isinstance(done.exception, EngineError)
    assert done.exception.hint
    assert "waiting up to 1 s for it" in done.stderr


def test_a_mistaken_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told like a mistake in any variable of an option."""
    monkeypatch.setenv("MATRIX_RUNNER_ENGINE_TIMEOUT", "soon")
    error = run("image", "list").exception
    assert isinstance(error, UsageError)
    assert error.message.startswith("MATRIX_RUNNER_ENGINE_TIMEOUT: ")


def test_the_variable_of_the_option_counts(sockets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it does for a build; what it says of arguments has no meaning here."""
    monkeypatch.setenv("MATRIX_RUNNER_CONTAINER_ENGINE", "podman; create-args: --network=host")
    with daemons(sockets, "dp"):
        assert run("image", "list").exit_code == 0
    with daemons(sockets, "d"):
        assert isinstance(run("image", "list").exception, EngineError)


@pytest.mark.parametrize("command", ["list", "build"])
@pytest.mark.parametrize(("engine", "words"), [("local", "has no images"), ("dokcer", 'did you mean "docker"')])
def test_an_engine_without_images_is_a_mistake(command: str, engine: str, words: str) -> None:
    """The machine itself, or no engine at all: exit code 2, before anything is asked."""
    error = run("image", command, "--engine", engine).exception
    assert isinstance(error, UsageError)
    assert error.message.startswith("--engine: ")
    assert words in error.message


@pytest.mark.parametrize(("running", "silent"), [("d", "Podman"), ("p", "Docker")])
def test_the_cache_says_which_engine_cannot_be_asked(sockets: Path, running: str, silent: str) -> None:
    """Of the one that answers there is nothing to tell, as it keeps nothing."""
    with daemons(sockets, running):
        lines = run("cache", "list").stdout.splitlines()
    assert [line for line in lines if "cannot be said" in line] == [
        line for line in lines if line.startswith(f"what is kept by {silent} cannot be said: there is no {silent} sock")
    ]
    assert len([line for line in lines if silent in line]) == 1
