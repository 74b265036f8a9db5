"""Where a run's words go may be gone, full or closed: the build, its wheels and its exit code are what they were."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from runner_process import runner_argv, runner_environ

# Builds by copying, so that a whole run takes a second and needs no index. STUB=two leaves two wheels: exit code 5.
BACKEND = """
import base64, hashlib, os, sys, sysconfig, zipfile

def build_wheel(directory, config_settings=None, metadata_directory=None):
    made = [wheel(directory, "1")]
    if os.environ.get("STUB") == "two":
        made.append(wheel(directory, "2"))
    return made[0]

def wheel(directory, version):
    python = "cp%d%d" % sys.version_info[:2]
    platform = sysconfig.get_platform().replace("-", "_").replace("linux_", "manylinux_2_17_")
    tag = "%s-%s%s-%s" % (python, python, sys.abiflags, platform)
    info = "stub-%s.dist-info/" % version
    files = {
        "stub.py": b"",
        info + "METADATA": b"Metadata-Version: 2.1\\nName: stub\\nVersion: %s\\n" % version.encode(),
        info + "WHEEL": b"Wheel-Version: 1.0\\nRoot-Is-Purelib: false\\nTag: %s\\n" % tag.encode(),
    }
    record = info + "RECORD,,\\n"
    for name, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        record += "%s,sha256=%s,%d\\n" % (name, digest, len(data))
    filename = "stub-%s-%s.whl" % (version, tag)
    with zipfile.ZipFile(os.path.join(directory, filename), "w") as archive:
        for name, data in {**files, info + "RECORD": record.encode()}.items():
            archive.writestr(name, data)
    return filename
"""
PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "stub"
version = "1"
[tool.matrix-runner]
repair-wheel-command = ""
archs = "native"
engine = "local"
"""
ONLY = f"cp{sys.version_info.major}{sys.version_info.minor}-*"


@dataclass(frozen=True, kw_only=True, slots=True)
class Stub:
    """A project that builds in a second, and where its wheels go."""

    project: Path
    output: Path

    @property
    def argv(self) -> list[str]:
        """The command that builds it."""
        return runner_argv("build", self.project, "--only", ONLY, "--output-dir", self.output)

    @property
    def wheels(self) -> int:
        """How many wheels there are."""
        return len(tuple(self.output.glob("*.whl")))


@pytest.fixture
def stub(tmp_path: Path) -> Stub:
    """Write the project."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
    (project / "backend.py").write_text(BACKEND, encoding="utf-8")
    return Stub(project=project, output=tmp_path / "wheelhouse")


@pytest.mark.parametrize(("variant", "code", "wheels"), [("", 0, 1), ("two", 5, 0)])
def test_a_reader_that_goes_away_does_not_change_the_exit_code(
    stub: Stub, variant: str, code: int, wheels: int
) -> None:
    """`runner build | head -1` ends with the run's own exit code, be it good or bad, and delivers."""
    process = subprocess.Popen(
        stub.argv, env=runner_environ(STUB=variant), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read()
    assert (process.returncode, errors) == (code, b"")
    assert stub.wheels == wheels


def test_a_full_disk_behind_standard_output_does_not_stop_a_build(stub: Stub) -> None:
    """A log on a full disk costs the log, not the wheels, and shows no traceback."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            stub.argv, env=runner_environ(), stdout=full, stderr=subprocess.PIPE, check=False, timeout=120
        )
    assert (done.returncode, done.stderr) == (0, b"")
    assert stub.wheels == 1


def test_closed_streams_are_no_harm(stub: Stub) -> None:
    """`runner build >&- 2>&-` builds as always: what is opened first does not become its output."""
    command = ["sh", "-c", 'exec "$@" >&- 2>&-', "sh", *stub.argv]
    assert subprocess.run(command, env=runner_environ(), check=False, timeout=120).returncode == 0
    assert stub.wheels == 1


def test_a_plan_that_cannot_be_written_fails_in_one_line() -> None:
    """`runner plan > FILE` on a full disk says so, with the exit code of a machine that failed."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            runner_argv("plan", Path(__file__).parents[2] / "example-project"),
            env=runner_environ(),
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            timeout=120,
        )
    assert done.returncode == 4
    assert done.stderr.decode().splitlines() == [f"error: [Errno 28] {os.strerror(28)}"]


def test_a_summary_that_github_cannot_take_is_a_warning(stub: Stub, tmp_path: Path) -> None:
    """A GITHUB_STEP_SUMMARY that is not there, as in a container of the job, leaves result and exit code alone."""
    summary = tmp_path / "not-there" / "summary.md"
    done = subprocess.run(
        stub.argv,
        env=runner_environ(GITHUB_STEP_SUMMARY=str(summary)),
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0
    assert done.stderr.decode().startswith("warning: GITHUB_STEP_SUMMARY: ")
    assert done.stderr.count(b"\n") == 1


def test_a_user_without_a_home_is_told_so() -> None:
    """A numeric user of whom the system knows nothing gets a line that names HOME, and no directory called `~`."""
    script = (
        "import os, sys, platformdirs.unix, matrix_runner.cli as cli\n"
        "from matrix_runner.cli import build, places, plan\n"
        "from platformdirs import user_cache_path\n"
        "user_cache_path('x')\n"
        "os.environ.pop('HOME')\n"
        "import pwd; pwd.getpwuid = lambda uid: (_ for _ in ()).throw(KeyError(uid))\n"
        "from matrix_runner.errors import MachineError\n"
        "try:\n    places.state_dir()\n"
        "except MachineError as error:\n    print(error, '|', error.hint)\n"
    )
    environ = {name: value for name, value in runner_environ().items() if not name.startswith("XDG_")}
    done = subprocess.run([sys.executable, "-c", script], env=environ, capture_output=True, check=False, timeout=60)
    assert done.stderr == b""
    assert done.stdout.decode() == (
        "this user has no home directory | set HOME to a directory that can be written to\n"
    )
