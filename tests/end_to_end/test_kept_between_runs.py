"""What a run leaves to the next, in real containers: prepared images, downloads, compiled code; to nobody else."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from github_cache import played_cache
from image_source import ImageSource
from runner_process import Ended, run_build, runner_argv, runner_environ
from sample_projects import extension_project, write_project

from matrix_runner.container.project_volumes import LABEL_PROJECT, LABEL_PURPOSE
from matrix_runner.engine.api import PersistentItem, PersistentKind
from matrix_runner.engine.docker.sdk.sdk_engine import DockerEngine
from matrix_runner.engine.surroundings import EngineSurroundings

CELL, OTHER, NARROW = "cp311-manylinux_x86_64", "cp39-manylinux_x86_64", "cp311-manylinux_i686"
# Every distribution's images have it, under one name or the other.
INSTALL_CCACHE = "{ apt-get update && apt-get install -y ccache; } >/dev/null || dnf install -y ccache >/dev/null"


@dataclass(kw_only=True, slots=True)
class Home:
    """A user of this machine with directories of its own, of whom nothing is there at first."""

    directory: Path
    images: ImageSource
    runs: int = field(default=0)

    @property
    def variables(self) -> dict[str, str]:
        """What makes a run this user's."""
        return {
            "XDG_STATE_HOME": str(self.directory / "state"),
            "XDG_CACHE_HOME": str(self.directory / "cache"),
            "MATRIX_RUNNER_NO_CACHE": "0",
        }

    def build(self, project: Path, *cells: str, **variables: str) -> Ended:
        """Build cells anew, whatever finished cells are kept."""
        self.runs += 1
        arguments = (*self.images.only(*cells), "--rebuild", "*")
        return run_build(project, self.directory / f"out-{self.runs}", *arguments, **{**self.variables, **variables})

    def engine(self) -> DockerEngine:
        """Make an engine of this user's."""
        state = self.directory / "state" / "matrix-runner"
        surroundings = EngineSurroundings(environ=os.environ, state_dir=state, work_dir=state / "work")
        return DockerEngine(run="test", surroundings=surroundings)

    def kept(self) -> tuple[PersistentItem, ...]:
        """Return what Docker keeps of this user's."""
        with closing(self.engine()) as engine:
            return engine.persistent_items()

    def cache(self, *words: str) -> str:
        """Run `runner cache`; return what it says."""
        environ = runner_environ(**self.variables)
        return subprocess.run(
            runner_argv("cache", *words), env=environ, check=True, capture_output=True, text=True
        ).stdout


@pytest.fixture
def home(tmp_path: Path, images: ImageSource) -> Iterator[Home]:
    """Give a user; when the test is done, nothing of hers is left on the daemon."""
    user = Home(directory=tmp_path / "home", images=images)
    try:
        yield user
    finally:
        user.cache("clear", "--yes")
        assert user.kept() == ()


def log(ended: Ended, cell: str) -> str:
    """Return what a cell printed, which has passed."""
    assert ended.cells[cell]["status"] == "passed", ended.output
    return (ended.report_directory / "logs" / f"{cell}.log").read_text("utf-8")


def test_the_next_run_starts_from_what_before_all_left(home: Home, tmp_path: Path) -> None:
    """It is not run again though other files change; its files are there, in the project too, and none that are gone.

    When one of the inputs changes, it is.
    """
    settings = (
        'before-all = "echo installed > /installed; echo made > made.txt; echo patched > patched.txt"\n'
        'before-all-inputs = ["ci/"]\n'
        'test-command = "cat /installed {project}/made.txt {project}/patched.txt; ls {project}/data"'
    )
    files = extension_project(
        settings=settings, **{"ci/x": "1", "data/a": "", "data/b": "", "patched.txt": "as it was"}
    )
    project = write_project(tmp_path / "project", files)
    first = home.build(project, CELL, OTHER)
    assert sum("=== before-all: echo" in log(first, cell) for cell in (CELL, OTHER)) == 1
    (project / "data/a").unlink()
    (project / "data/c").write_text("")
    second = home.build(project, CELL, OTHER)
    assert "before-all is not run for" in second.output
    for cell in (CELL, OTHER):
        assert "=== before-all" not in log(second, cell)
        assert "installed\nmade\npatched\nb\nc\n" in log(second, cell)
    (project / "ci/x").write_text("2")
    third = home.build(project, CELL)
    assert "=== before-all: echo" in log(third, CELL)


