"""Libraries and programs that Meson looks for."""

import re
from collections.abc import Iterator
from typing import Final

from matrix_runner.catalog.system_packages import Need
from matrix_runner.survey.project_files import ProjectFiles
from matrix_runner.survey.system_needs.wanted import Wanted

_COMMENT: Final = re.compile(r"#[^\n]*")
_CALL: Final = re.compile(
    r"\b(dependency|find_library|find_program)\s*\(\s*'([^']+)'((?:[^()']|'[^']*'|\([^()]*\))*)\)"
)
_SUBPROJECT: Final = re.compile(r"\bsubproject\s*\(\s*'([^']+)'")
_BLOCK: Final = re.compile(r"^\s*(if|elif|else|endif)\b(.*)$")
_ELSEWHERE: Final = re.compile(r"'(windows|darwin|cygwin|emscripten)'")
_OWN: Final = frozenset(
    [
        "python",
        "python3",
        "python-embed",
        "pybind11",
        "nanobind",
        "numpy",
        "cython",
        "threads",
        "openmp",
        "dl",
        "m",
        "boost",
        "gtest",
        "catch2",
        "py3",
        "py",
    ]
)
"""What comes with the compiler or the build's requirements."""


def wanted_by_meson(files: ProjectFiles) -> Iterator[Wanted]:
    """Yield what the project's meson.build files look for, but for what it brings as a subproject.

    And what a subproject looks for that is built in any case; one that stands in for a missing library may not be.
    """
    todo, done = [name for name in files.own if name.endswith("meson.build")], set[str]()
    while todo:
        name = todo.pop(0)
        if name not in done:
            done.add(name)
            text = _COMMENT.sub("", files.text(name))
            yield from _of_text(text, name, files)
            for subproject in _SUBPROJECT.findall(text):
                directory = f"subprojects/{subproject}"
                todo += [each for each in files.below(directory) if each.endswith("meson.build") and not _is_test(each)]


def _of_text(text: str, where: str, files: ProjectFiles) -> Iterator[Wanted]:
    conditional = _conditional_lines(text)
    for match in _CALL.finditer(text):
        call, name, rest = match.groups()
        is_elsewhere, depth = conditional[text.count("\n", 0, match.start())]
        if is_elsewhere or name.lower() in _OWN or _is_brought(name, rest, files):
            continue
        need = {"dependency": Need.MODULE, "find_library": Need.LIBRARY, "find_program": Need.PROGRAM}[call]
        is_optional = re.search(r"required\s*:\s*(?!true)", rest) is not None
        yield Wanted(
            need=need,
            name=name,
            where=where,
            is_sure=need is Need.MODULE and depth == 0 and not is_optional,
        )


def _is_test(name: str) -> bool:
    return any(part in {"test", "tests"} for part in name.split("/"))


def _conditional_lines(text: str) -> list[tuple[bool, int]]:
    """Return for each line whether it is for another system only, and how many `if` are around it."""
    found, stack = [], list[bool]()
    for line in text.split("\n"):
        block = _BLOCK.match(line)
        if block:
            word, condition = block.groups()
            is_elsewhere = bool(_ELSEWHERE.search(condition)) and "!=" not in condition and "not " not in condition
            if word == "if":
                stack.append(is_elsewhere)
            elif stack and word == "endif":
                stack.pop()
            elif stack:
                stack[-1] = is_elsewhere
        found.append((any(stack), len(stack)))
    return found


def _is_brought(name: str, rest: str, files: ProjectFiles) -> bool:
    """Whether a dependency is taken from `subprojects/` where the system has none."""
    fallback = re.search(r"fallback\s*:\s*\[?\s*'([^']+)'", rest)
    names = {name, fallback[1]} if fallback else {name}
    return any(f"subprojects/{each}/meson.build" in files for each in names)
