"""Which engine is asked, and which one would be: sockets in a directory of the test's own, and daemons played there."""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from engine_surroundings import surroundings
from played_daemon import held_daemon, played_daemon

from matrix_runner.config.create_args.create_args import parse_create_args
from matrix_runner.config.kinds.values import EngineChoice
from matrix_runner.engine import selection
from matrix_runner.engine.addresses import named_engines
from matrix_runner.engine.docker import endpoint
from matrix_runner.engine.likely_engine import likely_engine
from matrix_runner.engine.planning_host import container_host
from matrix_runner.engine.selection import (
    AnsweringEngine,
    Patience,
    SilentEngine,
    argument_notices,
    choose_container_engine,
    choose_engine,
    container_engines,
)
from matrix_runner.engine.surroundings import EngineSurroundings
from matrix_runner.errors import EngineError, UsageError
from matrix_runner.model.platforms import Arch

AUTO, DOCKER, PODMAN, LOCAL = (
    EngineChoice.AUTO,
    EngineChoice.DOCKER,
    EngineChoice.PODMAN,
    EngineChoice.LOCAL,
)


def around(directory: Path, **named: str) -> EngineSurroundings:
    """Return surroundings that name both addresses, so that this machine's own engines are never asked."""
    addresses = {"DOCKER_HOST": f"unix://{directory}/d.sock", "CONTAINER_HOST": f"unix://{directory}/p.sock"}
    return surroundings(directory, {"PATH": str(directory), **addresses, **named})


AT_ONCE = Patience(seconds=0, say=lambda _: None)


@contextmanager
def daemons(directory: Path, *names: str) -> Iterator[None]:
    """Play daemons at `d.sock` and `p.sock`."""
    with ExitStack() as stack:
        for name in names:
            stack.enter_context(played_daemon(directory / f"{name}.sock", is_podman=name == "p"))
        yield


@pytest.mark.parametrize(
    ("choice", "running", "engine", "remark"),
    [
        (AUTO, "dp", "docker", None),
        (AUTO, "d", "docker", None),
        (AUTO, "p", "podman", "container-engine = podman: there is no Docker socket at unix://"),
        (DOCKER, "dp", "docker", None),
        (PODMAN, "dp", "podman", None),
        (LOCAL, "dp", "local", None),
    ],
)
def test_the_engine_of_a_build(tmp_path: Path, choice: EngineChoice, running: str, engine: str, remark: str) -> None:
    """`auto` is Docker, else Podman, and says why; an engine by name is that one, and says nothing.

    What would be chosen, seen from the sockets alone, is the same, with the same reason.
    """
    given = around(tmp_path)
    with daemons(tmp_path, *running):
        chosen, likely = choose_engine(choice, "r", given, AT_ONCE), likely_engine(choice, given.environ)
    assert (chosen.engine.name, chosen.info.name, str(likely.choice)) == (engine, engine, engine)
    assert chosen.is_local == likely.is_local == (engine == "local")
    assert (chosen.images is None) == chosen.is_local
    assert chosen.remark == likely.remark
    assert (chosen.remark or "").startswith(remark or "")
    assert (chosen.remark is None) == (remark is None)
    if not chosen.is_local:
        assert likely.endpoint == chosen.info.endpoint


@pytest.mark.parametrize("choice", [DOCKER, PODMAN])
def test_a_named_engine_is_never_replaced(tmp_path: Path, choice: EngineChoice) -> None:
    """One that does not answer is an error, although the other one answers; planning is for it all the same."""
    given, other = around(tmp_path), {"docker": "p", "podman": "d"}[str(choice)]
    with daemons(tmp_path, other), pytest.raises(EngineError, match=f"no {str(choice).capitalize()} socket"):
        choose_engine(choice, "r", given, AT_ONCE)
    likely = likely_engine(choice, given.environ)
    assert (likely.choice, likely.remark) == (choice, None)


def test_podman_that_was_asked_for_and_is_not_there(tmp_path: Path) -> None:
    """Podman by name is never replaced by another engine in silence."""
    given = surroundings(tmp_path, {"CONTAINER_HOST": "unix:///no/such.sock", "HOME": "/root"})
    with pytest.raises(EngineError, match="CONTAINER_HOST"):
        choose_engine(EngineChoice.PODMAN, "r", given, AT_ONCE)


def test_containers_that_are_wanted_are_never_replaced_by_this_machine(tmp_path: Path) -> None:
    """Addresses of which none answers: the error names both, and the plan is for containers."""
    given = around(tmp_path)
    with pytest.raises(EngineError, match=r"no Docker socket .*; there is no Podman socket"):
        choose_engine(AUTO, "r", given, AT_ONCE)
    likely = likely_engine(AUTO, given.environ)
    assert (likely.choice, likely.is_local) == (DOCKER, False)
    assert "no engine answers yet: there is no Docker socket" in str(likely.remark)


