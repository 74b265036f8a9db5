"""Which Pythons this machine has, and what kind of place it is."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from matrix_runner.engine.local.python_discovery import (
    FoundInterpreter,
    find_interpreters,
    is_ci,
    is_inside_container,
    machine_of,
)
from matrix_runner.engine.local.python_probe import ProbeAnswer, directory_name, probe, without_leaks

Facts = dict[str, str | int | bool]


def answer(**changes: str | int | bool) -> Facts:
    """Return what a plain CPython 3.5 would say of itself: one that no test machine has."""
    facts: Facts = {
        "implementation": "CPython",
        "version": "3.5.9",
        "major": 3,
        "minor": 5,
        "bits": 64,
        "abiflags": "m",
        "wide": True,
        "pymalloc": True,
        "suffix": ".cpython-35m-x86_64-linux-gnu.so",
        "executable": "/nowhere/bin/python3.5",
        "prefix": "/nowhere",
        "in_environment": False,
        "base_executable": "",
        "has_headers": True,
    }
    return facts | changes


def script(path: Path, text: str) -> Path:
    """Write an executable shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def pretender(path: Path, **changes: str | int | bool) -> Path:
    """Write an executable that answers a probe (its fifth argument is the mark) as some interpreter would."""
    facts = answer(executable=str(path), **changes)
    return script(path, f"echo noise; echo \"$5\"'{json.dumps(facts)}'")


def pyenv(root: Path) -> dict[str, str]:
    """Return variables of a machine with a pyenv at `root` and an empty PATH."""
    return {"PYENV_ROOT": str(root), "PATH": "", "HOME": str(root)}


def of_35(found: tuple[FoundInterpreter, ...]) -> tuple[FoundInterpreter, ...]:
    """Return the pretenders among the real interpreters of the machine."""
    return tuple(interpreter for interpreter in found if interpreter.directory == "cp35-cp35m")


@pytest.mark.parametrize(
    ("changes", "directory"),
    [
        ({}, "cp35-cp35m"),
        ({"minor": 11, "abiflags": ""}, "cp311-cp311"),
        ({"minor": 13, "abiflags": "t"}, "cp313-cp313t"),
        ({"major": 2, "minor": 7, "abiflags": ""}, "cp27-cp27mu"),
        ({"major": 2, "minor": 7, "abiflags": "", "wide": False}, "cp27-cp27m"),
        (
            {"implementation": "PyPy", "minor": 11, "suffix": ".pypy311-pp73-x86_64-linux-gnu.so"},
            "pp311-pypy311_pp73",
        ),
        (
            {"implementation": "GraalVM", "minor": 12, "suffix": ".graalpy250-312-native-x86_64-linux.so"},
            "graalpy312-graalpy250_312_native",
        ),
        ({"implementation": "Jython"}, None),
    ],
)
def test_a_python_is_named_as_manylinux_names_its_directory(
    changes: Facts, directory: str | None, tmp_path: Path
) -> None:
    """The name is `<python tag>-<abi tag>`; an implementation that no image has gets none."""
    told = probe(pretender(tmp_path / "python", **changes), {})
    assert told is not None
    assert directory_name(told) == directory


@pytest.mark.parametrize(
    ("uname", "bits", "machine"),
    [
        ("x86_64", 64, "x86_64"),
        ("x86_64", 32, "i686"),
        ("aarch64", 32, "armv7l"),
        ("i386", 32, "i686"),
        ("sparc64", 64, "sparc64"),
    ],
)
def test_a_narrow_python_on_a_wide_kernel_is_of_the_narrow_machine(uname: str, bits: int, machine: str) -> None:
    """A 32-bit userland is told by its Pythons, not by the kernel's `uname -m`."""
    assert machine_of(uname, bits) == machine


def test_the_python_that_runs_this_is_found_and_told_right() -> None:
    """A probe of the running interpreter says what the interpreter knows of itself."""
    told = probe(Path(sys.executable), os.environ)
    assert isinstance(told, ProbeAnswer)
    assert (told.major, told.minor) == sys.version_info[:2]
    assert told.in_environment == (sys.prefix != sys.base_prefix)
    assert directory_name(told) in {found.directory for found in find_interpreters(os.environ)}


@pytest.mark.parametrize("links", ["--symlinks", "--copies"])
def test_a_virtual_environment_stands_for_its_base(links: str, tmp_path: Path) -> None:
    """What is found is the installation: an environment on PATH may be gone, or changed, tomorrow."""
    environment = tmp_path / "env"
    subprocess.run((sys.executable, "-m", "venv", "--without-pip", links, environment), check=True)
    found = find_interpreters({"PATH": str(environment / "bin"), "HOME": str(tmp_path)})
    assert found
    assert not [interpreter for interpreter in found if interpreter.executable.is_relative_to(tmp_path)]


def test_every_version_of_a_version_manager_is_found(tmp_path: Path) -> None:
    """Also one that is not active, and so answers through no shim."""
    python = pretender(tmp_path / "versions/3.5.9/bin/python")
    assert of_35(find_interpreters(pyenv(tmp_path))) == (
        FoundInterpreter(
            directory="cp35-cp35m",
            executable=python,
            version="3.5.9",
            bits=64,
            machine=machine_of(os.uname().machine, 64),
        ),
    )


