"""The rights of cells in real containers: by default, in a strict sandbox, without one; and what they stop."""

import re
import subprocess
import textwrap
from pathlib import Path
from typing import cast

import pytest
from image_source import ImageSource
from runner_process import JSON, Ended, report_dir, run_build
from sample_projects import extension_project, write_project

from matrix_runner.config.create_args.container_rights import CAPABILITIES

CELL, CELL_32 = "cp311-manylinux_x86_64", "cp311-manylinux_i686"
LOOK = """echo "$1: $(id -u) $(sed -n 's/^CapEff:.//p; s/^NoNewPrivs:.//p' /proc/self/status | xargs)"\n"""
"""A script that prints a name, its user, its capabilities, and whether it gains no more."""
EVERYWHERE = "\n".join(
    f'{step} = "sh {{project}}/rights.sh {step}"'
    for step in ("before-all", "before-build", "before-test", "test-command")
)
DEFAULT = "00000000a00404fb"
"""The capabilities that are kept, as the kernel writes them: the sum of their bits."""


def log(output: Path, cell: str = CELL) -> str:
    """Return what a cell printed."""
    return (report_dir(output) / "logs" / f"{cell}.log").read_text("utf-8")


def failure(ended: Ended, cell: str = CELL) -> JSON:
    """Return why a cell failed."""
    found = ended.cells[cell]["failure"]
    assert isinstance(found, dict), ended.output
    return cast("JSON", found)


def project_with(directory: Path, settings: str) -> Path:
    """Write a project with an extension and the script."""
    return write_project(directory / "project", {**extension_project(settings=settings), "rights.sh": LOOK})


def told(text: str) -> dict[str, tuple[str, str, str]]:
    """Return the rights that steps have told: user, capabilities, whether none are gained."""
    found = re.findall(r"^(before-\w+|test-command): (\d+) ([0-9a-f]{16}) (\d)$", text, re.MULTILINE)
    return {step: (user, effective, none) for step, user, effective, none in found}


def test_every_step_is_roots_with_few_rights(images: ImageSource, tmp_path: Path) -> None:
    """By default: some capabilities, no more to gain, a limit of processes, and nothing of the host mounted."""
    more = 'audit-command = "cat /proc/mounts; cat /sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max; true {wheel}"'
    project = project_with(tmp_path, f"{EVERYWHERE}\n{more}")
    ended = run_build(project, tmp_path / "out", *images.only(CELL, CELL_32))
    assert ended.code == 0, ended.output
    for cell in (CELL, CELL_32):
        text = log(tmp_path / "out", cell)
        steps = told(text)
        assert set(steps) >= {"before-build", "before-test", "test-command"}
        assert set(steps.values()) == {("0", DEFAULT, "1")}
        assert re.search(r"^16384$", text, re.MULTILINE)
        assert "docker.sock" not in text
        assert " /host " not in text


def test_off_and_create_args(images: ImageSource, tmp_path: Path) -> None:
    """Off is the engine's own; a capability of create-args joins those by default, in the cells that ask for it."""
    settings = EVERYWHERE + textwrap.dedent(
        f"""
        [[tool.matrix-runner.overrides]]
        select = "{CELL}"
        sandbox = "off"
        [[tool.matrix-runner.overrides]]
        select = "{CELL_32}"
        container-engine = "docker; create-args: --cap-add=NET_RAW"
        """
    )
    project = project_with(tmp_path, settings)
    ended = run_build(project, tmp_path / "out", *images.only(CELL, CELL_32))
    assert ended.code == 0, ended.output
    assert told(log(tmp_path / "out"))["test-command"][2] == "0"
    found = told(log(tmp_path / "out", CELL_32))["test-command"]
    assert (int(found[1], 16) - int(DEFAULT, 16), found[2]) == (1 << 13, "1")


APT = """
before-all = [
  "apt-get update -q && apt-get install -q -y --no-install-recommends libyaml-dev openssh-client iputils-ping",
  "stat -c 'mode of %n: %a' /usr/bin/ssh-agent && su -s /bin/sh -c 'id -u' nobody",
  "sudo -V >/dev/null 2>&1 && sudo true || true",
]
test-command = "python -c 'import answer'"
"""


@pytest.mark.own_images
@pytest.mark.network
def test_packages_are_installed_as_ever(images: ImageSource, tmp_path: Path) -> None:
    """Packages have files of other owners, setgid bits and file capabilities: all of it holds afterwards."""
    project = project_with(tmp_path, APT)
    ended = run_build(project, tmp_path / "out", *images.only(CELL))
    assert ended.code == 0, ended.output
    text = log(tmp_path / "out")
    assert "mode of /usr/bin/ssh-agent: 2755" in text
    assert "Setcap failed" not in text


