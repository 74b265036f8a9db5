"""The tool that takes a project's version from the tags of its git history, as its build files tell. Pure."""

import re
from typing import Final

from matrix_runner.config.loading.build_files import BuildFiles
from matrix_runner.config.loading.toml_file import Unreadable
from matrix_runner.toml import table_of, texts_of

_TOOLS: Final = frozenset(
    {
        *("setuptools-scm", "vcs-versioning", "setuptools-git-versioning", "hatch-vcs", "versioningit", "flit-scm"),
        *("poetry-dynamic-versioning", "versioneer", "pbr", "uv-dynamic-versioning"),
    }
)
"""Tools that a build requires for nothing but the version, by their normalised names (PEP 503)."""

_IN_SETUP: Final = (
    (re.compile(r"\buse_scm_version\b|\bsetuptools_scm\b"), "setuptools-scm"),
    (re.compile(r"\bimport versioneer\b|^\[versioneer\]", re.MULTILINE), "versioneer"),
    (re.compile(r"\bpbr\s*=\s*True\b"), "pbr"),
)
"""What setup.py and setup.cfg say where they use a tool."""


def git_version_tool(files: BuildFiles) -> str | None:
    """Return the name of the tool, None if the version comes from elsewhere. A file that cannot be read tells nothing.

    A tool that is required although the version is written down only finds files (setuptools-scm does).
    """
    try:
        pyproject = files.pyproject()
    except Unreadable:
        pyproject = None
    content = {} if pyproject is None else pyproject.content
    if "version" in table_of(content.get("project")):
        return None
    pdm = table_of(table_of(table_of(content.get("tool")).get("pdm")).get("version"))
    if pdm.get("source") == "scm":
        return "pdm-backend"
    for word in texts_of(table_of(content.get("build-system")).get("requires")):
        name = re.match(r"\s*([\w.-]+)", word)
        if name is not None and (normal := re.sub(r"[-_.]+", "-", name[1]).lower()) in _TOOLS:
            return normal
    text = files.text("setup.py") + "\n" + files.text("setup.cfg")
    return next((tool for sign, tool in _IN_SETUP if sign.search(text)), None)