def test_the_newest_patch_wins(tmp_path: Path) -> None:
    """Of two with one name the newer is taken, by number and not by text."""
    for version in ("3.5.10", "3.5.9", "3.5.10rc1"):
        pretender(tmp_path / f"versions/{version}/bin/python", version=version)
    assert [found.version for found in of_35(find_interpreters(pyenv(tmp_path)))] == ["3.5.10"]


def test_one_with_headers_wins_over_a_newer_one_without(tmp_path: Path) -> None:
    """Without headers no extension compiles, so such a Python is taken only where there is no other, and says so."""
    pretender(tmp_path / "versions/new/bin/python", version="3.5.10", has_headers=False)
    assert [found.has_headers for found in of_35(find_interpreters(pyenv(tmp_path)))] == [False]
    pretender(tmp_path / "versions/old/bin/python", version="3.5.9")
    assert [found.version for found in of_35(find_interpreters(pyenv(tmp_path)))] == ["3.5.9"]


def test_a_narrow_and_a_wide_python_are_both_kept(tmp_path: Path) -> None:
    """They build for different platforms, though their directory has one name."""
    for bits in (32, 64):
        pretender(tmp_path / f"versions/{bits}/bin/python", bits=bits)
    assert sorted(found.bits for found in of_35(find_interpreters(pyenv(tmp_path)))) == [32, 64]


@pytest.mark.parametrize(
    "text",
    [
        "echo 'pyenv: version 3.5.9 is not installed' >&2; exit 127",
        "exit 0",
        'echo "$5"\'{"version": 3}\'',
        "/bin/sleep 600 & wait",
    ],
    ids=["broken", "mute", "nonsense", "hanging"],
)
def test_what_does_not_answer_is_left_out(text: str, tmp_path: Path) -> None:
    """A broken shim, or one whose child hangs on to the pipe, costs its time limit and nothing else."""
    broken = script(tmp_path / "versions/broken/bin/python", text)
    pretender(tmp_path / "versions/good/bin/python")
    found = find_interpreters(pyenv(tmp_path), probe_seconds=2)
    assert broken not in {interpreter.executable for interpreter in found}
    assert len(of_35(found)) == 1


def test_shims_are_not_asked(tmp_path: Path) -> None:
    """A shim answers for another version in every directory, so what is behind it counts."""
    script(tmp_path / "shims/python3", f"touch {tmp_path}/asked; exit 1")
    find_interpreters({**pyenv(tmp_path), "PATH": str(tmp_path / "shims")})
    assert not (tmp_path / "asked").exists()


def test_in_an_image_its_own_pythons_and_no_others_are_found(tmp_path: Path) -> None:
    """Names are the image's; what is there under another kind of name is no cell's interpreter."""
    for name in ("cp35-cp35m", "pp35-pypy_41", "shared"):
        pretender(tmp_path / name / "bin/python")
    (tmp_path / "cp36-cp36m").mkdir()
    found = find_interpreters(os.environ, opt_python=tmp_path)
    assert [interpreter.directory for interpreter in found] == ["cp35-cp35m", "pp35-pypy_41"]


def test_variables_of_the_driver_do_not_reach_builds() -> None:
    """What points to the driver's Python, or sends installs elsewhere, is dropped; all else stays."""
    leaks = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "PIP_REQUIRE_VIRTUALENV", "CONDA_PREFIX", "PIP_TARGET")
    assert without_leaks(dict.fromkeys((*leaks, "SSL_CERT_FILE", "HOME"), "x")) == {"SSL_CERT_FILE": "x", "HOME": "x"}


@pytest.mark.parametrize("sign", [".dockerenv", "run/.containerenv", "run/systemd/container"])
def test_a_marker_file_tells_a_container(sign: str, tmp_path: Path) -> None:
    """Docker, Podman and systemd leave a file; without any sign it is no container."""
    assert not is_inside_container({}, tmp_path)
    (tmp_path / sign).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / sign).touch()
    assert is_inside_container({}, tmp_path)


@pytest.mark.parametrize(
    ("environ", "groups", "expected"),
    [
        ({"container": "podman"}, "0::/\n", True),
        ({"container": "flatpak"}, "0::/\n", False),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "0::/\n", True),
        ({}, "4:memory:/docker/0123abcd\n", True),
        ({}, "0::/init.scope\n", False),
    ],
)
def test_variables_and_control_groups_tell_a_container(
    environ: dict[str, str], groups: str, *, expected: bool, tmp_path: Path
) -> None:
    """A Flatpak terminal has the variable too, and is the user's own machine."""
    (tmp_path / "proc/1").mkdir(parents=True)
    (tmp_path / "proc/1/cgroup").write_text(groups)
    assert is_inside_container(environ, tmp_path) is expected


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, False),
        ({"CI": "true"}, True),
        ({"CI": "1"}, True),
        ({"CI": "false"}, False),
        ({"CI": ""}, False),
        ({"TF_BUILD": "True"}, True),
    ],
)
def test_ci_is_told_by_its_variables(environ: dict[str, str], *, expected: bool) -> None:
    """`CI=false` is how people say that it is none."""
    assert is_ci(environ) is expected