def test_podman_by_its_socket_is_no_substitute_for_a_docker_that_is_named(tmp_path: Path) -> None:
    """DOCKER_HOST names the engine that was meant; a socket that happens to be there does not count beside it."""
    environ = {"DOCKER_HOST": f"unix://{tmp_path}/d.sock", "XDG_RUNTIME_DIR": str(tmp_path)}
    (tmp_path / "podman").mkdir()
    with played_daemon(tmp_path / "podman" / "podman.sock", is_podman=True):
        assert [each.choice for each in named_engines(environ)] == [DOCKER]
        with pytest.raises(EngineError, match="no Docker socket"):
            choose_engine(AUTO, "r", surroundings(tmp_path, environ), AT_ONCE)


def test_podman_alone_is_chosen_with_its_reason(tmp_path: Path) -> None:
    """Where only Podman is named, choice and forecast say why it is not Docker."""
    environ = {"CONTAINER_HOST": f"unix://{tmp_path}/p.sock", "DOCKER_HOST": ""}
    with daemons(tmp_path, "p"), pytest.MonkeyPatch.context() as patch:
        patch.setattr(endpoint, "DEFAULT_URL", f"unix://{tmp_path}/none.sock")
        chosen = choose_engine(AUTO, "r", surroundings(tmp_path, environ), AT_ONCE)
        likely = likely_engine(AUTO, environ)
    assert chosen.engine.name == "podman"
    assert chosen.remark == likely.remark
    assert str(chosen.remark).startswith("container-engine = podman: there is no Docker socket at unix://")


def test_a_busy_daemon_is_waited_for(tmp_path: Path) -> None:
    """It accepts connections and answers late: the user is told, and it is Docker all the same."""
    told: list[str] = []
    with held_daemon(tmp_path / "d.sock") as release:
        given = around(tmp_path)

        def tell(text: str) -> None:
            told.append(text)
            release()

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(selection, "FIRST_ANSWER_SECONDS", 1)
            chosen = choose_engine(AUTO, "r", given, Patience(seconds=30, say=tell))
    assert chosen.engine.name == "docker"
    (only,) = told
    assert "accepts connections but does not answer; waiting up to 30 s" in only


def test_a_daemon_that_starts_is_waited_for(tmp_path: Path) -> None:
    """Nothing listens yet at the address that a variable names, as beside a CI job that starts its services."""
    with ExitStack() as stack:
        started: list[str] = []

        def start(text: str) -> None:
            started.append(text)
            stack.enter_context(daemons(tmp_path, "d"))

        chosen = choose_engine(AUTO, "r", around(tmp_path), Patience(seconds=60, say=start))
    assert chosen.engine.name == "docker"
    assert len(started) == 1
    assert "there is no Docker socket" in started[0]
    assert "waiting up to 15 s" in started[0]


def test_a_machine_that_names_no_engine_is_its_own(tmp_path: Path) -> None:
    """Neither a variable, nor a context, nor a socket: only then is `auto` this machine."""
    if Path("/var/run/docker.sock").exists() or Path("/run/podman/podman.sock").exists():
        # This machine names one; a manylinux image, in which sockets do not count, names none.
        (tmp_path / "opt" / "python").mkdir(parents=True)
        environ = {"AUDITWHEEL_PLAT": "manylinux_2_28_x86_64"}
        assert named_engines({}, tmp_path) != ()
        assert named_engines(environ, tmp_path) == ()
        assert [each.choice for each in named_engines({**environ, "DOCKER_HOST": "tcp://d:1"}, tmp_path)] == [DOCKER]
    else:
        assert named_engines({}) == ()


def test_a_context_names_an_engine(tmp_path: Path) -> None:
    """Even one that cannot be resolved: the mistake is told, not covered by another way to build."""
    (tmp_path / "config.json").write_text('{"currentContext": "gone"}')
    given = surroundings(tmp_path, {"DOCKER_CONFIG": str(tmp_path)})
    with pytest.raises(EngineError, match="Docker context 'gone'"):
        choose_engine(AUTO, "r", given, AT_ONCE)


def test_a_daemon_that_died_is_passed_over(tmp_path: Path) -> None:
    """Its socket file is left: only a question tells, so the answer of Podman comes with the reason."""
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "d.sock"))
    with daemons(tmp_path, "p"):
        chosen = choose_container_engine(AUTO, "r", around(tmp_path), AT_ONCE)
    assert chosen.engine.name == "podman"
    assert str(chosen.remark).startswith("container-engine = podman: nothing listens at ")


