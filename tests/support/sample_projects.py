"""Small projects, as files in a dictionary, that tests write and build."""

from pathlib import Path

SETUP = """
from setuptools import Extension, setup
setup(ext_modules=[Extension("{name}", ["{name}.c"]{extra})]{options})
"""

# One source for 2.7 and 3: what a project that still ships for both looks like.
EXTENSION = """
#define PY_SSIZE_T_CLEAN
#include <Python.h>
static PyObject *answer(PyObject *self, PyObject *args) { (void)self; (void)args; return PyLong_FromLong(42); }
static PyMethodDef methods[] = {{"answer", answer, METH_NOARGS, "The answer."}, {NULL, NULL, 0, NULL}};
#if PY_MAJOR_VERSION >= 3
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "NAME", NULL, -1, methods, NULL, NULL, NULL, NULL};
PyMODINIT_FUNC PyInit_NAME(void) { return PyModule_Create(&module); }
#else
PyMODINIT_FUNC initNAME(void) { Py_InitModule("NAME", methods); }
#endif
"""

PYPROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "{name}"
version = "1.0"

[tool.matrix-runner]
{settings}
"""

Files = dict[str, str]


def extension_project(name: str = "answer", *, settings: str = "", **files: str) -> Files:
    """Return a project with one C extension; `settings`: lines of `[tool.matrix-runner]`."""
    return {
        "pyproject.toml": PYPROJECT.format(name=name, settings=settings),
        "setup.py": SETUP.format(name=name, extra="", options=""),
        f"{name}.c": EXTENSION.replace("NAME", name),
        **files,
    }


GIFT_MODULE = """
#include <Python.h>
#ifdef __cplusplus
#include <stdexcept>
#include <string>
extern "C" int gift(void);
static int thrown(void) {
    try { throw std::runtime_error("42"); } catch (std::exception &e) { return std::stoi(e.what()); }
}
#else
int gift(void);
static int thrown(void) { return 42; }
#endif
static PyObject *answer(PyObject *self, PyObject *args) {
    (void)self; (void)args;
    return PyLong_FromLong(gift() == thrown() ? 42 : 0);
}
static PyMethodDef methods[] = {{"answer", answer, METH_NOARGS, "The answer."}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "answer", NULL, -1, methods, NULL, NULL, NULL, NULL};
PyMODINIT_FUNC PyInit_answer(void) { return PyModule_Create(&module); }
"""


CYTHON: Files = {
    "pyproject.toml": """
[build-system]
requires = ["setuptools", "cython>=3.2"]
build-backend = "setuptools.build_meta"
[project]
name = "answer"
version = "1.0"
[tool.setuptools]
ext-modules = [{ name = "answer", sources = ["answer.pyx"] }]
[tool.matrix-runner]
""",
    "answer.pyx": "# cython: freethreading_compatible=True\ndef answer():\n    return 42\n",
}
MESON: Files = {
    "pyproject.toml": """
[build-system]
requires = ["meson-python"]
build-backend = "mesonpy"
[project]
name = "answer"
version = "1.0"
[tool.matrix-runner]
""",
    "meson.build": """
project('answer', 'c')
import('python').find_installation(pure: false).extension_module('answer', 'answer.c', install: true)
""",
}
CMAKE: Files = {
    "pyproject.toml": """
[build-system]
requires = ["scikit-build-core"]
build-backend = "scikit_build_core.build"
[project]
name = "answer"
version = "1.0"
[tool.matrix-runner]
""",
    "CMakeLists.txt": """
cmake_minimum_required(VERSION 3.15)
project(answer LANGUAGES C)
find_package(Python COMPONENTS Interpreter Development.Module REQUIRED)
python_add_library(answer MODULE answer.c WITH_SOABI)
install(TARGETS answer DESTINATION .)
""",
}
"""Projects of other build backends: the last two compile an `answer.c` that is to be added."""


RUST: Files = {
    "pyproject.toml": """
[build-system]
requires = ["setuptools", "setuptools-rust"]
build-backend = "setuptools.build_meta"
[project]
name = "answer"
version = "1.0"
[tool.matrix-runner]
before-all = "{ apt-get update -q && apt-get install -qy rustc-web cargo-web; } || dnf install -y cargo"
""",
    "setup.py": """
from setuptools import setup
from setuptools_rust import Binding, RustExtension
setup(rust_extensions=[RustExtension("answer", binding=Binding.NoBinding)], zip_safe=False)
""",
    "Cargo.toml": """
[package]
name = "answer"
version = "1.0.0"
edition = "2021"
[lib]
crate-type = ["cdylib"]
[profile.release]
debug = true
""",
    "src/lib.rs": """
use std::os::raw::{c_char, c_int, c_long, c_void};

