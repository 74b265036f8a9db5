"""A workspace of three packages: one with a C header, one that compiles against it, and one that needs neither."""

from sample_projects import Files, extension_project

_CORE = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "Sample.Core"
version = "1.2"

[tool.setuptools]
packages = ["sample_core"]
package-data = {sample_core = ["*.h"]}
ext-modules = [{name = "sample_core._core", sources = ["sample_core/_core.c"]}]
"""

_CORE_INIT = """
import os

from sample_core._core import answer


def get_include():
    return os.path.dirname(__file__)
"""

_MODULE = """
#include <Python.h>
#include HEADER
static PyObject *answer(PyObject *self, PyObject *args) { return PyLong_FromLong(SAMPLE_ANSWER + MORE); }
static PyMethodDef methods[] = {{"answer", answer, METH_NOARGS, ""}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "NAME", NULL, -1, methods, NULL, NULL, NULL, NULL};
PyMODINIT_FUNC PyInit_NAME(void) { return PyModule_Create(&module); }
"""

_PLUGIN = """
[build-system]
requires = ["setuptools", "sample_core ~= 1.0"]
build-backend = "setuptools.build_meta"

[project]
name = "sample-plugin"
version = "0.3"
dependencies = ["sample-core"]

[tool.matrix-runner]
test-command = "python -c 'import _plugin, sample_core; assert _plugin.answer() == sample_core.answer() + 1'"
"""

_PLUGIN_SETUP = """
import sample_core
from setuptools import Extension, setup

setup(ext_modules=[Extension("_plugin", ["_plugin.c"], include_dirs=[sample_core.get_include()])], py_modules=[])
"""


def _module(name: str, header: str, more: int) -> str:
    return _MODULE.replace("NAME", name).replace("HEADER", header).replace("MORE", str(more))


def sample_workspace(settings: str = "") -> Files:
    """Return its files. `settings`: lines of the table that all packages have in common."""
    files = {
        # In an order in which they cannot be built.
        "pyproject.toml": f'[tool.matrix-runner]\npackages = ["plugin", "core", "lone"]\n{settings}\n',
        "core/pyproject.toml": _CORE,
        "core/sample_core/__init__.py": _CORE_INIT,
        "core/sample_core/sample_core.h": "#define SAMPLE_ANSWER 41\n",
        "core/sample_core/_core.c": _module("_core", '"sample_core.h"', 0),
        "plugin/pyproject.toml": _PLUGIN,
        "plugin/setup.py": _PLUGIN_SETUP,
        "plugin/_plugin.c": _module("_plugin", "<sample_core.h>", 1),
    }
    return files | {f"lone/{path}": text for path, text in extension_project("lone").items()}
