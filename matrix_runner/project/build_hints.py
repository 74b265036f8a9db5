"""Hints in a project's build files: a version taken from git (setuptools-scm and others), the limited API.

Only hints, found by keywords: a wrong one changes no wheel, or fails a cell with a clear reason.
"""

import re

from matrix_runner.config.loading.build_files import BuildFiles

# Backends and plugins that ask git for the version: without `.git` they fail, or make it 0.0.0.
_VERSION_FROM_GIT = re.compile(
    r"setuptools[-_]scm|hatch[-_]vcs|versioningit|versioneer|dunamai|setuptools[-_]git[-_]versioning|flit[-_]scm"
    r"|setuptools[-_]git|miniver|poetry-dynamic-versioning|uv-dynamic-versioning"
)
_STABLE_ABI = re.compile(r"py[_-]limited[_-]api|limited[_-]api|Py_LIMITED_API|\babi3\b|wheel\.py-api")


def takes_version_from_git(files: BuildFiles) -> bool:
    """Whether a build file names a tool that asks git for the version, so that `.git` must be packed."""
    return any(_VERSION_FROM_GIT.search(files.text(name)) for name in ("pyproject.toml", "setup.py", "setup.cfg"))


def hints_at_stable_abi(files: BuildFiles) -> bool:
    """Whether a build file mentions the limited API, so that the first wheel may serve later interpreters (PEP 384).

    A wrong answer costs a needless wait or a second build of a wheel; the result is the same.
    """
    names = ("pyproject.toml", "setup.py", "setup.cfg", "Cargo.toml", "meson.build", "CMakeLists.txt")
    return any(_STABLE_ABI.search(files.text(name)) for name in names)