def test_where_neither_answers_both_are_told(tmp_path: Path) -> None:
    """For images there has to be one; the hint is Docker's. A machine without Podman is not told about Podman."""
    with pytest.raises(EngineError, match=r"no Docker socket .*; there is no Podman socket") as caught:
        choose_container_engine(AUTO, "r", around(tmp_path), AT_ONCE)
    assert "Start Docker" in str(caught.value.hint)
    unlike = {"DOCKER_HOST": f"unix://{tmp_path}/d.sock", "XDG_RUNTIME_DIR": str(tmp_path)}
    if not Path("/run/podman/podman.sock").exists():
        with pytest.raises(EngineError) as short:
            choose_container_engine(AUTO, "r", surroundings(tmp_path, unlike), AT_ONCE)
        assert "Podman" not in short.value.message


def test_an_address_that_cannot_be_used_is_no_docker(tmp_path: Path) -> None:
    """A context or address that is a mistake does not keep `auto` from Podman; the mistake is the reason."""
    given = around(tmp_path, DOCKER_HOST="ssh://me@there")
    with daemons(tmp_path, "p"):
        chosen, likely = choose_engine(AUTO, "r", given, AT_ONCE), likely_engine(AUTO, given.environ)
    assert chosen.remark == likely.remark
    assert str(chosen.remark).startswith("container-engine = podman: DOCKER_HOST is ssh://me@there")


def test_a_socket_of_somebody_else_would_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where this user may not open Docker's socket, Podman is foreseen, in the words of a question that was refused."""
    monkeypatch.setattr(os, "access", lambda path, _: not str(path).endswith("d.sock"))
    with daemons(tmp_path, "d", "p"):
        likely = likely_engine(AUTO, around(tmp_path).environ)
    assert likely.choice is PODMAN
    assert "may not be opened by this user" in str(likely.remark)


def test_an_address_of_another_machine_is_believed() -> None:
    """Without asking nobody knows better."""
    likely = likely_engine(AUTO, {"DOCKER_HOST": "tcp://there:2376"})
    assert (likely.choice, likely.endpoint, likely.remark) == (DOCKER, "tcp://there:2376", None)


def test_every_container_engine_is_listed(tmp_path: Path) -> None:
    """For `runner doctor` and `runner cache`: those that answer, and those that do not, with the reason."""
    with daemons(tmp_path, "p"):
        silent, answering = container_engines("r", around(tmp_path))
    assert isinstance(silent, SilentEngine)
    assert (silent.choice, silent.was_asked) == (DOCKER, True)
    assert isinstance(answering, AnsweringEngine)
    assert (answering.choice, answering.info.version) == (PODMAN, "9.9")


@pytest.mark.parametrize("api", [("1.24", "1.41"), ("1.44", "1.52"), ("1.60", "1.61")])
def test_the_daemon_says_which_version_of_its_api_is_spoken(tmp_path: Path, api: tuple[str, str]) -> None:
    """Docker 29 refuses versions before 1.44 (cibuildwheel#2660); what is spoken is what the daemon offers."""
    with played_daemon(tmp_path / "d.sock", api=api):
        chosen = choose_engine(DOCKER, "r", around(tmp_path), AT_ONCE)
        assert chosen.host.machine is Arch.AARCH64
        assert chosen.engine.check().machine == "aarch64"


def test_the_machine_of_an_engine_is_its_own(tmp_path: Path) -> None:
    """Cells are planned for the machine that the engine names, or else cannot be."""
    with daemons(tmp_path, "d"):
        chosen = choose_engine(AUTO, "r", around(tmp_path), AT_ONCE)
    assert chosen.host.machine is Arch.AARCH64
    assert chosen.host.local is None
    assert container_host(machine="aarch64", endpoint="tcp://there:1").emulated is None
    with pytest.raises(UsageError, match="pdp11"):
        container_host(machine="pdp11", endpoint=None)


def test_this_machines_pythons_are_the_hosts(tmp_path: Path) -> None:
    """Those that its engine finds, and only those of its architecture."""
    chosen = choose_engine(LOCAL, "r", around(tmp_path), AT_ONCE)
    assert chosen.host.local is not None
    assert f"cp{sys.version_info.major}{sys.version_info.minor}" in {
        each.partition("-")[0] for each in chosen.host.local
    }


def test_notices_are_told_once() -> None:
    """Each warning comes once for all cells; on this machine itself one sentence says that nothing is done."""
    given = tuple(map(parse_create_args, (("--init", "--network=none"), ("--init", "--tty"))))
    assert len(argument_notices(given, is_local=False)) == 2
    (only,) = argument_notices(given, is_local=True)
    assert "ignored" in only
    assert argument_notices((parse_create_args(()),), is_local=True) == ()
