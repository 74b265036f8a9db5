"""Other tools that a project is built with: cibuildwheel, by its table or its variables in CI files."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from matrix_runner.survey.project_files import ProjectFiles
from matrix_runner.survey.project_metadata import ProjectMetadata
from matrix_runner.survey.test_needs.make_targets import installs_packages

_WORKFLOW: Final = re.compile(
    r"\.github/workflows/[^/]+\.ya?ml|\.travis\.yml|\.gitlab-ci\.yml|azure-pipelines.*\.ya?ml|\.circleci/config\.yml"
    r"|\.cirrus\.ya?ml"
)
_VARIABLE: Final = re.compile(r"^([ \t]*)(?:- )?CIBW_([A-Z0-9_]+)\s*:[ \t]*(.*)$", re.MULTILINE)
_OF_ALL_JOBS: Final = frozenset(
    [
        "BEFORE_ALL",
        "BEFORE_BUILD",
        "BEFORE_TEST",
        "TEST_COMMAND",
        "TEST_REQUIRES",
        "TEST_EXTRAS",
        "TEST_GROUPS",
        "TEST_SOURCES",
        "TEST_SKIP",
        "SKIP",
        "ENVIRONMENT",
        "TEST_ENVIRONMENT",
        "REPAIR_WHEEL_COMMAND",
        "CONFIG_SETTINGS",
    ]
)
"""Variables that say how the project is built; others say which part of it a job builds, or where."""

_SHARE: Final = re.compile(r"\bCIBW_(PLATFORM|BUILD)\b")
_OTHER_SYSTEM: Final = re.compile(r"_(MACOS|WINDOWS|IOS|ANDROID|PYODIDE)$")


class OtherTools(msgspec.Struct, frozen=True, kw_only=True):
    """The other tools of a project. `variables`: CIBW_... of CI files that are the same for every job, by the file.

    `test_changes_system`: whether the test that cibuildwheel's table has installs packages of the system.
    """

    has_cibuildwheel_table: bool
    variables: Mapping[str, Mapping[str, str]]
    test_changes_system: bool


def find_other_tools(files: ProjectFiles, metadata: ProjectMetadata) -> OtherTools:
    """Look for them."""
    ci_files = tuple(name for name in files.names if _WORKFLOW.fullmatch(name))
    variables = {name: dict(_variables(files.text(name))) for name in ci_files}
    return OtherTools(
        has_cibuildwheel_table="cibuildwheel" in metadata.tool,
        variables={name: found for name, found in variables.items() if found},
        test_changes_system=installs_packages(_test_command(metadata), files),
    )


def _test_command(metadata: ProjectMetadata) -> str:
    """Return the test of cibuildwheel's table, that for Linux before the one for all systems."""
    table = metadata.tool.get("cibuildwheel")
    table = table if isinstance(table, dict) else {}
    linux = table.get("linux")
    command = (linux if isinstance(linux, dict) else {}).get("test-command") or table.get("test-command")
    return " && ".join(map(str, command)) if isinstance(command, list) else str(command or "")


def _variables(text: str) -> Iterator[tuple[str, str]]:
    """Yield the variables of cibuildwheel for Linux that a CI file sets to a text, without the values of a matrix.

    One that is set differently in several places holds for some jobs only, and is left out.
    """
    found: dict[str, set[str]] = {}
    lines = text.split("\n")
    for match in _VARIABLE.finditer(text):
        indent, name, value = match.groups()
        if _OTHER_SYSTEM.search(name) or name.removesuffix("_LINUX") not in _OF_ALL_JOBS:
            continue
        if value.strip() in {"|", ">", "|-", ">-", "|+", ">+"}:
            number = text.count("\n", 0, match.start()) + 1
            value = _block(lines[number:], len(indent), is_folded=value.strip().startswith(">"))
        found.setdefault(name.removesuffix("_LINUX"), set()).add(_plain(value))
    if _SHARE.search(text):
        # Jobs divide the matrix, and leave out what another one builds.
        found.pop("SKIP", None)
    for name, values in found.items():
        if len(values) == 1 and "${{" not in (value := values.pop()) and value:
            yield name, value


def _block(lines: list[str], indent: int, *, is_folded: bool) -> str:
    kept: list[str] = []
    for line in lines:
        if line.strip() and len(line) - len(line.lstrip()) <= indent:
            break
        kept.append(line.strip())
    return (" " if is_folded else "\n").join(kept).strip()


def _plain(value: str) -> str:
    value = value.strip()
    if len(value) >= 2 and value[0] in "\"'":
        end = value.find(value[0], 1)
        return value[1:end] if end > 0 else value
    return value.partition(" #")[0].strip()
