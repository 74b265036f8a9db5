"""Projects built from their own `[tool.cibuildwheel]` by the peer and by our command, in the same images."""

import os
import shutil
import subprocess
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest
from peer_tool import Peer, environ, our_identifiers
from runner_process import Ended, run_build, runner_argv
from wheel_contents import differences

from matrix_runner.engine.proxies import ca_bundle, network_env

pytestmark = pytest.mark.containers


@dataclass(frozen=True, kw_only=True, slots=True)
class Build:
    """A project, and the variables of the peer that its maintainers would set in CI."""

    name: str
    variables: dict[str, str] = field(default_factory=dict)


BUILDS = (
    Build(name="coverage"),
    # Its section enables a group of former days, and its tests need what is not in it.
    Build(
        name="frozenlist",
        variables={
            "CIBW_ENABLE": "",
            "CIBW_INHERIT": "enable: none",
            "CIBW_TEST_COMMAND": "pytest --no-cov {project}/tests",
            "CIBW_TEST_REQUIRES": "pytest pytest-cov",
        },
    ),
    Build(name="immutables"),
    Build(name="kiwisolver"),
    Build(name="lru-dict"),
    # Its section has no tests: its CI runs them.
    Build(
        name="MarkupSafe",
        variables={"CIBW_TEST_COMMAND": "pytest {project}/tests", "CIBW_TEST_REQUIRES": "pytest"},
    ),
    Build(name="multidict"),
    Build(name="propcache"),
    # Its section has no tests. The marks are of those that need `ps` or a Python to link with, which our images lack.
    Build(
        name="setproctitle",
        variables={"CIBW_TEST_COMMAND": "pytest -m 'not embedded and not skip_on_qemu' {project}/tests"},
    ),
    Build(name="websockets", variables={"CIBW_TEST_COMMAND": 'python -c "import websockets.speedups"'}),
    # Other tests want an extension in the source tree (test_interpreters), pytest's benchmark plug-in, or pyright.
    Build(
        name="xxhash",
        variables={"CIBW_TEST_COMMAND": "python -m unittest discover -s {project}/tests -p 'test_[afhntx]*.py'"},
    ),
)

# What our images have, of what these projects and the peer still know.
CELLS = {"CIBW_BUILD": "cp311-* cp313-*", "CIBW_ARCHS": "x86_64 i686", "CIBW_SKIP": "*-musllinux*"}
IMAGES = {
    f"CIBW_MANYLINUX_{arch.upper()}_IMAGE": f"matrix-runner/manylinux_2_31_{arch}:latest" for arch in ("x86_64", "i686")
}
_CA = "/etc/peer-ca-bundle.pem"


def peer_wheels(peer: Peer, sdist: Path, room: Path, variables: dict[str, str]) -> Path:
    """Build with the peer; return its output directory. This machine's proxies and certificates go in, as with ours."""
    output, bundle = room / "peer", ca_bundle(os.environ)
    pairs = network_env(os.environ, _CA if bundle else None)
    words = [f"--env={name}={value}" for name, value in pairs]
    words += [f"--volume={bundle}:{_CA}:ro"] if bundle else []
    engine = {"CIBW_CONTAINER_ENGINE": f"docker; create_args: {' '.join(words)}"} if words else {}
    done = subprocess.run(
        (peer.bin / "cibuildwheel", "--platform", "linux", "--output-dir", output, sdist),
        env=environ(**variables, **engine),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        timeout=1500,
    )
    assert done.returncode == 0, done.stdout.decode("utf-8", "replace")[-4000:]
    return output


def all_are_tested(ended: Ended, planned: tuple[str, ...]) -> None:
    """Each cell of the plan left a wheel, which is there, and which was tested."""
    assert ended.code == 0, ended.output
    assert set(ended.cells) == set(planned)
    for identifier, cell in ended.cells.items():
        wheel = cast("dict[str, object]", cell["wheel"])
        assert (ended.directory / str(wheel["name"])).is_file(), identifier
        steps = cast("list[dict[str, object]]", cell["steps"])
        assert {"install", "test"} <= {step["step"] for step in steps}, identifier


def migrated(sdist: Path, room: Path) -> Path:
    """Unpack an sdist and migrate it; return its directory."""
    with tarfile.open(sdist) as archive:
        archive.extractall(room / "unpacked", filter="data")
    (project,) = (room / "unpacked").iterdir()
    done = subprocess.run(runner_argv("migrate", "--yes", project), env=environ(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return project


@pytest.mark.parametrize("build", BUILDS, ids=lambda build: build.name)
def test_the_same_wheels(build: Build, peer: Peer, configurations: dict[str, Path], tmp_path: Path) -> None:
    """Both tools' wheels have the same names and, file by file, the same content; so have those after a migration."""
    configuration = configurations[build.name]
    sdist = configuration.with_suffix(".tar.gz")
    variables = {**CELLS, **IMAGES, **build.variables}
    planned = our_identifiers(configuration, None, variables)
    assert len(planned.lines) == 4, planned.complaint
    ended = run_build(sdist, tmp_path / "ours", "--engine", "docker", **variables)
    all_are_tested(ended, planned.lines)
    theirs = peer_wheels(peer, sdist, tmp_path, variables)
    assert differences(theirs, ended.directory) == []

    identifier = "cp311-manylinux_x86_64"
    own = {name.replace("CIBW_", "MATRIX_RUNNER_"): value for name, value in variables.items()}
    project = migrated(sdist, tmp_path)
    again = run_build(project, tmp_path / "again", "--engine", "docker", "--only", identifier, **own)
    all_are_tested(again, (identifier,))
    for wheel in theirs.iterdir():
        if wheel.name not in {path.name for path in again.wheels}:
            wheel.unlink()
    assert differences(theirs, again.directory) == []
    shutil.rmtree(tmp_path)
