"""Hints in a project's build files: where its version comes from, and whether it builds for the stable ABI.

Only hints, found by their words: whatever they say, the wheels are the same or a cell says why not.
"""

import re

from matrix_runner.config.loading.build_files import BuildFiles

# Backends and plugins that ask git for the version: without `.git` they fail, or call it 0.0.0.
_VERSION_FROM_GIT = re.compile(
    r"setuptools[-_]scm|hatch[-_]vcs|versioningit|versioneer|dunamai|setuptools[-_]git[-_]versioning|flit[-_]scm"
    r"|setuptools[-_]git|miniver|poetry-dynamic-versioning|uv-dynamic-versioning"
)
_STABLE_ABI = re.compile(r"py[_-]limited[_-]api|limited[_-]api|Py_LIMITED_API|\babi3\b|wheel\.py-api")


def takes_version_from_git(files: BuildFiles) -> bool:
    """Whether a build file names a tool that asks git for the version, so that `.git` must go along."""
    return any(_VERSION_FROM_GIT.search(files.text(name)) for name in ("pyproject.toml", "setup.py", "setup.cfg"))


def hints_at_stable_abi(files: BuildFiles) -> bool:
    """Whether a build file speaks of the limited API, so that the first wheel may serve later interpreters (PEP 384).

    If it is wrong, cells wait for nothing, or build a wheel twice; the result is the same.
    """
    names = ("pyproject.toml", "setup.py", "setup.cfg", "Cargo.toml", "meson.build", "CMakeLists.txt")
    return any(_STABLE_ABI.search(files.text(name)) for name in names)
