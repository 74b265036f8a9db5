"""Projects made for a measurement: as much work for the C compiler as the row is about, the same on every machine."""

import shutil
from dataclasses import dataclass
from pathlib import Path

MODULE = "yardstick"
TEST = f"import {MODULE}; {MODULE}.answer()"

_BUILD_SYSTEM = """\
[build-system]
requires = ["setuptools>=69"{requires}]
build-backend = "setuptools.build_meta"

[project]
name = "yardstick"
version = "1.0"
requires-python = ">=3.9"
"""

_NUMPY_HEAD = """\
#define NPY_NO_DEPRECATED_API NPY_1_19_API_VERSION
#define NO_IMPORT_ARRAY
#include <numpy/arrayobject.h>
"""

_MODULE = """\
#include <Python.h>
#include <stdint.h>

{declarations}

static PyObject *answer(PyObject *self, PyObject *args)
{{
    uint32_t found = 1;
    (void)self;
    (void)args;
{calls}
    return PyLong_FromUnsignedLong(found);
}}

static PyMethodDef methods[] = {{{{"answer", answer, METH_NOARGS, ""}}, {{NULL, NULL, 0, NULL}}}};
static struct PyModuleDef module = {{PyModuleDef_HEAD_INIT, "yardstick", "", -1, methods, NULL, NULL, NULL, NULL}};

PyMODINIT_FUNC PyInit_yardstick(void)
{{
    return PyModule_Create(&module);
}}
"""

_MAKEFILE = """\
OBJECTS := $(patsubst %.c,$(OUT)/%.o,$(wildcard unit_*.c))

install: $(OUT)/libwork.a
	install -D -m 644 $(OUT)/libwork.a /usr/local/lib/libwork.a

$(OUT)/libwork.a: $(OBJECTS)
	ar rcs $@ $^

$(OUT)/%.o: %.c
	@mkdir -p $(OUT)
	gcc -O2 -fPIC -c -o $@ $<
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """How much there is to compile: C files, and functions in each. A function takes gcc -O2 about 20 ms."""

    files: int
    functions: int


A_MINUTE = Size(files=120, functions=24)
HUNDRED_FILES = Size(files=100, functions=6)


def library_project(target: Path, size: Size = A_MINUTE) -> Path:
    """Make a project whose `before-all` (see `BEFORE_ALL`) compiles and installs a library that its extension links."""
    _write_library(_new(target), size)
    _write_extension(
        target, size, sources='["yardstick.c"]', more=', libraries=["work"], library_dirs=["/usr/local/lib"]'
    )
    return target


BEFORE_ALL = "make -s -j1 -C vendor OUT=/tmp/libwork install"
BEFORE_ALL_INPUTS = "vendor/"


def whole_project(target: Path) -> Path:
    """Make a project of both kinds: a `before-all` of a minute, and an extension of many C files."""
    many_files_project(target)
    _write_library(target, A_MINUTE)
    return target


def many_files_project(target: Path, size: Size = HUNDRED_FILES, *, with_numpy: bool = False) -> Path:
    """Make a project with one extension of many C files, each of which includes Python.h, and numpy's headers too."""
    sources = _new(target) / "src"
    sources.mkdir()
    head = "#include <Python.h>\n" + (_NUMPY_HEAD if with_numpy else "")
    for number in range(size.files):
        text = _unit(number, size.functions, head=head)
        (sources / f"unit_{number}.c").write_text(text, encoding="utf-8")
    listed = '["yardstick.c", *sorted(glob("src/*.c"))]'
    more = ', include_dirs=[__import__("numpy").get_include()]' if with_numpy else ""
    _write_extension(target, size, sources=listed, more=more, requires=', "numpy"' if with_numpy else "")
    return target


def change(file: Path, mark: int) -> None:
    """Change a C file so that what it compiles to changes, in a way that it was never before: by an own `mark`."""
    before = file.read_text(encoding="utf-8")
    kept = before.partition("\nunsigned int changed_")[0].rstrip("\n")
    name = file.stem
    file.write_text(f"{kept}\n\nunsigned int changed_{name}(void)\n{{\n    return {mark}u;\n}}\n", encoding="utf-8")


def _new(target: Path) -> Path:
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    return target


def _write_library(target: Path, size: Size) -> None:
    vendor = target / "vendor"
    vendor.mkdir()
    for number in range(size.files):
        (vendor / f"unit_{number}.c").write_text(_unit(number, size.functions, head=""), encoding="utf-8")
    (vendor / "Makefile").write_text(_MAKEFILE, encoding="utf-8")


def _write_extension(target: Path, size: Size, *, sources: str, more: str, requires: str = "") -> None:
    declarations = "\n".join(f"uint32_t unit_{number}(uint32_t seed);" for number in range(size.files))
    calls = "\n".join(f"    found ^= unit_{number}(found);" for number in range(size.files))
    (target / "yardstick.c").write_text(_MODULE.format(declarations=declarations, calls=calls), encoding="utf-8")
    (target / "pyproject.toml").write_text(_BUILD_SYSTEM.format(requires=requires), encoding="utf-8")
    (target / "setup.py").write_text(
        "from glob import glob\n\nfrom setuptools import Extension, setup\n\n"
        f'setup(packages=[], py_modules=[], ext_modules=[Extension("{MODULE}", {sources}{more})])\n',
        encoding="utf-8",
    )


def _unit(number: int, functions: int, *, head: str) -> str:
    """Return a C file of functions that no optimiser sees through: loops of mixed arithmetic on a small table."""
    steps = "\n\n".join(_step(number, function) for function in range(functions))
    calls = "\n".join(f"    seed ^= step_{function}(table, seed);" for function in range(functions))
    return (
        f"{head}#include <stdint.h>\n#include <string.h>\n\n{steps}\n\n"
        f"uint32_t unit_{number}(uint32_t seed)\n{{\n    uint32_t table[64];\n    memset(table, 7, sizeof table);\n"
        f"{calls}\n    return seed;\n}}\n"
    )


def _step(number: int, function: int) -> str:
    lines = "\n".join(_mix(turn, 2654435761 + 2 * (number * 97 + function * 13 + turn)) for turn in range(12))
    return (
        f"static uint32_t step_{function}(uint32_t *v, uint32_t k)\n{{\n    for (int i = 0; i < 64; i++) {{\n{lines}\n"
        f"    }}\n    return k;\n}}"
    )


def _mix(turn: int, factor: int) -> str:
    mixed = f"(v[(i * {2 * turn + 3}) & 63] ^ k) * {factor}u + (k >> {turn % 13 + 1})"
    return f"        v[(i + {turn}) & 63] = {mixed};\n        if (v[{turn}] & {1 << turn}u) k += v[(k + {turn}) & 63];"
