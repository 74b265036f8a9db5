"""What the local engine promises beyond the contract of all engines."""

import io
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from engine_surroundings import surroundings
from msgspec.structs import replace

from matrix_runner.engine.api import ContainerSpec, Ending, Engine, ExecRequest, ExecResult, ImageMetadata
from matrix_runner.engine.hearing import Hearing
from matrix_runner.engine.local.local_container import LocalContainer
from matrix_runner.engine.local.local_engine import IMAGE, LocalEngine
from matrix_runner.engine.local.python_discovery import FoundInterpreter, find_interpreters
from matrix_runner.errors import EngineError, ImageError
from matrix_runner.model.platforms import Arch

ARCH = Arch.of_machine(os.uname().machine) or Arch.X86_64
SPEC = ContainerSpec(image=IMAGE, arch=ARCH, name="cell")

Open = Callable[[], LocalContainer]


@contextmanager
def engine_in(
    directory: Path,
    run: str = "run",
    *,
    environ: Mapping[str, str] = os.environ,
    interpreters: tuple[FoundInterpreter, ...] = (),
    tools_dir: Path | None = None,
) -> Iterator[LocalEngine]:
    """Make an engine with state and work below `directory`."""
    engine = LocalEngine(
        run=run,
        surroundings=surroundings(directory, environ),
        tools_dir=tools_dir,
        interpreters=interpreters,
    )
    try:
        yield engine
    finally:
        engine.close()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[LocalEngine]:
    """Make an engine that shows no interpreters."""
    with engine_in(tmp_path) as made:
        yield made


@pytest.fixture
def container(engine: LocalEngine) -> Iterator[LocalContainer]:
    """Open a container of it."""
    with engine.open(SPEC) as opened:
        yield opened


def shell(container: LocalContainer, text: str, **limits: float) -> tuple[ExecResult, str]:
    """Run a shell command; return how it ended and what it printed."""
    output: list[bytes] = []
    request = ExecRequest(argv=("sh", "-c", text), timeout=limits.get("timeout"), silence=limits.get("silence"))
    result = container.exec(request, output.append)
    return result, b"".join(output).decode()


def wait_until(condition: Callable[[], bool]) -> bool:
    """Wait until it is so, for ten seconds at most; return whether it is."""
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def is_running(pid: int) -> bool:
    """Tell whether a process lives; one that nobody waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


def archive(*members: tarfile.TarInfo) -> list[bytes]:
    """Return a tar stream of members without content, in pieces that fit no block."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for member in members:
            tar.addfile(member)
    data = buffer.getvalue()
    return [data[start : start + 333] for start in range(0, len(data), 333)]


def link(name: str, target: str) -> tarfile.TarInfo:
    """Return a member that is a symbolic link."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, target
    return info


def test_it_is_an_engine(engine: LocalEngine) -> None:
    """It has the protocol's form, tells what it is, and stands for every image."""
    as_engine: Engine = engine
    notices: list[str] = []
    assert as_engine.check().endpoint == "this machine"
    assert as_engine.resolve("quay.io/any/thing", ARCH, Hearing(on_notice=notices.append)).id == IMAGE


def test_a_machine_with_narrow_pythons_only_is_narrow(tmp_path: Path) -> None:
    """Inside a 32-bit container the kernel's name says 64 bits, and no 64-bit wheel can be built."""
    found = FoundInterpreter(
        directory="cp311-cp311", executable=Path("/bin/python"), version="3.11.0", bits=32, machine="i686"
    )
    with engine_in(tmp_path, interpreters=(found,)) as engine:
        machine = Arch.of_machine(engine.check().machine)
    assert machine is not None
    assert machine.bits == 32


def test_every_python_of_this_machine_works_in_the_layout(tmp_path: Path) -> None:
    """Seen through the layout it is the same Python, and environments made with it do not lean on the cell."""
    pythons = find_interpreters(os.environ)
    assert pythons
    with engine_in(tmp_path, interpreters=pythons) as engine:
        for found in pythons:
            spec = ContainerSpec(image=IMAGE, arch=Arch.parse(found.machine), name=found.directory)
            with engine.open(spec) as container:
                python = f"{container.root}/opt/python/{found.directory}/bin/python"
                ask = "import sys, sysconfig as s; print(sys.executable + ' ' + sys.prefix + s.get_paths()['include'])"
                inside = shell(container, f'{python} -c "{ask}"')[1]
                outside = subprocess.run((found.executable, "-c", ask), capture_output=True, check=True, text=True)
                assert inside == outside.stdout
                if found.version.startswith("3"):
                    output = shell(container, f"{python} -m venv --without-pip v; grep ^home v/pyvenv.cfg")[1]
                    assert output.split()[-1] == str(found.executable.parent)