def test_a_prepared_image_that_is_gone_or_foreign_is_made_anew(home: Home, tmp_path: Path) -> None:
    """Whatever has its name now, and whether it is there at all: the cells pass, and see what `before-all` made."""
    settings = 'before-all = "echo installed > /installed"\ntest-command = "cat /installed"'
    project = write_project(tmp_path / "project", extension_project(settings=settings))
    home.build(project, CELL)
    (image,) = (kept for kept in home.kept() if kept.kind is PersistentKind.IMAGE)
    subprocess.run(("docker", "rmi", image.name), check=True, capture_output=True)
    assert "=== before-all: echo" in log(home.build(project, CELL), CELL)
    first = home.build(project, CELL).cells[CELL]["image_id"]
    subprocess.run(("docker", "tag", str(first), image.name), check=True)
    assert "=== before-all: echo" in log(home.build(project, CELL), CELL)
    assert "=== before-all" not in log(home.build(project, CELL), CELL)


def test_what_was_downloaded_once_needs_no_network(home: Home, tmp_path: Path) -> None:
    """The second run gets all that it requires from the volume; a project in another directory has none of it."""
    settings = 'test-requires = ["iniconfig"]\ntest-command = "python -c \'import answer, iniconfig\'"'
    project = write_project(tmp_path / "project", extension_project(settings=settings))
    other = write_project(tmp_path / "other", extension_project(settings=settings))
    offline: dict[str, str] = {"UV_OFFLINE": "1", "MATRIX_RUNNER_ENVIRONMENT_PASS": "UV_OFFLINE"}
    codes = [home.build(where, CELL, **extra).code for where, extra in ((project, {}), (project, offline))]
    assert [*codes, home.build(other, CELL, **offline).code] == [0, 0, 1]
    volumes = [kept for kept in home.kept() if kept.kind is PersistentKind.VOLUME]
    labels = [dict(kept.labels) for kept in volumes]
    assert sorted((each[LABEL_PROJECT], each[LABEL_PURPOSE]) for each in labels) == sorted(
        (str(where), purpose) for where in (project, other) for purpose in ("bytecode", "downloads")
    )
    assert all(kept.size is not None for kept in volumes)


def test_without_the_cache_nothing_is_left(home: Home, tmp_path: Path) -> None:
    """`--no-cache` leaves neither image nor volume, its own of the run included."""
    project = write_project(tmp_path / "project", extension_project(settings='before-all = "true"'))
    ended = home.build(project, CELL, OTHER, MATRIX_RUNNER_NO_CACHE="1")
    assert ended.code == 0, ended.output
    assert home.kept() == ()
    run = str(ended.report["run"])
    assert run not in subprocess.run(("docker", "volume", "ls"), capture_output=True, text=True, check=True).stdout


INCLUDING = """
import pybind11
from setuptools import Extension, setup
headers = pybind11.get_include()
setup(ext_modules=[Extension("answer", ["answer.c"], include_dirs=[headers], extra_compile_args=["-g"])])
"""


def test_compilers_are_asked_once(home: Home, tmp_path: Path) -> None:
    """With a ccache that is brought the second run compiles nothing; report and log say what the cache did.

    A 32-bit cell has the same program, which is the kernel's. It does not run the preprocessor either, and knows
    a header that comes out of the build's environment.
    """
    direct = "echo direct: $(grep -cE 'Result: (cache hit .direct|direct_cache_hit)' /matrix/compiler-cache.log)"
    settings = f'compiler-cache = "ccache"\nenvironment = "A=1"\ntest-command = "{direct}"'
    files = extension_project(settings=settings)
    files["pyproject.toml"] = files["pyproject.toml"].replace('["setuptools"]', '["setuptools", "pybind11"]')
    files["setup.py"] = INCLUDING
    files["answer.c"] += "\n#include <pybind11/conduit/wrap_include_python_h.h>\n"
    project = write_project(tmp_path / "project", files)
    first, second = home.build(project, CELL, NARROW), home.build(project, CELL, NARROW)
    for cell in (CELL, NARROW):
        assert first.cells[cell]["compiler_cache"] == {"tool": "ccache", "hits": 0, "misses": 1}
        assert second.cells[cell]["compiler_cache"] == {"tool": "ccache", "hits": 1, "misses": 0}
        assert "ccache: 1 hits, 0 misses" in log(second, cell)
        assert ["\ndirect: 0\n" in log(first, cell), "\ndirect: 1\n" in log(second, cell)] == [True, True]
    listed = home.cache("list")
    assert "  ccache  matrix-runner-ccache-" in listed
    assert "  downloads  matrix-runner-downloads-" in listed
    assert f"  {project}  " in listed


