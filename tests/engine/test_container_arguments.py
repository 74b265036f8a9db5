"""What `create-args` do to a container, seen from inside."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from engine_harness import Harness, run
from engine_surroundings import surroundings
from msgspec.structs import replace

from matrix_runner.config.create_args.container_rights import CAPABILITIES, PIDS_LIMIT, restricted
from matrix_runner.config.create_args.create_args import parse_create_args
from matrix_runner.engine.api import Container, Ending, Engine, ImageMetadata
from matrix_runner.engine.docker.sdk.sdk_engine import DockerEngine
from matrix_runner.engine.fake.fake_engine import ANY_IMAGE, FakeEngine
from matrix_runner.model.platforms import Arch

KILO = 1024


@pytest.fixture
def engine(container_harness: Harness) -> Iterator[Engine]:
    """Make an engine with containers, and close it."""
    with contextlib.closing(container_harness.make(f"args-{os.getpid()}")) as made:
        yield made


@contextlib.contextmanager
def opened(harness: Harness, engine: Engine, *words: str, memory: int | None = None) -> Iterator[Container]:
    """Open a container with create-args."""
    spec = replace(harness.spec(), arguments=parse_create_args(words), memory=memory)
    with engine.open(spec) as container:
        yield container


def says(container: Container, text: str) -> str:
    """Return what a shell command prints; it must succeed."""
    result, output = run(container, "sh", "-c", text)
    assert result.is_success, output
    return output.decode().strip()


@pytest.mark.rootful
def test_wishes_hold_inside(container_harness: Harness, engine: Engine, tmp_path: Path) -> None:
    """Each wish is seen inside: variables, host name, hosts, file systems, limits, capabilities, the network."""
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "file").write_text("from the host", encoding="utf-8")
    words = (
        *("--env=GIVEN=by create-args", "-e", "HOME_OF_NOBODY", "--hostname", "cellar", "--shm-size=33m"),
        *("--add-host=registry.example:192.0.2.7", "--tmpfs", "/quick:size=5m,mode=1777", "--cap-drop=CHOWN"),
        *(
            "--ulimit=nofile=1000:2000",
            "--ulimit=nproc=4000",
            "--network",
            "none",
            "--volume",
            f"{tmp_path}/shared:/shared:ro",
        ),
        *("--mount", "type=tmpfs,target=/mounted,tmpfs-size=6m", "--pids-limit=500", "--label=mine=yes"),
    )
    with opened(container_harness, engine, *words) as container:
        assert says(container, 'echo "$GIVEN ${HOME_OF_NOBODY-unset}"') == "by create-args unset"
        assert says(container, "hostname") == "cellar"
        assert says(container, "grep registry.example /etc/hosts").split()[0] == "192.0.2.7"
        sizes = "df -k --output=size /quick /mounted /dev/shm | tail -n +2"
        assert [int(size) for size in says(container, sizes).split()] == [5 * KILO, 6 * KILO, 33 * KILO]
        assert says(container, "ulimit -Sn; ulimit -Hn").split() == ["1000", "2000"]
        assert says(container, "ls /sys/class/net").split() == ["lo"]
        assert says(container, "cat /shared/file") == "from the host"
        assert not run(container, "touch", "/shared/file")[0].is_success
        assert not run(container, "chown", "1:1", "/etc")[0].is_success


@pytest.mark.rootful
def test_memory_of_the_option_wins(container_harness: Harness, engine: Engine) -> None:
    """`--memory` limits the container, unless the option `memory` says another limit."""
    read = "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null | head -n 1"
    with opened(container_harness, engine, "--memory=128m") as container:
        assert int(says(container, read)) == 128 * KILO**2
    with opened(container_harness, engine, "-m", "128m", "--memory-swap=256m", memory=64 * KILO**2) as container:
        assert int(says(container, read)) == 64 * KILO**2


def test_what_is_ours_cannot_be_wished_away(container_harness: Harness, engine: Engine) -> None:
    """Switches of `docker create` for input, removal and the terminal leave the lifeline and `linux32` as they are."""
    words = (
        "-it",
        "--rm=false",
        "--init",
        "--name=mine",
        "--platform",
        "linux/arm64",
        "-w",
        "/nowhere",
    )
    with opened(container_harness, engine, *words) as container:
        assert says(container, "uname -m") == container_harness.arch.tag
        assert run(container, "cat")[1] == b""
    assert run(container, "true")[0].status is None


BITS = {
    "CHOWN": 0, "DAC_OVERRIDE": 1, "FOWNER": 3, "FSETID": 4, "KILL": 5, "SETGID": 6, "SETUID": 7,
    "NET_BIND_SERVICE": 10, "SETPCAP": 8, "SYS_CHROOT": 18, "AUDIT_WRITE": 29, "SETFCAP": 31,
}  # fmt: skip
"""The bits of capabilities (linux/capability.h)."""


def mask(*names: str) -> int:
    """Return a set of capabilities as the kernel writes it."""
    return sum(1 << BITS[name] for name in names)


@contextlib.contextmanager
def confined(harness: Harness, engine: Engine, *words: str) -> Iterator[Container]:
    """Open a container as cells have it, with create-args."""
    with engine.open(replace(harness.spec(), arguments=restricted(parse_create_args(words)))) as container:
        yield container


def rights(container: Container) -> tuple[int, int, str]:
    """Return the effective capabilities of a command, those it could ever have, and whether it gains no more."""
    status = says(container, "grep -E '^(CapEff|CapBnd|NoNewPrivs):' /proc/self/status")
    said = {name: value.strip() for name, _, value in (line.partition(":") for line in status.splitlines())}
    return int(said["CapEff"], 16), int(said["CapBnd"], 16), said["NoNewPrivs"]


def test_a_restricted_container_has_these_rights(container_harness: Harness, engine: Engine) -> None:
    """Root has the capabilities that are kept and no other, and no program can gain one."""
    with confined(container_harness, engine) as container:
        assert rights(container) == (mask(*CAPABILITIES), mask(*CAPABILITIES), "1")
        assert not run(container, "mknod", "/null", "c", "1", "3")[0].is_success
        assert not says(container, "grep -E ' (/host|/var/run/docker.sock|/run/docker.sock) ' /proc/mounts; true")


def test_words_of_the_user_on_rights_prevail(container_harness: Harness, engine: Engine) -> None:
    """A capability more and one less; all of them; none but one."""
    with confined(container_harness, engine, "--cap-add=SETPCAP", "--cap-drop=CAP_CHOWN") as container:
        assert rights(container)[0] == mask(*CAPABILITIES, "SETPCAP") - mask("CHOWN")
    with confined(container_harness, engine, "--cap-drop=ALL", "--cap-add=SETUID") as container:
        assert rights(container)[0] == mask("SETUID")


@pytest.mark.rootful
def test_processes_are_counted(container_harness: Harness, engine: Engine) -> None:
    """The limit is ours, or the user's; who goes beyond is refused, and the container is usable and removable."""
    read = "cat /sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max 2>/dev/null | head -n 1"
    with confined(container_harness, engine) as container:
        assert says(container, read) == str(PIDS_LIMIT)
    with confined(container_harness, engine, "--pids-limit=40") as container:
        bomb = "i=0; while [ $i -lt 100 ]; do sleep 60 & i=$((i + 1)); done; wait"
        result, output = run(container, "sh", "-c", bomb)
        assert result.status not in {0, None}
        assert b"Cannot fork" in output or b"Resource temporarily unavailable" in output