def test_pythons_of_another_machine_are_not_shown(tmp_path: Path) -> None:
    """A 64-bit Python is no i686 cell's interpreter."""
    found = FoundInterpreter(
        directory="cp311-cp311", executable=Path(sys.executable), version="3.11.0", bits=64, machine="elsewhere"
    )
    with engine_in(tmp_path, interpreters=(found,)) as engine, engine.open(SPEC) as container:
        assert not Path(container.root, "opt").exists()


def test_commands_get_the_callers_variables_without_the_drivers_python(tmp_path: Path) -> None:
    """CA bundles and HOME arrive; what would let the driver's environment into a build does not."""
    environ = {"PATH": os.environ["PATH"], "HOME": "/my/home", "PIP_CERT": "/ca.pem", "PYTHONPATH": "/driver"}
    with engine_in(tmp_path, environ=environ) as engine, engine.open(SPEC) as container:
        output = shell(container, 'echo "$HOME $PIP_CERT ${PYTHONPATH-unset} $TMPDIR"')[1]
        assert output.split() == ["/my/home", "/ca.pem", "unset", str(Path(container.root, "tmp"))]


def test_only_missing_tools_are_lent(tmp_path: Path) -> None:
    """A tool that PATH has stays the caller's; the driver's python and pip never come along."""
    tools, path = tmp_path / "tools", tmp_path / "path"
    for directory, names in ((tools, ("auditwheel", "uv", "python", "pip")), (path, ("uv",))):
        directory.mkdir()
        for name in names:
            (directory / name).write_text(f"#!/bin/sh\necho {directory}\n")
            (directory / name).chmod(0o755)
    environ = {"PATH": f"{path}:/usr/bin:/bin"}
    with engine_in(tmp_path, environ=environ, tools_dir=tools) as engine, engine.open(SPEC) as container:
        assert shell(container, "auditwheel; uv")[1].split() == [str(tools), str(path)]
        lent = shell(container, 'ls "${PATH##*:}"')[1]
        assert lent.split() == ["auditwheel"]


def test_a_daemon_that_holds_the_output_does_not_hold_the_command(container: LocalContainer) -> None:
    """The command has ended when it has ended; the daemon lives as long as the container."""
    result, output = shell(container, "setsid sleep 600 & echo $!", timeout=60)
    assert result.is_success
    daemon = int(output)
    assert is_running(daemon)
    container.kill()
    assert wait_until(lambda: not is_running(daemon))


def test_leftovers_of_a_command_end_with_it(container: LocalContainer) -> None:
    """Also those with a process group of their own, as a shell with job control gives them."""
    grouped = Path(container.root, "grouped.py")
    grouped.write_text("import os, time; os.setpgrp(); print(os.getpid(), flush=True); time.sleep(600)")
    result, output = shell(container, f"{sys.executable} {grouped} & sleep 600 & echo $!; sleep 0.5")
    assert result.is_success
    first, second = map(int, output.split())
    assert wait_until(lambda: not is_running(first) and not is_running(second))


def test_the_last_words_of_a_background_process_are_heard(container: LocalContainer) -> None:
    """`exec > >(tee log)` prints a moment after the command's own end."""
    assert shell(container, "(sleep 0.1; echo last) &")[1] == "last\n"


def test_a_slow_listener_hears_everything(container: LocalContainer) -> None:
    """What a command printed before its end is passed on, however long the listener takes over each piece."""
    heard = 0

    def listen(data: bytes) -> None:
        nonlocal heard
        heard += len(data)
        time.sleep(0.3)

    # A pipe of a megabyte, as a command may ask for (fcntl(2), F_SETPIPE_SZ).
    text = "import fcntl, os; fcntl.fcntl(1, 1031, 1 << 20); os.write(1, bytes(400000))"
    assert container.exec(ExecRequest(argv=(sys.executable, "-c", text)), listen).is_success
    assert heard == 400000


def test_a_command_that_ignores_the_request_to_end_is_killed(container: LocalContainer) -> None:
    """A deadline holds for the whole session, whatever it traps, and what was printed before is kept."""
    result, output = shell(container, "trap '' TERM; sleep 600 & echo $!; wait; sleep 600", timeout=0.5)
    assert (result.ending, result.status) == (Ending.TIMED_OUT, None)
    assert wait_until(lambda: not is_running(int(output)))


