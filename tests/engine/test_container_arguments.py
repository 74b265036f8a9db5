"""What `create-args` do to a container, seen from inside."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from engine_harness import Harness, run
from engine_surroundings import surroundings
from msgspec.structs import replace

from matrix_runner.config.create_args.create_args import parse_create_args
from matrix_runner.engine.api import Container, Engine, ImageMetadata
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
    with opened(harness, engine, "--env=GIVEN=x", "--network=none") as container:
        run(container, "true")
    (call,) = engine.commands
    assert call.spec.arguments.network == "none"
    assert dict(call.env)["GIVEN"] == "x"