# A hostile build: it looks for the key in every process of its container.
SPY = """
import glob
for file in glob.glob("/proc/[0-9]*/environ"):
    try:
        words = open(file, errors="replace").read().split(chr(0))
    except (FileNotFoundError, ProcessLookupError):
        # It has ended, and nobody has asked yet how.
        continue
    for word in words:
        if word.startswith("ACTIONS_"):
            print("seen:", word)
"""


def test_githubs_cache_serves_a_machine_that_has_nothing(home: Home, tmp_path: Path) -> None:
    """sccache, brought, finds there what another machine has compiled; the key to it is nowhere to be read."""
    files = extension_project(settings='compiler-cache = "sccache; backend: gha"')
    project = write_project(tmp_path / "project", {**files, "setup.py": SPY + files["setup.py"]})
    with played_cache("key-to-the-cache-4711") as service:
        variables = {"ACTIONS_RESULTS_URL": service.address, "ACTIONS_RUNTIME_TOKEN": service.token}
        first = home.build(project, CELL, **variables)
        home.cache("clear", "--yes")
        second = home.build(project, CELL, **variables)
    assert first.cells[CELL]["compiler_cache"] == {"tool": "sccache", "hits": 0, "misses": 1}
    assert second.cells[CELL]["compiler_cache"] == {"tool": "sccache", "hits": 1, "misses": 0}
    assert service.refused == 0
    assert "seen: ACTIONS_RUNTIME_TOKEN=***" in log(first, CELL)
    kept = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert [file for file in kept if service.token.encode() in file.read_bytes()] == []


CMAKE = """
cmake_minimum_required(VERSION 3.15)
project(made C)
find_package(Python REQUIRED COMPONENTS Interpreter Development.Module)
configure_file(made.h.in made.h)
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/generated.c "int generated(void) { return 40; }\\n")
Python_add_library(made MODULE made.c plain.c ${CMAKE_CURRENT_BINARY_DIR}/generated.c WITH_SOABI)
target_include_directories(made PRIVATE ${CMAKE_CURRENT_BINARY_DIR})
install(TARGETS made DESTINATION .)
"""
MADE = """
#include <Python.h>
#include "made.h"
int generated(void);
int plain(void);
static PyObject *answer(PyObject *self, PyObject *args) { return PyLong_FromLong(generated() + plain() + VERSION); }
static PyMethodDef methods[] = {{"answer", answer, METH_NOARGS, ""}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "made", NULL, 0, methods};
PyMODINIT_FUNC PyInit_made(void) { return PyModule_Create(&definition); }
"""


def test_what_a_build_generates_is_compiled_once(home: Home, tmp_path: Path) -> None:
    """scikit-build-core builds in a folder of random name if it is told none; then nothing generated is found again.

    Without an option: a plain source, one that includes a generated header, and one that is generated itself.
    """
    settings = f'before-all = "{INSTALL_CCACHE}"\nbefore-all-inputs = ["ci"]\ncompiler-cache = "ccache"\n'
    settings += "test-command = \"python -c 'import made; assert made.answer() == 42'\""
    files = extension_project("made", settings=settings)
    backend = 'requires = ["scikit-build-core", "cmake", "ninja"]\nbuild-backend = "scikit_build_core.build"'
    setuptools = 'requires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"'
    assert setuptools in files["pyproject.toml"]
    del files["setup.py"]
    files |= {
        "pyproject.toml": files["pyproject.toml"].replace(setuptools, backend),
        "CMakeLists.txt": CMAKE,
        "made.c": MADE,
        "made.h.in": "#define VERSION 1\n",
        "plain.c": "int plain(void) { return 1; }\n",
        "ci": "",
    }
    project = write_project(tmp_path / "project", files)
    first, second = home.build(project, CELL), home.build(project, CELL)
    used = [ended.cells[CELL]["compiler_cache"] for ended in (first, second)]
    # One is CMake's look at the compiler, whose path is in the environment of the build.
    assert used[0] == {"tool": "ccache", "hits": 0, "misses": 4}
    assert used[1] == {"tool": "ccache", "hits": 4, "misses": 0}
    assert [wheel.read_bytes() for wheel in first.wheels] == [wheel.read_bytes() for wheel in second.wheels]


@pytest.mark.network
def test_no_network_is_needed_again(home: Home, tmp_path: Path) -> None:
    """With no network at all: what an earlier run has fetched is enough, and without it uv says so at once."""
    project = write_project(tmp_path / "project", extension_project(settings='network = "none"'))
    failed = home.build(project, CELL).cells[CELL]["failure"]
    assert isinstance(failed, dict)
    assert failed["message"] == "exit status 1: uv has no network, and not all that is required in its cache"
    assert home.build(project, CELL, MATRIX_RUNNER_NETWORK="all").code == 0
    assert home.build(project, CELL).code == 0