def test_processes_of_other_users_are_ended_too(container_harness: Harness, engine: Engine) -> None:
    """A command that has changed its user ends at its limit like any other, and leaves the container usable."""
    with confined(container_harness, engine) as container:
        argv = ("setpriv", "--reuid=1000", "--regid=1000", "--clear-groups", "sleep", "100")
        result, _ = run(container, *argv, timeout=0.5)
        assert result.ending is Ending.TIMED_OUT
        assert "sleep" not in says(container, "cat /proc/[0-9]*/comm")


def test_a_snapshot_does_not_keep_wishes(container_harness: Harness, engine: Engine) -> None:
    """A variable of create-args is the container's alone: what is opened from its snapshot without them lacks it."""
    with opened(container_harness, engine, "--env=GIVEN=secret") as container:
        image = container.snapshot(ImageMetadata(name=None))
    with engine.open(replace(container_harness.spec(), image=image)) as second:
        assert says(second, 'echo "${GIVEN-unset}"') == "unset"


@pytest.mark.containers
def test_a_name_alone_is_the_hosts_variable(docker_harness: Harness, tmp_path: Path) -> None:
    """`--env NAME` takes the value that the variable has where the program runs."""
    environ = {**os.environ, "TOKEN": "it's this machine's"}
    engine = DockerEngine(run=f"args-{os.getpid()}", surroundings=surroundings(tmp_path, environ))
    with contextlib.closing(engine), opened(docker_harness, engine, "--env", "TOKEN") as container:
        assert says(container, 'echo "$TOKEN"') == "it's this machine's"


def test_the_fake_engine_records_them() -> None:
    """A test of what is above engines can see which arguments a container was opened with, and its variables."""
    engine = FakeEngine()
    harness = Harness(make=lambda _: engine, die=lambda _: None, image=ANY_IMAGE, arch=Arch.X86_64)
    with confined(harness, engine, "--env=GIVEN=x", "--network=none", "--cap-drop=KILL") as container:
        run(container, "true")
    (call,) = engine.commands
    assert (call.spec.arguments.cap_drop, call.spec.arguments.usual_pids_limit) == (("ALL",), PIDS_LIMIT)
    assert set(call.spec.arguments.cap_add) == set(CAPABILITIES) - {"KILL"}
    assert call.spec.arguments.network == "none"
    assert dict(call.env)["GIVEN"] == "x"
