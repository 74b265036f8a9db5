"""What cells do with a repaired wheel beyond its test, what commands are told, and that builds are reproducible."""

import hashlib
import os
import zipfile
from pathlib import Path

import pytest
from image_source import ImageSource
from runner_process import report_dir, run_build
from sample_projects import extension_project, write_project

CELL, OLD, THREADED = "cp311-manylinux_x86_64", "cp39-manylinux_x86_64", "cp313t-manylinux_x86_64"


def log(output: Path, cell: str) -> str:
    """Return what a cell printed."""
    return (report_dir(output) / "logs" / f"{cell}.log").read_text("utf-8")


@pytest.mark.own_images
def test_bills_of_materials_strip_variables_and_the_gil(images: ImageSource, tmp_path: Path) -> None:
    """A bill that the build made is in each wheel, stripped; each command knows its place; the GIL is spoken of."""
    told = "$MATRIX_RUNNER_PLATFORM $MATRIX_RUNNER_ARCH $MATRIX_RUNNER_LIBC $MATRIX_RUNNER_IMAGE_NAME"
    settings = f"""
before-all = "echo all: {told} $PIP_CERT; grep -c BEGIN $PIP_CERT"
before-build = '''echo own: {told} $PIP_CERT.; echo '{{"bomFormat": "CycloneDX"}}' > made.cdx.json'''
sboms = ["made.cdx.json"]
strip = true
"""
    project = write_project(tmp_path / "project", extension_project(settings=settings))
    ended = run_build(project, tmp_path / "out", *images.only(OLD, THREADED))
    assert ended.code == 0, ended.output
    assert len(ended.wheels) == 2
    for wheel in ended.wheels:
        with zipfile.ZipFile(wheel) as archive:
            assert b"CycloneDX" in archive.read("answer-1.0.dist-info/sboms/made.cdx.json")
            (module,) = (name for name in archive.namelist() if name.endswith(".so"))
            assert b".symtab" not in archive.read(module)
    place, bundle = "manylinux_x86_64 x86_64 manylinux debian", "/etc/matrix-runner/ca-bundle.pem"
    assert f"all: {place} {bundle}\n" in log(tmp_path / "out", OLD) + log(tmp_path / "out", THREADED)
    assert f"own: {place} {bundle}.\n" in log(tmp_path / "out", OLD)
    assert f"own: {place} " in log(tmp_path / "out", THREADED)
    assert "free-threading: the GIL is turned on by answer" in ended.output

    source = project / "answer.c"
    source.write_text(
        source.read_text("utf-8").replace(
            "return PyModule_Create(&module);",
            "PyObject *made = PyModule_Create(&module);\n#ifdef Py_GIL_DISABLED\n"
            "PyUnstable_Module_SetGIL(made, Py_MOD_GIL_NOT_USED);\n#endif\nreturn made;",
        ),
        "utf-8",
    )
    required = run_build(project, tmp_path / "required", *images.only(THREADED), MATRIX_RUNNER_FREE_THREADING="require")
    assert required.code == 0, required.output


MODULE = """
#include <Python.h>
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "debugged", NULL, 0, NULL};
PyMODINIT_FUNC PyInit_debugged(void) { return PyModule_Create(&definition); }
"""
CMAKE = {
    "CMakeLists.txt": """
cmake_minimum_required(VERSION 3.15)
project(debugged C)
find_package(Python REQUIRED COMPONENTS Interpreter Development.Module)
Python_add_library(debugged MODULE debugged.c WITH_SOABI)
install(TARGETS debugged DESTINATION .)
""",
    "pyproject.toml": """
[build-system]
requires = ["scikit-build-core", "cmake", "ninja"]
build-backend = "scikit_build_core.build"
[project]
name = "debugged"
version = "1.0"
[tool.scikit-build]
cmake.build-type = "RelWithDebInfo"
""",
}
MESON = {
    "meson.build": """
project('debugged', 'c', default_options: ['buildtype=debugoptimized'])
import('python').find_installation(pure: false).extension_module('debugged', 'debugged.c', install: true)
""",
    "pyproject.toml": """
[build-system]
requires = ["meson-python", "ninja"]
build-backend = "mesonpy"
[project]
name = "debugged"
version = "1.0"
[tool.matrix-runner]
config-settings = { setup-args = "-Dbuildtype=debugoptimized", compile-args = "-v" }
""",
}


@pytest.mark.network
@pytest.mark.parametrize(
    "files",
    [
        pytest.param(CMAKE, id="scikit-build-core"),
        pytest.param(MESON, id="meson-python", marks=pytest.mark.ground),
    ],
)
def test_debug_information_is_reproducible(images: ImageSource, tmp_path: Path, files: dict[str, str]) -> None:
    """Two builds of a project whose backend would choose a folder of random name give the same bytes."""
    project = write_project(tmp_path / "project", {**files, "debugged.c": MODULE})
    digests = set()
    for name in ("first", "second"):
        ended = run_build(project, tmp_path / name, *images.only(CELL))
        assert ended.code == 0, ended.output
        digests |= {hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in ended.wheels}
    assert len(digests) == 1


@pytest.mark.network
def test_this_machine_gives_the_same_bytes_each_time(tmp_path: Path) -> None:
    """With debug information, which holds the path of the sources, and for a user with another umask.

    So the second run finds that the wheel is there already.
    """
    project = write_project(tmp_path / "project", extension_project(settings='environment = { CFLAGS = "-g" }'))
    digests = set()
    before = os.umask(0o022)
    try:
        for umask in (0o022, 0o077):
            os.umask(umask)
            ended = run_build(project, tmp_path / "out", "--engine", "local", "--only", CELL)
            assert ended.code == 0, ended.output
            digests |= {hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in ended.wheels}
    finally:
        os.umask(before)
    assert len(digests) == 1
    (wheel,) = ended.wheels
    with zipfile.ZipFile(wheel) as archive:
        assert all(info.external_attr >> 16 & 0o044 == 0o044 for info in archive.infolist())
        (module,) = (name for name in archive.namelist() if name.endswith(".so"))
        assert b".debug_line" in archive.read(module)
