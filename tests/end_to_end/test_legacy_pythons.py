"""Python 2.7 in both its Unicode widths, 64- and 32-bit: built, repaired and tested with the tools that still work."""

from pathlib import Path

import pytest
from runner_process import run_build
from sample_projects import write_project

from matrix_runner.model.cells import Cell
from matrix_runner.wheelhouse.inspection import inspect

# Images with all four are not made for every run: `make ground`.
pytestmark = [pytest.mark.own_images, pytest.mark.ground]

CELLS = tuple(f"{abi}-manylinux_{arch}" for arch in ("x86_64", "i686") for abi in ("cp27m", "cp27mu"))

# PyUnicode_DecodeUTF8 is a macro for a function with the width in its name: a module of the other ABI is not loaded.
SNAKE = r"""
#include <Python.h>
static PyObject *snake(PyObject *self, PyObject *args) {
    (void)self; (void)args; return PyUnicode_DecodeUTF8("\xf0\x9f\x90\x8d", 4, "strict");
}
static PyMethodDef methods[] = {{"snake", snake, METH_NOARGS, "A character beyond 16 bits."}, {NULL, NULL, 0, NULL}};
PyMODINIT_FUNC initsnake(void) { Py_InitModule("snake", methods); }
"""
TEST = """
import struct, sys
import pytest
from snake import snake

def test_width():
    assert snake() == u"\\U0001f40d"
    assert len(snake()) == (1 if sys.maxunicode > 0xFFFF else 2)
    print("bits: %d, maxunicode: %x, pytest: %s" % (8 * struct.calcsize("P"), sys.maxunicode, pytest.__version__))
"""
FILES = {
    "setup.py": "from setuptools import Extension, setup\n"
    "setup(name='snake', version='1.0', ext_modules=[Extension('snake', ['snake.c'])])\n",
    "snake.c": SNAKE,
    "tests/test_snake.py": TEST,
    "pyproject.toml": """
[tool.matrix-runner]
enable = ["eol"]
build = "cp27*"
image = "debian"
test-requires = ["pytest<5"]
test-command = "python -m pytest -s {project}/tests"
""",
}


def test_python_27_in_both_widths_and_both_sizes(tmp_path: Path) -> None:
    """A project with a setup.py and no build system gives four wheels, each tested by an old pytest on its own Python.

    A missing interpreter is compiled into the image first, which takes minutes, once.
    """
    project = write_project(tmp_path / "project", FILES)
    ended = run_build(project, tmp_path / "out")
    assert ended.code == 0, ended.output
    assert set(ended.cells) == set(CELLS)
    for identifier, report in ended.cells.items():
        cell = Cell.parse(identifier)
        wheel = report["wheel"]
        assert isinstance(wheel, dict), ended.output
        assert str(wheel["name"]).startswith(f"snake-1.0-cp27-{cell.interpreter}-manylinux")
        contents = inspect(tmp_path / "out" / str(wheel["name"]))
        assert {elf.machine for elf in contents.elf_files} == {cell.platform.arch.elf_machine}
        log = (tmp_path / "out-report" / "logs" / f"{identifier}.log").read_text("utf-8")
        width = "10ffff" if cell.interpreter.variant == "mu" else "ffff"
        assert f"bits: {cell.platform.arch.bits}, maxunicode: {width}, pytest: 4." in log
        assert "auditwheel" in log
        assert report["python_version"] == "2.7.18"
