"""Our own build frontend makes the same wheels as `build`, byte for byte, where the two could differ."""

import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from frontend_bench import Bench, open_bench
from image_source import ImageSource
from sample_projects import Files, extension_project, write_project

pytestmark = pytest.mark.network

LEGACY = """
import sys
from setuptools import setup
print("PYTHON", sys.executable)
setup(name="legacy", version="1.0", py_modules=["legacy"], setup_requires=["flit-core"])
"""
IN_TREE = """
import atexit, os, pathlib, shutil, tempfile, threading, warnings
import flit_core.buildapi
scratch = tempfile.mkdtemp()
atexit.register(shutil.rmtree, scratch)
warnings.warn("for whoever builds")
def get_requires_for_build_wheel(config_settings):
    pathlib.Path(scratch, "asked").touch()
    os.chdir("/")
    return ["iniconfig==2.0.0"]
def build_wheel(out, config_settings, metadata=None):
    import iniconfig
    assert not os.listdir(scratch) and os.getcwd() != "/" and config_settings == {"a": ["1", "2"], "b": ""}
    return flit_core.buildapi.build_wheel(out, config_settings, metadata)
"""
HEADERS = """
from setuptools import Extension, setup
import pybind11
setup(ext_modules=[
    Extension("headers", ["headers.cpp"], include_dirs=[pybind11.get_include()], extra_compile_args=["-g", "-O0"])
])
"""
SYSTEM = '[build-system]\nrequires = [{requires}]\nbuild-backend = "{backend}"\n{more}'
PROJECT = '[project]\nname = "{name}"\nversion = "1.0"\ndescription = "x"\n'

PACKAGES: dict[str, Files] = {
    "plain": extension_project("plain"),
    # Neither table nor pyproject.toml, and a requirement that the backend adds.
    "legacy": {"setup.py": LEGACY, "legacy.py": ""},
    "no-table": {"setup.py": LEGACY, "legacy.py": "", "pyproject.toml": "[tool.x]\n"},
    # A backend of its own, in processes of its own.
    "in-tree": {
        "pyproject.toml": SYSTEM.format(requires='"flit-core>=3"', backend="own", more='backend-path = ["tools"]\n')
        + PROJECT.format(name="in_tree"),
        "tools/own.py": IN_TREE,
        "in_tree.py": "",
    },
    "headers": {
        "pyproject.toml": SYSTEM.format(requires='"setuptools", "pybind11"', backend="setuptools.build_meta", more="")
        + PROJECT.format(name="headers"),
        "setup.py": HEADERS,
        "headers.cpp": '#include <pybind11/pybind11.h>\nPYBIND11_MODULE(headers, m) { m.attr("a") = 1; }\n',
    },
}
SETTINGS = ("-Ca=1", "-Ca=2", "-Cb=")


def sdist_of(name: str, directory: Path) -> Path:
    """Pack a package."""
    write_project(directory / name, PACKAGES[name])
    sdist = directory / f"{name}.tar.gz"
    with tarfile.open(sdist, "w:gz") as archive:
        archive.add(directory / name, arcname=name)
    return sdist


@pytest.fixture(name="bench", scope="module")
def _bench(images: ImageSource, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with open_bench("cp311-manylinux_x86_64", images.families, tmp_path_factory.mktemp("bench")) as bench:
        yield bench


@pytest.mark.parametrize("name", ["plain", "legacy", "no-table", "in-tree"])
def test_the_wheels_are_the_same(bench: Bench, tmp_path: Path, name: str) -> None:
    """Whoever installs: uv as in `build[uv]`, or pip; and the path of the environment is the one that was told."""
    bench.put(sdist_of(name, tmp_path))
    words = SETTINGS if name == "in-tree" else ()
    said = {frontend: bench.build(frontend, *words) for frontend in ("build", "uv", "pip")}
    for frontend, (status, text) in said.items():
        assert status == 0, text
        assert bench.difference("build", frontend) == ""
        assert "WARNING for whoever builds" in text or name != "in-tree"
        if frontend != "build":
            assert "/matrix/isolated" in text or name in {"plain", "in-tree"}


@pytest.mark.parametrize(("frontend", "binds"), [("uv", "UV_BUILD_CONSTRAINT"), ("pip", "PIP_CONSTRAINT")])
def test_what_bounds_requirements(bench: Bench, tmp_path: Path, frontend: str, binds: str) -> None:
    """Constraints of builds hold for what is required, and for that only; a bound that nothing fits fails the build."""
    bench.put(sdist_of("plain", tmp_path))
    bench.run(
        "sh",
        "-c",
        "echo 'setuptools==80.9.0' >/pins; echo 'setuptools==80.8.0' >/others; echo 'setuptools==9999' >/none",
    )
    status, text = bench.build(frontend, variables=(f"{binds}=/pins", "UV_CONSTRAINT=/others", "UV_OVERRIDE=/others"))
    assert status == 0, text
    assert any(line in text for line in ("+ setuptools==80.9.0", "Successfully installed setuptools-80.9.0"))
    status, text = bench.build(frontend, variables=(f"{binds}=/none",))
    assert status == 1
    assert text.splitlines()[-1] == f"ERROR {frontend} could not install what the build requires"


def test_headers_have_one_path(bench: Bench, tmp_path: Path) -> None:
    """Debug information names the environment's headers: with the same bytes whenever it is built."""
    bench.put(sdist_of("headers", tmp_path))
    for _ in range(2):
        status, text = bench.build("uv")
        assert status == 0, text
        bench.run("sh", "-c", "[ -e /first ] || cp -r /uv /first")
    assert bench.difference("first", "uv") == ""
    _, found = bench.run("sh", "-c", "cd / && python -m zipfile -e /uv/*.whl /open && grep -c isolated/lib /open/*.so")
    assert found.strip() != "0"


def test_what_memory_does_not_hold_is_put_on_disk(images: ImageSource, tmp_path: Path) -> None:
    """The oldest Python of all that it serves here, in whose pip the reader of TOML is, and hardly any memory."""
    with open_bench("cp39-manylinux_x86_64", images.families, tmp_path, memory="3m") as bench:
        bench.put(sdist_of("legacy", tmp_path))
        assert bench.build("build")[0] == 0
        for frontend in ("uv", "pip"):
            status, text = bench.build(frontend)
            assert status == 0, text
            assert "once more, on disk" in text
            assert "/matrix/isolated-on-disk/bin/python" in text
            assert bench.difference("build", frontend) == ""
