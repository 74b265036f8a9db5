"""A limited API that a free-threaded Python lacks: the failed build says that, beside the compiler's complaint."""

from pathlib import Path

import pytest
from fake_run import FakeRun, outcome, what
from planning import settings_with

from matrix_runner.cell.explanations.limited_api import limited_api_hint
from matrix_runner.engine.fake.fake_engine import FakeCall, FakeResult
from matrix_runner.model.cells import Cell
from matrix_runner.model.outcomes import Reason, StepKind

HEADER = (
    '/opt/python/Python.h:51:6: error: #error "The limited API is not currently supported in the free-threaded build"'
)
SETUPTOOLS = (
    "ValueError: `py_limited_api='cp39'` not supported. `Py_LIMITED_API` is currently incompatible with "
    "`Py_GIL_DISABLED`. See the issue."
)
NEWER_SETUPTOOLS = SETUPTOOLS.replace("currently ", "").replace("`. See", "` on Python 3.14 and older. See")
MESON = "ERROR: The package targets Python's Limited API, which is not supported by free-threaded CPython."
GCC = """\
c.c:7:15: error: variable 'mod' has initializer but incomplete type
c.c:7:36: error: 'PyModuleDef_HEAD_INIT' undeclared here (not in a function)
"""
QUOTED = "\N{LEFT SINGLE QUOTATION MARK}{}\N{RIGHT SINGLE QUOTATION MARK}"
GCC_IN_UTF8 = f"c.c:7:36: error: {QUOTED.format('PyModuleDef_HEAD_INIT')} undeclared here (not in a function)\n"
CLANG = "c.c:7:36: error: use of undeclared identifier 'PyModuleDef_HEAD_INIT'\n"
FIELDS = f"c.c:9:6: error: invalid use of incomplete typedef {QUOTED.format('PyObject')} {{aka struct _object}}\n"


def hint(output: str, identifier: str) -> str | None:
    """Return the hint of a failed build of this cell."""
    return limited_api_hint(output.encode(), Cell.parse(identifier).interpreter)


@pytest.mark.parametrize("output", [HEADER, SETUPTOOLS, NEWER_SETUPTOOLS, MESON])
@pytest.mark.parametrize("python", ["cp313t", "cp314t"])
def test_before_3_15_they_exclude_each_other(output: str, python: str) -> None:
    """Whoever notices it: Python's headers, setuptools, meson-python. What to write, and how to leave the cell out."""
    told = hint(output, f"{python}-manylinux_x86_64")
    assert told is not None
    assert told.startswith("the limited API and free threading exclude each other before Python 3.15")
    assert "Py_GIL_DISABLED" in told
    assert f'skip = "{python}-*"' in told


@pytest.mark.parametrize("output", [GCC, GCC_IN_UTF8, CLANG, FIELDS])
def test_from_3_15_on_an_older_limited_api_is_lacking(output: str) -> None:
    """There the compiler only complains of opaque types: what they mean, and what abi3t asks for."""
    told = hint(output, "cp315t-musllinux_x86_64")
    assert told is not None
    assert "no limited API older than that of 3.15" in told
    assert "PyModExport_*" in told


@pytest.mark.parametrize(
    ("output", "identifier"),
    [
        (GCC, "cp315-manylinux_x86_64"),
        (HEADER, "cp313-manylinux_x86_64"),
        ("c.c:1:1: error: invalid use of incomplete typedef 'Frame'\n", "cp315t-manylinux_x86_64"),
        ("c.c:1:1: error: 'Py_LIMITED_API' undeclared\n", "cp314t-manylinux_x86_64"),
        ("RuntimeError: lz4.h is not there\n", "cp314t-manylinux_x86_64"),
    ],
)
def test_other_failures_are_not_explained_so(output: str, identifier: str) -> None:
    """Pythons with the GIL, and other errors."""
    assert hint(output, identifier) is None


def test_the_failure_has_both(tmp_path: Path) -> None:
    """The compiler's first error is the cause, the exclusion the advice."""

    def override(call: FakeCall) -> FakeResult | None:
        return FakeResult(status=1, output=(GCC.encode(),)) if what(call) == "build" else None

    cell, settings = "cp315t-manylinux_x86_64", settings_with({}, project_name="demo")
    fake = FakeRun(directory=tmp_path, identifiers=(cell,), settings=settings, override=override)
    failure = outcome(fake.run(), cell).failure
    assert failure is not None
    assert (failure.step, failure.reason) == (StepKind.BUILD, Reason.COMMAND)
    assert failure.message == "exit status 1: c.c:7:15: error: variable 'mod' has initializer but incomplete type"
    assert "no limited API older than that of 3.15" in (failure.hint or "")
