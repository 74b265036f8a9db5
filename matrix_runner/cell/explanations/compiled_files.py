"""Compiled files in the project's directory: they go into every cell, and spoil builds for another Python or libc."""

from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Final

from matrix_runner.wording import first_of

_SUFFIXES: Final = frozenset({".so", ".o", ".a", ".pyd"})
_MOST: Final = 3


def advice_on_compiled_files(names: Iterable[str]) -> str | None:
    """Return advice about compiled files among the project's, for a build or a repair that failed; None without any.

    setuptools and make take such a file for up to date; auditwheel finds libraries in it that only the machine has on
    which it was built. `names`: relative to the project.
    """
    found = [name for name in names if PurePosixPath(name).suffix in _SUFFIXES or ".so." in PurePosixPath(name).name]
    if not found:
        return None
    return (
        f"compiled files of the project's directory are in every cell: {first_of(found, _MOST)}; if an earlier build"
        " left them, remove them and its build directory, or leave them out with source-exclude"
    )
