"""CPython 3.14 and 3.15, with the GIL and without, run for real: images made here, ordinary and stable-ABI wheels."""

import zipfile
from pathlib import Path

import pytest
from image_source import ImageSource
from runner_process import EXAMPLE, run_build
from sample_projects import CMAKE, CYTHON, MESON, extension_project, write_project

pytestmark = pytest.mark.own_images

GIL, FREE = "cp315-manylinux_x86_64", "cp315t-manylinux_x86_64"
GIL_BEFORE, FREE_BEFORE = "cp314-manylinux_x86_64", "cp314t-manylinux_x86_64"
PAIRS = [
    pytest.param((GIL, FREE), id="3.15"),
    pytest.param((GIL_BEFORE, FREE_BEFORE), id="3.14", marks=pytest.mark.ground),
]
TESTED = """test-command = "python -c 'import answer; assert answer.answer() == 42'" """

# As maturin builds it: a module for both kinds, whatever the interpreter that builds it is.
BOTH_SETUP = """
from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext

class BothTags(bdist_wheel):
    def get_tag(self):
        return "cp315", "abi3.abi3t", super().get_tag()[2]

class BothNames(build_ext):
    def get_ext_filename(self, fullname):
        return fullname + ".abi3t.so"

macros = [("Py_TARGET_ABI3T", "0x030f0000"), ("Py_LIMITED_API", "0x030f0000")]
setup(
    ext_modules=[Extension("answer", ["answer.c"], define_macros=macros, py_limited_api=True)],
    cmdclass={"bdist_wheel": BothTags, "build_ext": BothNames},
)
"""
BOTH_CODE = """
#include <Python.h>
static PyObject *answer(PyObject *self, PyObject *args) { return PyLong_FromLong(42); }
static PyMethodDef methods[] = {{"answer", answer, METH_NOARGS, ""}, {NULL, NULL, 0, NULL}};
PyABIInfo_VAR(abi_info);
static PySlot slots[] = {
    PySlot_STATIC_DATA(Py_mod_abi, &abi_info),
    PySlot_STATIC_DATA(Py_mod_name, "answer"),
    PySlot_STATIC_DATA(Py_mod_methods, methods),
    PySlot_DATA(Py_mod_gil, Py_MOD_GIL_NOT_USED),
    PySlot_END
};
PyMODEXPORT_FUNC PyModExport_answer(void) { return slots; }
"""


@pytest.mark.parametrize("pair", PAIRS)
def test_the_example_project(images: ImageSource, tmp_path: Path, pair: tuple[str, str]) -> None:
    """Built, repaired with a library grafted, and tested, with the GIL and without."""
    ended = run_build(EXAMPLE, tmp_path / "out", *images.only(*pair))
    assert ended.code == 0, ended.output
    tags = {wheel.name.split("-")[3] for wheel in ended.wheels}
    assert tags == {identifier.partition("-")[0] for identifier in pair}
    versions = {str(cell["python_version"])[:4].replace(".", "") for cell in ended.cells.values()}
    assert versions == {pair[0][2:5]}


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize(
    "files",
    [
        pytest.param(CYTHON, id="cython", marks=pytest.mark.ground),
        pytest.param(MESON, id="meson-python"),
        pytest.param(CMAKE, id="scikit-build-core", marks=pytest.mark.ground),
    ],
)
def test_build_backends(images: ImageSource, tmp_path: Path, files: dict[str, str], pair: tuple[str, str]) -> None:
    """What they make is what the cells promise, with the GIL and without."""
    code = {"answer.c": extension_project()["answer.c"]} if "answer.pyx" not in files else {}
    own = files | {"pyproject.toml": files["pyproject.toml"] + TESTED + "\n"}
    project = write_project(tmp_path / "project", own | code)
    ended = run_build(project, tmp_path / "out", *images.only(*pair))
    assert ended.code == 0, ended.output
    assert len(ended.wheels) == 2


def test_one_wheel_with_and_without_the_gil(images: ImageSource, tmp_path: Path) -> None:
    """PEP 803: built once, audited although the auditor does not know its entry point, tested by both."""
    files = extension_project(settings=TESTED) | {"setup.py": BOTH_SETUP, "answer.c": BOTH_CODE}
    project = write_project(tmp_path / "project", files)
    ended = run_build(project, tmp_path / "out", *images.only(GIL, FREE))
    assert ended.code == 0, ended.output
    (wheel,) = ended.wheels
    assert wheel.name.startswith("answer-1.0-cp315-abi3.abi3t-manylinux")
    assert (ended.cells[GIL]["reused_from"], ended.cells[FREE]["reused_from"]) == (None, GIL)
    assert "abi3audit does not know PyModExport_answer" in ended.output
    log = (ended.report_directory / "logs" / f"{FREE}.log").read_text("utf-8")
    assert "=== test: " in log


def test_a_promise_to_older_pythons(images: ImageSource, tmp_path: Path) -> None:
    """On 3.15, setuptools names a module of the limited API of 3.9 so that 3.9 does not import it: refused."""
    files = extension_project(settings=TESTED)
    files["setup.py"] = """
from setuptools import Extension, setup
macros = [("Py_LIMITED_API", "0x03090000")]
setup(
    ext_modules=[Extension("answer", ["answer.c"], define_macros=macros, py_limited_api=True)],
    options={"bdist_wheel": {"py_limited_api": "cp39"}},
)
"""
    project = write_project(tmp_path / "project", files)
    ended = run_build(project, tmp_path / "out", *images.only(GIL))
    assert ended.code == 5, ended.output
    assert "is for CPython 3.9 and newer (cp39-abi3), and answer.abi3-x86_64-linux-gnu.so ends in" in ended.output
    both = run_build(project, tmp_path / "both", *images.only("cp39-manylinux_x86_64", GIL))
    assert both.code == 0, both.output
    (wheel,) = both.wheels
    assert wheel.name.startswith("answer-1.0-cp39-abi3-manylinux")
    assert "answer.abi3.so" in zipfile.ZipFile(wheel).namelist()
    assert both.cells[GIL]["reused_from"] == "cp39-manylinux_x86_64"