def test_a_bomb_ends_with_a_reason(images: ImageSource, tmp_path: Path) -> None:
    """A test that starts process after process is refused the next one; the failure says so, and nothing is left."""
    bomb = "i=0; while [ $i -lt 300 ]; do sleep 97531 & i=$((i + 1)); done"
    settings = f"""test-command = "{bomb}"
container-engine = "docker; create-args: --pids-limit=100"
"""
    project = project_with(tmp_path, settings)
    ended = run_build(project, tmp_path / "out", *images.only(CELL))
    assert ended.code == 1, ended.output
    found = failure(ended)
    assert (found["step"], found["reason"]) == ("test", "command")
    assert "no further process" in str(found["message"])
    assert "--pids-limit" in str(found["hint"])
    assert subprocess.run(("pgrep", "-f", "sleep 97531"), check=False, stdout=subprocess.DEVNULL).returncode == 1


@pytest.mark.parametrize(
    ("command", "capability"),
    [
        ("mknod /dev/mine c 1 3", "MKNOD"),
        ("python -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)'", "NET_RAW"),
    ],
)
def test_the_capability_that_a_command_lacks_is_named(
    images: ImageSource, tmp_path: Path, command: str, capability: str
) -> None:
    """A before-all that takes a right which is not kept fails, and the hint names both switches."""
    project = project_with(tmp_path, f'before-all = "{command}"')
    ended = run_build(project, tmp_path / "out", *images.only(CELL))
    assert ended.code == 1, ended.output
    found = failure(ended)
    assert found["step"] == "before-all"
    assert f"--cap-add={capability}" in str(found["hint"])
    assert 'sandbox = "off"' in str(found["hint"])
    engine = {"MATRIX_RUNNER_CONTAINER_ENGINE": f"docker; create-args: --cap-add={capability}"}
    again = run_build(project, tmp_path / "out", *images.only(CELL), **engine)
    assert again.code == 0, again.output


FRONTENDS = ("auto", "uv", "build", "build[uv]", "pip")


@pytest.mark.parametrize("frontend", FRONTENDS)
def test_strict_leaves_no_capability(images: ImageSource, tmp_path: Path, frontend: str) -> None:
    """before-all is root's; build, repair and test are a user's without rights."""
    settings = f"""{EVERYWHERE}
sandbox = "strict"
build-frontend = "{frontend}"
test-requires = ["packaging"]
"""
    project = project_with(tmp_path, settings)
    ended = run_build(project, tmp_path / "out", *images.only(CELL, CELL_32))
    assert ended.code == 0, ended.output
    assert len(ended.wheels) == 2
    for cell in (CELL, CELL_32):
        steps = told(log(tmp_path / "out", cell))
        before_all = steps.pop("before-all", ("0", DEFAULT, "1"))
        assert before_all == ("0", DEFAULT, "1")
        assert set(steps) == {"before-build", "before-test", "test-command"}
        assert set(steps.values()) == {("1000", "0" * 16, "1")}


def test_strict_twice_with_all_caches(images: ImageSource, tmp_path: Path) -> None:
    """The prepared image, the volumes and the compiler cache of one run serve the next, and nothing is root's in it."""
    settings = """
before-all = "echo made by root >/usr/local/root && echo generated >{project}/generated"
before-build = "echo by the user >>{project}/generated && ! (echo x >/usr/local/root)"
test-command = "cat {project}/generated /usr/local/root && touch $HOME/mine && ! touch /usr/local/mine"
compiler-cache = "sccache"
sandbox = "strict"
"""
    project = project_with(tmp_path, settings)
    variables = {"MATRIX_RUNNER_NO_CACHE": "false", "MATRIX_RUNNER_CACHE_DIR": str(tmp_path / "cache")}
    once = run_build(project, tmp_path / "out", *images.only(CELL), **variables)
    assert once.code == 0, once.output
    again = run_build(project, tmp_path / "again", *images.only(CELL), "--rebuild", CELL, **variables)
    assert again.code == 0, again.output
    assert "made by root" in log(tmp_path / "again")
    assert "by the user" in log(tmp_path / "again")
    used = cast("JSON", again.cells[CELL]["compiler_cache"])
    assert cast("int", used["hits"]) > 0, again.report


def test_installing_packages_in_a_strict_cell(images: ImageSource, tmp_path: Path) -> None:
    """It is for before-all, and the hint says so."""
    settings = """before-build = "apt-get install -y zlib1g-dev || dnf install -y zlib-devel || apk add zlib-dev"
sandbox = "strict"
"""
    project = project_with(tmp_path, settings)
    ended = run_build(project, tmp_path / "out", *images.only(CELL))
    assert ended.code == 1, ended.output
    found = failure(ended)
    assert found["step"] == "before-build"
    assert "before-all" in str(found["hint"])


def test_the_names_of_what_is_kept() -> None:
    """The mask above is that of the list."""
    bits = {"CHOWN": 0, "DAC_OVERRIDE": 1, "FOWNER": 3, "FSETID": 4, "KILL": 5, "SETGID": 6, "SETUID": 7}
    bits |= {"NET_BIND_SERVICE": 10, "SYS_CHROOT": 18, "AUDIT_WRITE": 29, "SETFCAP": 31}
    assert f"{sum(1 << bits[name] for name in CAPABILITIES):016x}" == DEFAULT
