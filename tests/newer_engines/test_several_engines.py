"""Cells on two real engines, the rig's and the machine's own: by socket or TLS, by ssh, and with one that is killed."""

import os
import shlex
import signal
import subprocess
import time
from pathlib import Path

import pytest
from rig import Rig, started
from runner_process import Ended, runner_argv, runner_environ
from sample_projects import extension_project, write_project
from ssh_server import ssh_server

OWN = "unix:///var/run/docker.sock"
CELLS = "cp3{11,13}-manylinux_{x86_64,i686}"
IMAGES = {arch: f"several-engines/manylinux_2_31_{arch}:latest" for arch in ("x86_64", "i686")}
SETTINGS = "\n".join(f'manylinux-{arch}-image = "{image}"' for arch, image in IMAGES.items())
TESTED = """
test-command = "python -c 'import answer; assert answer.answer() == 42'"
"""
SLOW = f'{TESTED}before-build = "echo before-build begins; sleep 10"\n'


def own_docker(*arguments: str) -> str:
    """Run Docker's command with the machine's own engine; return what it printed, "" if it refused."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("DOCKER_")}
    argv = ("docker", "--host", OWN, *arguments)
    return subprocess.run(argv, capture_output=True, text=True, check=False, env=environ).stdout


@pytest.fixture(autouse=True)
def _images(rig: Rig) -> None:
    """Have the same images on both engines, as after a pull on each."""
    layers = "{{json .RootFS.Layers}}"
    for arch, image in IMAGES.items():
        rig.docker("tag", f"matrix-runner/manylinux_2_31_{arch}:latest", image)
        if own_docker("image", "inspect", "--format", layers, image) == rig.docker(
            "image", "inspect", "--format", layers, image
        ):
            continue
        save = shlex.join(("docker", "--host", rig.address, "save", image))
        load = f"env -u DOCKER_TLS_VERIFY -u DOCKER_CERT_PATH docker --host {OWN} load"
        subprocess.run(("sh", "-c", f"{save} | {load}"), check=True, stdout=subprocess.DEVNULL)


def of_rig(rig: Rig, address: str | None = None) -> str:
    """Return the words that name the rig's engine. `address`: another way to it."""
    certificates = os.environ.get("DOCKER_CERT_PATH", "")
    tls = f",tls={certificates}" if certificates and address is None else ""
    return f"rig={address or rig.address},jobs=1{tls}"


def argv_of(project: Path, output: Path, *engines: str) -> list[str]:
    """Return the command line of a run on engines."""
    flags = [word for engine in engines for word in ("--engine-endpoint", engine)]
    return runner_argv("build", project, "--no-cache", "--output-dir", output, *flags, "--only", CELLS)


def run(project: Path, output: Path, *engines: str, path: str = "") -> Ended:
    """Run to the end. `path`: of a directory with programs that come first."""
    variables = {"PATH": f"{path}:{os.environ['PATH']}"} if path else {}
    done = subprocess.run(
        argv_of(project, output, *engines),
        env=runner_environ(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=600,
    )
    return Ended(code=done.returncode, output=done.stdout, directory=output)


def nodes(ended: Ended) -> dict[str, object]:
    """Return the engine of each cell."""
    return {name: cell["node"] for name, cell in ended.cells.items()}


def is_clean(rig: Rig) -> bool:
    """Whether no container of a run is left on either engine."""
    return rig.is_clean(seconds=10) and not own_docker("ps", "--all", "--quiet", "--filter", "label=matrix-runner.run")


def test_cells_of_both_widths_are_spread(rig: Rig, tmp_path: Path) -> None:
    """All wheels are there, from both engines; one has the same bytes wherever it was built."""
    project = write_project(tmp_path / "project", extension_project(settings=SETTINGS + TESTED))
    ended = run(project, tmp_path / "out", of_rig(rig), f"own={OWN},jobs=1")
    assert ended.code == 0, ended.output
    assert len(ended.wheels) == 4
    assert set(nodes(ended).values()) == {"rig", "own"}
    alone = run(project, tmp_path / "alone", f"own={OWN},jobs=2")
    assert alone.code == 0, alone.output
    for one, other in zip(ended.wheels, alone.wheels, strict=True):
        assert one.read_bytes() == other.read_bytes()
    assert is_clean(rig)


def test_one_is_killed_in_the_middle(rig: Rig, tmp_path: Path) -> None:
    """Its cells are built by the other one."""
    project = write_project(tmp_path / "project", extension_project(settings=SETTINGS + SLOW))
    output, spool = tmp_path / "out", tmp_path / "printed"
    argv = argv_of(project, output, f"own={OWN},jobs=1", of_rig(rig))
    with started(argv, output, spool) as running:
        running.printed("  on rig", seconds=120)
        time.sleep(3)
        rig.signal(signal.SIGKILL)
        ended = running.ended()
    rig.restart()
    assert ended.code == 0, ended.output
    assert len(ended.wheels) == 4
    assert set(nodes(ended).values()) == {"own"}
    assert "another node takes the cell over" in ended.output


def test_by_ssh(rig: Rig, tmp_path: Path) -> None:
    """A tunnel to the socket there, of which nothing is left; for an unknown host ssh's own words, and exit code 4."""
    path = rig.address.removeprefix("unix://")
    files = extension_project(settings=SETTINGS + TESTED)
    # Large enough to be sent once only.
    files["data.txt"] = "a line of a large file\n" * 100_000
    project = write_project(tmp_path / "project", files)
    (tmp_path / "ssh").mkdir()
    # An engine that was killed may have some of an earlier run, which the next run there removes.
    before = set(rig.docker("volume", "ls", "--quiet").split())
    with ssh_server(tmp_path / "ssh") as (port, programs):
        address = f"ssh://root@127.0.0.1:{port}{path if path.startswith('/') else ''}"
        ended = run(project, tmp_path / "out", of_rig(rig, address), f"own={OWN},jobs=1", path=str(programs))
        assert ended.code == 0, ended.output
        assert set(nodes(ended).values()) == {"rig", "own"}
        assert is_clean(rig)
        assert "given" not in "".join(set(rig.docker("volume", "ls", "--quiet").split()) - before)
        alone = run(project, tmp_path / "alone", f"own={OWN},jobs=2")
        for one, other in zip(ended.wheels, alone.wheels, strict=True):
            assert one.read_bytes() == other.read_bytes()
        (tmp_path / "ssh" / "known").write_text("")
        refused = run(project, tmp_path / "none", of_rig(rig, address), path=str(programs))
        assert refused.code == 4
        assert "Host key verification failed" in refused.output
    left = subprocess.run(("pgrep", "-f", f"ssh.*-L.*{port}"), capture_output=True, text=True, check=False).stdout
    assert not left
