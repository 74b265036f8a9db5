"""Hints in a project's build files: the limited API.

Only hints, found by keywords: a wrong one changes no wheel.
"""

import re

from matrix_runner.config.loading.build_files import BuildFiles

_STABLE_ABI = re.compile(r"py[_-]limited[_-]api|limited[_-]api|Py_LIMITED_API|\babi3\b|wheel\.py-api")


def hints_at_stable_abi(files: BuildFiles) -> bool:
    """Whether a build file mentions the limited API, so that the first wheel may serve later interpreters (PEP 384).

    A wrong answer costs a needless wait or a second build of a wheel; the result is the same.
    """
    names = ("pyproject.toml", "setup.py", "setup.cfg", "Cargo.toml", "meson.build", "CMakeLists.txt")
    return any(_STABLE_ABI.search(files.text(name)) for name in names)