def test_a_failing_listener_leaves_no_process(container: LocalContainer) -> None:
    """When whoever listens to the output fails, the command does not run on unheard."""
    heard: list[int] = []

    def fail(data: bytes) -> None:
        heard.append(int(data))
        raise RuntimeError("full")

    with pytest.raises(RuntimeError, match="full"):
        container.exec(ExecRequest(argv=("sh", "-c", "echo $$; exec sleep 600")), fail)
    assert wait_until(lambda: not is_running(heard[0]))


@pytest.mark.parametrize(
    ("argv", "status"),
    [(("no-such-command",), 127), (("/etc/passwd",), 126), (("/",), 126), (("a\0b",), 126)],
)
def test_what_cannot_be_started_says_so_as_in_a_shell(
    argv: tuple[str, ...], status: int, container: LocalContainer
) -> None:
    """127 for what is missing, 126 for what is no program, with a line that names it."""
    output: list[bytes] = []
    result = container.exec(ExecRequest(argv=argv), output.append)
    assert (result.ending, result.status) == (Ending.EXITED, status)
    assert repr(argv[0])[1:-1] in b"".join(output).decode()


def test_a_missing_directory_is_named(container: LocalContainer) -> None:
    """It is not mistaken for a missing command."""
    output: list[bytes] = []
    result = container.exec(ExecRequest(argv=("true",), cwd="/no/such/place"), output.append)
    assert result.status == 126
    assert b"/no/such/place" in b"".join(output)


@pytest.mark.parametrize(
    "member",
    [tarfile.TarInfo("../../x"), link("../x", "y"), tarfile.TarInfo("out/x"), link("out/y", "x"), tarfile.TarInfo("x")],
    ids=["member", "link", "through a link", "link through a link", "over a link"],
)
def test_nothing_is_unpacked_outside(member: tarfile.TarInfo, container: LocalContainer, tmp_path: Path) -> None:
    """Links may lead out of the directory, as an environment's do; a member that would be written there is an error."""
    container.put(f"{container.root}/project", archive(link("out", str(tmp_path)), link("x", f"{tmp_path}/x")))
    with pytest.raises(EngineError):
        container.put(f"{container.root}/project", archive(member))
    assert Path(container.root, "project/out").readlink() == tmp_path
    assert not os.path.lexists(f"{container.root}/x")
    assert not list(tmp_path.glob("[xy]"))


def test_links_inside_are_kept(container: LocalContainer) -> None:
    """A project's own relative links work as they do in its checkout."""
    container.put(f"{container.root}/project", archive(tarfile.TarInfo("d/file"), link("d/near", "../d/file")))
    assert Path(container.root, "project/d/near").readlink() == Path("../d/file")


@pytest.mark.parametrize("data", [[], [b"no tar at all" * 100], archive(tarfile.TarInfo("a"))[:1]])
def test_a_broken_stream_is_an_error(data: list[bytes], container: LocalContainer) -> None:
    """Empty, nonsense, or cut off: never a success with files missing."""
    with pytest.raises(EngineError):
        container.put(f"{container.root}/project", data)


def test_put_and_get_stay_in_the_cells_directory(container: LocalContainer) -> None:
    """Neither a path nor a link in it reaches the rest of the machine."""
    Path(container.root, "leave").symlink_to("/etc")
    for path in ("/etc", f"{container.root}/../x", f"{container.root}/leave/passwd"):
        with pytest.raises(EngineError, match="outside"):
            container.put(path, archive(tarfile.TarInfo("a")))
        with pytest.raises(EngineError, match="outside"), container.get(path):
            pass


def test_hard_links_come_out_with_their_content(container: LocalContainer) -> None:
    """Whoever takes files out takes plain files only, and must not lose one for that."""
    shell(container, "cd project; echo text > a; ln a b")
    with container.get(f"{container.root}/project") as stream:
        data = b"".join(stream)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        files = [tar.extractfile(name) for name in ("project/a", "project/b")]
        assert [file.read() for file in files if file] == [b"text\n", b"text\n"]


def test_snapshots_go_with_the_engine(tmp_path: Path) -> None:
    """A snapshot is this run's: another engine does not know it, and nothing of it stays."""
    with engine_in(tmp_path) as engine:
        with engine.open(SPEC) as container:
            identifier = container.snapshot(ImageMetadata(name=None))
        assert {path.name for path in (tmp_path / "work").iterdir()} > {"cells"}
    # What stays is the lock under which cells' directories are taken.
    assert [path.name for path in (tmp_path / "work").rglob("*")] == ["cells", "lock"]
    snapshot = ContainerSpec(image=identifier, arch=ARCH, name="x")
    with engine_in(tmp_path) as engine, pytest.raises(ImageError), engine.open(snapshot):
        pass


