"""The limited API on a free-threaded Python: builds that fail because the two exclude each other."""

import re
from typing import Final

from matrix_runner.model.cells import Interpreter

_SIGNS: Final = re.compile(
    # Python.h of 3.13 and 3.14; setuptools; meson-python.
    r"limited API is not (currently )?supported in the free-threaded"
    r"|Py_LIMITED_API\W{1,4}is (currently )?incompatible with \W{0,3}Py_GIL_DISABLED"
    r"|Limited API, which is not supported by free-threaded"
    # 3.15, where objects and module definitions are opaque then (PEP 803): GCC, and Clang.
    r"|\bPyModuleDef_HEAD_INIT\W{0,4} undeclared|undeclared identifier \W?PyModuleDef_HEAD_INIT"
    r"|\b(incomplete|undefined) type(def)? \W{0,2}(struct )?(PyObject|PyModuleDef|PyVarObject|_object)\b",
    re.IGNORECASE,
)

_FIRST: Final = (3, 15)
"""The first free-threaded Python with a limited API, and the oldest limited API that it has (PEP 803)."""


def limited_api_hint(output: bytes, interpreter: Interpreter) -> str | None:
    """Return what to do about a failed build that asked a free-threaded Python for a limited API that it lacks.

    None for any other failure. `output`: the last of the build's.
    """
    if not interpreter.is_free_threaded or not _SIGNS.search(output.decode("utf-8", "replace")):
        return None
    without = (
        "define Py_LIMITED_API only where `sysconfig.get_config_var('Py_GIL_DISABLED')` is false (of setuptools the "
        f'option py_limited_api too), or leave such cells out (`skip = "{interpreter}-*"`)'
    )
    if interpreter.version < _FIRST:
        return f"the limited API and free threading exclude each other before Python 3.15: {without}"
    return (
        "a free-threaded Python has no limited API older than that of 3.15 (abi3t, PEP 803), and in that a module is "
        f"exported by PyModExport_*, not by a PyModuleDef: {without}"
    )
