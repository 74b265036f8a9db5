"""Requirements that a project declares anywhere, for its tests or its developers: tox, nox, groups, extras, files."""

import ast
import re
from collections.abc import Iterator, Mapping
from configparser import RawConfigParser
from typing import Final

from packaging.requirements import InvalidRequirement, Requirement

from matrix_runner.survey.project_files import ProjectFiles
from matrix_runner.survey.project_metadata import ProjectMetadata, name_of
from matrix_runner.survey.python_syntax import parsed

_FILE: Final = re.compile(r"(^|/)([\w.-]*requirements[\w.-]*\.(txt|in)|requirements/[\w.-]+\.(txt|in))$")


def declared(files: ProjectFiles, metadata: ProjectMetadata) -> Mapping[str, str]:
    """Return requirements by their normalised name; of several the one that says most without naming one version."""
    found: dict[str, str] = {}
    for text in _all(files, metadata):
        name = name_of(text)
        if name and _is_plain(text) and (name not in found or _strictness(text) < _strictness(found[name])):
            found[name] = text
    return found


def _is_plain(text: str) -> bool:
    """Whether a requirement is a name with bounds: no address, no marker, no exact version."""
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return False
    return requirement.url is None and requirement.marker is None and "==" not in str(requirement.specifier)


def _strictness(text: str) -> tuple[bool, int]:
    """Order requirements: bounds from above before those from below, before none; a bound says more than none."""
    bounds = str(Requirement(text).specifier)
    return (not bounds, "<" in bounds)


def _all(files: ProjectFiles, metadata: ProjectMetadata) -> Iterator[str]:
    for several in (*metadata.extras.values(), *metadata.groups.values()):
        yield from several
    yield from _of_tox(files.ini("tox.ini"))
    yield from _of_nox(files.text("noxfile.py"))
    for name in files.names:
        if _FILE.search(name) and name.count("/") <= 2:
            yield from (line.partition(" #")[0].strip() for line in files.text(name).splitlines())


def _of_tox(tox: RawConfigParser) -> Iterator[str]:
    for section in tox.sections():
        if section.startswith("testenv"):
            for line in tox.get(section, "deps", fallback="").splitlines():
                # `py311: name`, a requirement for some environments.
                yield line.rpartition(": ")[2].strip()


def _of_nox(text: str) -> Iterator[str]:
    for node in ast.walk(parsed(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "install":
            for argument in node.args:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield argument.value