#[repr(C)]
struct Base { count: isize, kind: *mut c_void, init: *mut c_void, index: isize, copy: *mut c_void }
#[repr(C)]
struct Method {
    name: *const c_char, call: extern "C" fn(*mut c_void, *mut c_void) -> *mut c_void, flags: c_int, doc: *const c_char,
}
#[repr(C)]
struct Definition {
    base: Base, name: *const c_char, doc: *const c_char, size: isize, methods: *mut Method, slots: *mut c_void,
    traverse: *mut c_void, clear: *mut c_void, free: *mut c_void,
}
extern "C" {
    fn PyModule_Create2(definition: *mut Definition, version: c_int) -> *mut c_void;
    fn PyLong_FromLong(value: c_long) -> *mut c_void;
}
const NULL: *mut c_void = std::ptr::null_mut();
extern "C" fn answer(_: *mut c_void, _: *mut c_void) -> *mut c_void {
    // A panic's place and the standard library's are paths in the file.
    let told: Result<c_long, _> = "42".parse();
    unsafe { PyLong_FromLong(told.expect("a number")) }
}
static mut METHODS: [Method; 2] = [
    Method { name: b"answer\\0".as_ptr() as *const c_char, call: answer, flags: 4, doc: std::ptr::null() },
    Method { name: std::ptr::null(), call: answer, flags: 0, doc: std::ptr::null() },
];
static mut DEFINITION: Definition = Definition {
    base: Base { count: 1, kind: NULL, init: NULL, index: 0, copy: NULL },
    name: b"answer\\0".as_ptr() as *const c_char, doc: std::ptr::null(), size: -1, methods: NULL as *mut Method,
    slots: NULL, traverse: NULL, clear: NULL, free: NULL,
};
#[no_mangle]
pub unsafe extern "C" fn PyInit_answer() -> *mut c_void {
    DEFINITION.methods = std::ptr::addr_of_mut!(METHODS) as *mut Method;
    PyModule_Create2(std::ptr::addr_of_mut!(DEFINITION), 1013)
}
""",
}
"""A module in Rust, of no other crate: what pyo3 would do is done by hand. With debug information."""

HATCH: Files = {
    "pyproject.toml": """
[build-system]
requires = ["hatchling", "setuptools"]
build-backend = "hatchling.build"
[project]
name = "answer"
version = "1.0"
[tool.hatch.build.targets.wheel]
only-include = ["answer_python.py"]
[tool.hatch.build.targets.wheel.hooks.custom]
[tool.matrix-runner]
repair-wheel-command = ""
accept = ["unrepaired"]
""",
    "hatch_build.py": """
from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from setuptools import Distribution, Extension
from setuptools.command.build_ext import build_ext


class Hook(BuildHookInterface):
    def initialize(self, version, build_data):
        command = build_ext(Distribution({"name": "answer", "ext_modules": [Extension("answer", ["answer.c"])]}))
        command.ensure_finalized()
        command.inplace = True
        command.run()
        built = command.get_ext_filename("answer")
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        build_data["force_include"][built] = built
""",
    "answer_python.py": "from answer import answer\n",
}
"""A build hook of hatchling that compiles an `answer.c`, which is to be added; the wheel is not repaired."""


def linked_project(suffix: str = "c") -> Files:
    """Return a project whose extension links a library that its `before-all` compiles, so that there is one to graft.

    `suffix`: `c`, or `cpp` for one that throws and catches an exception besides.
    """
    settings = """before-all = [
  "cc -shared -fPIC -O1 -Wl,-soname,libgift.so.1 -o /usr/local/lib/libgift.so.1 {project}/gift.c",
  "ln -sf libgift.so.1 /usr/local/lib/libgift.so", "command -v ldconfig >/dev/null && ldconfig || true",
]
test-command = "python -c 'import answer; assert answer.answer() == 42'"
"""
    files = extension_project(settings=settings)
    del files["answer.c"]
    setup = files["setup.py"].replace("answer.c", f"answer.{suffix}")
    files["setup.py"] = setup.replace("])]", '], libraries=["gift"], library_dirs=["/usr/local/lib"])]')
    return {**files, f"answer.{suffix}": GIFT_MODULE, "gift.c": "int gift(void) { return 42; }\n"}


def stable_abi_project(name: str = "stable", *, settings: str = "") -> Files:
    """Return a project whose extension keeps to the limited API of Python 3.9."""
    files = extension_project(name, settings=settings)
    files[f"{name}.c"] = "#define Py_LIMITED_API 0x03090000\n" + files[f"{name}.c"]
    files["setup.py"] = SETUP.format(
        name=name,
        extra=", py_limited_api=True",
        options=', options={"bdist_wheel": {"py_limited_api": "cp39"}}',
    )
    return files


def pure_project(name: str = "pure") -> Files:
    """Return a project without any compiled code."""
    return {
        "pyproject.toml": PYPROJECT.format(name=name, settings=""),
        "setup.py": f"from setuptools import setup\nsetup(py_modules=['{name}'])\n",
        f"{name}.py": "answer = 42\n",
    }


def write_project(directory: Path, files: Files) -> Path:
    """Write the files below a directory, which is made; return it."""
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return directory
