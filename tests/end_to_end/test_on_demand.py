"""What an image does not hold and can install, and what a machine cannot run: with images made for the purpose."""

import io
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import pytest
from runner_process import run_build, runner_argv, runner_environ
from sample_projects import extension_project, write_project
from wheel_builder import elf

from matrix_runner.model.platforms import Arch

pytestmark = pytest.mark.own_images

BASE = "matrix-runner/manylinux_2_31_x86_64"
HELD = "cp39-cp39"

# A stand-in for the command of the published images, which downloads; this one has what it installs on its shelf.
INTERPRETERS = f"""#!/bin/sh
set -e
case "$*" in
"list --format json")
  printf '[\\n  {{"identifier": "cp311-cp311", "installed": true}},\\n'
  printf '  {{"identifier": "{HELD}", "installed": false}}\\n]\\n'
  ;;
"ensure {HELD}")
  echo "installing '{HELD}' at '/opt/python/{HELD}'"
  mv /opt/_held/{HELD} /opt/python/{HELD}
  ;;
*)
  echo "no such tag" >&2
  exit 2
  ;;
esac
"""
MAKE = f"""
mkdir /opt/_held && mv /opt/python/{HELD} /opt/_held/
cat > /usr/local/bin/manylinux-interpreters
chmod 755 /usr/local/bin/manylinux-interpreters
"""


def docker(*arguments: str, stdin: bytes = b"") -> str:
    """Run the docker command; return what it printed."""
    done = subprocess.run(("docker", *arguments), input=stdin, stdout=subprocess.PIPE, check=True)
    return done.stdout.decode().strip()


@contextmanager
def image(identity: str) -> Iterator[str]:
    """Give an image a name of the test's own for as long as it lasts."""
    name = f"matrix-runner-test/{uuid4().hex[:12]}"
    docker("tag", identity, f"{name}:latest")
    try:
        yield f"{name}:latest"
    finally:
        docker("rmi", f"{name}:latest")


@pytest.fixture(name="on_demand")
def _on_demand() -> Iterator[str]:
    """Make an image that holds CPython 3.9 on a shelf, and the command that puts it in its place."""
    name = f"matrix-runner-test-{uuid4().hex[:12]}"
    try:
        docker("run", "--interactive", "--name", name, BASE, "sh", "-ec", MAKE, stdin=INTERPRETERS.encode())
        # The command of `run` would become the image's.
        identity = docker("commit", "--change", 'CMD ["/bin/bash"]', name)
    finally:
        docker("rm", "--force", name)
    with image(identity) as reference:
        yield reference


def test_an_interpreter_is_installed_and_used(on_demand: str, tmp_path: Path) -> None:
    """The cell whose interpreter the image can install does so first, and gives a wheel of that interpreter."""
    settings = """test-command = "python -c 'import answer; print(answer.answer())'\"\n"""
    project = write_project(tmp_path / "project", extension_project(settings=settings))
    ended = run_build(
        project,
        tmp_path / "out",
        "--only",
        "cp39-manylinux_x86_64 cp310-manylinux_x86_64 cp311-manylinux_x86_64",
        MATRIX_RUNNER_MANYLINUX_X86_64_IMAGE=on_demand,
    )
    assert [wheel.name.split("-")[2] for wheel in ended.wheels] == ["cp311", "cp39"], ended.output
    log = (tmp_path / "out-report" / "logs" / "cp39-manylinux_x86_64.log").read_text("utf-8")
    assert f"manylinux-interpreters ensure {HELD}" in log
    assert f"installing '{HELD}'" in log
    other = (tmp_path / "out-report" / "logs" / "cp311-manylinux_x86_64.log").read_text("utf-8")
    assert "manylinux-interpreters" not in other
    assert str(ended.cells["cp39-manylinux_x86_64"]["python_version"]).startswith("3.9.")
    # What it can neither hold nor install is still a lack of the image.
    assert ended.code == 4
    failure = ended.cells["cp310-manylinux_x86_64"]["failure"]
    assert isinstance(failure, dict)
    assert "has no /opt/python/cp310-cp310" in str(failure["message"])


@pytest.fixture(name="elsewhere")
def _elsewhere() -> Iterator[str]:
    """Give Docker's address in a user's home, as of a virtual machine: its emulators cannot be seen from here."""
    with TemporaryDirectory(dir=Path.home(), prefix="matrix-runner-test-") as directory:
        socket = Path(directory) / "docker.sock"
        socket.symlink_to(
            docker("context", "inspect", "--format", "{{.Endpoints.docker.Host}}").removeprefix("unix://")
        )
        yield f"unix://{socket}"


def test_a_foreign_architecture_is_explained_before_anything_is_built(tmp_path: Path, elsewhere: str) -> None:
    """The kernel's "exec format error" becomes a message with the remedy, and the machine's own cells are built.

    The image holds one file, the beginning of a program for a processor that no machine is and no emulator knows: the
    machine of this test may have emulators or not.
    """
    arch = Arch.S390X
    program = bytearray(elf(arch))
    program[18:20] = b"\xfe\xdc"
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        shell = tarfile.TarInfo("bin/sh")
        shell.mode, shell.size = 0o755, len(program)
        tar.addfile(shell, io.BytesIO(program))
    project = write_project(tmp_path / "project", extension_project())
    foreign, own = f"cp311-manylinux_{arch}", "cp311-manylinux_x86_64"
    with image(docker("import", "-", stdin=archive.getvalue())) as reference:
        variables = {f"MATRIX_RUNNER_MANYLINUX_{arch.tag.upper()}_IMAGE": reference}
        ended = run_build(
            project,
            tmp_path / "out",
            *("--archs", f"{arch} x86_64", "--only", f"{foreign} {own}"),
            DOCKER_HOST=elsewhere,
            MATRIX_RUNNER_MANYLINUX_X86_64_IMAGE=BASE,
            **variables,
        )
    assert ended.code == 4, ended.output
    assert [wheel.name.split("-")[2] for wheel in ended.wheels] == ["cp311"]
    failure = ended.cells[foreign]["failure"]
    assert isinstance(failure, dict)
    assert f"needs {arch}" in str(failure["message"])
    assert "no emulator" in str(failure["message"])
    assert f"tonistiigi/binfmt --install {arch.oci}" in str(failure["hint"])
    assert "docker/setup-qemu-action" in ended.output
    assert ended.output.index("no emulator") < ended.output.index(f"{own} ")
    done = subprocess.run(
        runner_argv("doctor"), env=runner_environ(DOCKER_HOST=elsewhere), capture_output=True, text=True, check=True
    )
    assert "which emulators that machine has cannot be seen from here" in done.stdout
