"""What a release uploads: the sdist and the wheel of this program, and that they install and run for everybody."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.parser import BytesParser
from pathlib import Path

import pytest
from runner_process import EXAMPLE, REPOSITORY

from matrix_runner import __version__

pytestmark = pytest.mark.network

PYTHONS = ("3.10", f"{sys.version_info.major}.{sys.version_info.minor}")
"""The oldest that is supported, and this one."""


def python_of(version: str) -> str:
    """Return a Python of a version: one of this machine, else its number, by which uv fetches it."""
    name = f"python{version}"
    beside = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/{name}"))
    return str(beside[-1]) if beside else shutil.which(name) or version


def run(*argv: str | Path, cwd: Path | None = None) -> str:
    """Run a command and return what it prints. Raise AssertionError with that if it fails."""
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith(("MATRIX_RUNNER_", "PYTHONPATH"))
    }
    done = subprocess.run(
        list(map(str, argv)),
        cwd=cwd,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The sdist and the wheel, made of the files that git knows, the wheel by way of the sdist."""
    directory = tmp_path_factory.mktemp("release")
    tree = directory / "tree"
    known = run("git", "ls-files", "--cached", "--others", "--exclude-standard", cwd=REPOSITORY).splitlines()
    for name in known:
        if (REPOSITORY / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, tree / name)
    run(sys.executable, "-m", "uv", "build", "--out-dir", directory / "dist", tree)
    (sdist,) = (directory / "dist").glob("*.tar.gz")
    (wheel,) = (directory / "dist").glob("*.whl")
    return {"sdist": sdist, "wheel": wheel}


def test_an_index_takes_them(files: dict[str, Path]) -> None:
    """Metadata, and a description that it can show."""
    run(sys.executable, "-m", "twine", "check", "--strict", *files.values())
    run(Path(sys.executable).with_name("check-wheel-contents"), files["wheel"])
    assert files["wheel"].name == f"matrix_runner-{__version__}-py3-none-any.whl"
    assert files["sdist"].name == f"matrix_runner-{__version__}.tar.gz"


def test_the_wheel_has_the_package_and_all_its_data(files: dict[str, Path]) -> None:
    """Every file that git knows of it, the manual pages, and nothing else but metadata."""
    known = set(
        run("git", "ls-files", "--cached", "--others", "--exclude-standard", "matrix_runner", cwd=REPOSITORY).split()
    )
    with zipfile.ZipFile(files["wheel"]) as archive:
        names = set(archive.namelist())
        metadata = BytesParser().parsebytes(archive.read(f"matrix_runner-{__version__}.dist-info/METADATA"))
    info = f"matrix_runner-{__version__}.dist-info/"
    pages = {f"matrix_runner-{__version__}.data/data/share/man/man1/{path.name}" for path in REPOSITORY.glob("man/*.1")}
    assert "runner-build.1" in {Path(page).name for page in pages}
    assert {name for name in names if not name.startswith(info)} == pages | {
        name for name in known if (REPOSITORY / name).is_file()
    }
    assert metadata["Name"] == "matrix-runner"
    assert metadata["License-Expression"] == "MIT"


def test_the_sdist_has_what_a_distributor_needs(files: dict[str, Path]) -> None:
    """The package, its tests, documentation and licence; nothing of a checkout's own."""
    with tarfile.open(files["sdist"]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {
        "pyproject.toml",
        "LICENSE",
        "README.md",
        "CHANGELOG.md",
        "tests/conftest.py",
        "docs/reference/options.md",
        "man/runner.1",
        "zensical.toml",
    } <= names
    assert not [name for name in names if name.startswith((".git/", ".venv", ".ci", "wheelhouse", "benchmarks"))]


@pytest.mark.parametrize("resolution", ["highest", "lowest-direct"])
@pytest.mark.parametrize("python", dict.fromkeys(PYTHONS))
def test_it_installs_and_plans(files: dict[str, Path], tmp_path: Path, python: str, resolution: str) -> None:
    """On the oldest and the newest Python, with the newest of each dependency and with the oldest that is allowed."""
    uv = (sys.executable, "-m", "uv")
    run(*uv, "venv", "--quiet", "--python", python_of(python), tmp_path / "venv")
    target = ("--python", tmp_path / "venv/bin/python", "--resolution", resolution)
    run(*uv, "pip", "install", "--quiet", *target, files["wheel"])
    runner = tmp_path / "venv/bin/runner"
    assert run(runner, "--version") == f"matrix-runner {__version__}\n"
    assert "cp313-manylinux_x86_64" in run(runner, "plan", EXAMPLE, "--archs", "x86_64")
    assert "archs" in run(runner, "explain", "cp313-manylinux_x86_64", EXAMPLE, "--archs", "x86_64")
    for command in (
        "build",
        "watch",
        "logs",
        "report",
        "shell",
        "inspect",
        "image",
        "cache",
        "doctor",
        "migrate",
        "schema",
    ):
        run(runner, command, "--help")


@pytest.mark.parametrize("extra", ["local", "remote", "watch"])
def test_each_extra_installs(files: dict[str, Path], tmp_path: Path, extra: str) -> None:
    """And gives what it is for."""
    uv = (sys.executable, "-m", "uv")
    run(*uv, "venv", "--quiet", tmp_path / "venv")
    python = tmp_path / "venv/bin/python"
    run(*uv, "pip", "install", "--quiet", "--python", python, f"{files['wheel']}[{extra}]")
    module = {"local": "auditwheel", "remote": "fsspec", "watch": "watchfiles"}[extra]
    run(python, "-c", f"import {module}")


def test_it_runs_without_being_installed(files: dict[str, Path]) -> None:
    """By uvx and by pipx."""
    uvx = run(sys.executable, "-m", "uv", "tool", "run", "--from", files["wheel"], "runner", "--version")
    assert f"matrix-runner {__version__}" in uvx
    pipx = run(sys.executable, "-m", "pipx", "run", "--spec", files["wheel"], "runner", "--version")
    assert f"matrix-runner {__version__}" in pipx


def test_the_hook_for_pre_commit_checks_the_table(tmp_path: Path) -> None:
    """As another project's pre-commit runs it, from this repository."""
    project = tmp_path / "project"
    project.mkdir()
    table = '[project]\nname = "demo"\nversion = "1"\n[tool.matrix-runner]\nbuild = "cp313-*"\n'
    (project / "pyproject.toml").write_text(table)
    run("git", "init", "--quiet", ".", cwd=project)
    run("git", "add", "pyproject.toml", cwd=project)
    tried = (sys.executable, "-m", "pre_commit", "try-repo", REPOSITORY, "matrix-runner", "--all-files")
    assert "Passed" in run(*tried, cwd=project)
    (project / "pyproject.toml").write_text(table.replace("build =", "biuld ="))
    run("git", "add", "pyproject.toml", cwd=project)
    with pytest.raises(AssertionError, match="biuld"):
        run(*tried, cwd=project)