def test_a_cell_has_the_same_path_in_every_run(tmp_path: Path) -> None:
    """Debug information and SBOMs hold it. Two at once do not share it; another project's cell has another."""
    first, other = replace(SPEC, project="a"), replace(SPEC, project="b")
    with engine_in(tmp_path, "one") as engine, engine.open(first) as container:
        path = container.root
        shell(container, "touch project/left")
        with engine.open(first) as second, engine.open(other) as third:
            assert len({path, second.root, third.root}) == 3
        with engine_in(tmp_path, "two") as beside, beside.open(first) as fourth:
            assert fourth.root != path
    with engine_in(tmp_path, "three") as engine, engine.open(first) as container:
        assert container.root == path
        assert shell(container, "ls project")[1] == ""


def test_the_callers_umask_does_not_reach_commands(engine: LocalEngine) -> None:
    """Modes of built files become those in the wheel: they are as in containers."""
    before = os.umask(0o077)
    try:
        with engine.open(SPEC) as container:
            assert shell(container, "umask; touch project/a; stat -c %a project/a")[1].split() == ["0022", "644"]
    finally:
        os.umask(before)


def test_read_only_directories_are_removed_too(engine: LocalEngine) -> None:
    """Go's module cache is read-only all through; a cell that has one leaves nothing either."""
    with engine.open(SPEC) as container:
        shell(container, "mkdir -p project/cache/a; touch project/cache/a/file; chmod -R a-w project/cache")
    assert not Path(container.root).exists()


def test_the_sweep_leaves_what_lives_and_what_is_not_ours(tmp_path: Path) -> None:
    """A living run's directory stays, and so does a directory that no run of ours made."""
    (tmp_path / "work/holiday").mkdir(parents=True)
    with engine_in(tmp_path, "living") as living, living.open(SPEC) as container, engine_in(tmp_path, "new") as other:
        assert other.sweep() == ()
        assert Path(container.root).exists()
        assert (tmp_path / "work/holiday").exists()


DRIVER = """
import sys, time
from msgspec.structs import replace
from pathlib import Path
from matrix_runner.engine.api import ContainerSpec, ExecRequest
from matrix_runner.engine.local.local_engine import LocalEngine
from matrix_runner.engine.surroundings import EngineSurroundings
from matrix_runner.model.platforms import Arch

work = Path(sys.argv[1])
engine = LocalEngine(
    run="dead",
    surroundings=EngineSurroundings(
        environ={"PATH": sys.argv[2]}, state_dir=work / "state", work_dir=work / "work"
    ),
    interpreters=(),
)
command = '''
sleep 600 & echo $!
setsid sleep 600 & echo $!
env -i "$(command -v sleep)" 600 & echo $!
trap "" TERM HUP
echo $$ $PWD
sleep 600
'''
with engine.open(ContainerSpec(image="local", arch=Arch.parse(sys.argv[3]), name="cell")) as container:
    def show(data):
        sys.stdout.write(data.decode())
        sys.stdout.flush()
    container.exec(ExecRequest(argv=("sh", "-c", command)), show)
"""


def test_nothing_survives_a_killed_driver(tmp_path: Path) -> None:
    """SIGKILL of the driver ends its commands, their daemons and those without our variables, and removes the cell.

    What is left is the run's empty directory, which the next run's sweep removes and names.
    """
    package = Path(__file__).parents[2]
    driver = subprocess.Popen(
        (sys.executable, "-c", DRIVER, tmp_path, os.environ["PATH"], ARCH.tag),
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(package)},
    )
    with driver:
        try:
            assert driver.stdout is not None
            lines = [driver.stdout.readline().split() for _ in range(4)]
            pids = [int(words[0]) for words in lines]
            cell = Path(lines[3][1])
            assert all(map(is_running, pids))
            assert cell.is_dir()
        finally:
            driver.kill()
    assert wait_until(lambda: not any(map(is_running, pids)))
    assert wait_until(lambda: not cell.exists())
    with engine_in(tmp_path, "next") as following:
        assert ["left by a run that died" in line for line in following.sweep()] == [True]
        assert [path.name for path in cell.parent.iterdir()] == ["lock"]
        assert following.sweep() == ()
