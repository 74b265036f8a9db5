"""Libraries and programs that CMake looks for."""

import posixpath
import re
from collections.abc import Iterator
from typing import Final

from matrix_runner.catalog.system_packages import Need
from matrix_runner.survey.project_files import ProjectFiles
from matrix_runner.survey.system_needs.wanted import Wanted

_COMMENT: Final = re.compile(r"#\[\[.*?\]\]|#[^\n]*", re.DOTALL)
_COMMAND: Final = re.compile(
    r"\b(if|elseif|else|endif|find_package|find_library|find_path|find_program|pkg_check_modules|pkg_search_module"
    r"|target_link_libraries|function|endfunction|macro|endmacro)\s*\(([^()]*(?:\([^()]*\)[^()]*)*)\)",
    re.IGNORECASE,
)
_ADDED: Final = re.compile(r"\badd_subdirectory\s*\(\s*[\"']?([\w./-]+)", re.IGNORECASE)
_ELSEWHERE: Final = re.compile(r"\b(WIN32|MSVC|APPLE|MINGW|ANDROID|EMSCRIPTEN|IOS|CYGWIN)\b")
_OWN: Final = frozenset(
    [
        "Python",
        "Python3",
        "PythonInterp",
        "PythonLibs",
        "PythonExtensions",
        "pybind11",
        "nanobind",
        "Cython",
        "NumPy",
        "SWIG",
        "Threads",
        "OpenMP",
        "F2PY",
        "PkgConfig",
        "Git",
        "Doxygen",
        "Sphinx",
        "GTest",
        "Catch2",
        "benchmark",
        "CUDA",
        "CUDAToolkit",
        "ccache",
        "UseCython",
        "cython",
        "Boost.Python",
    ]
)
"""What comes with the compiler, the build's requirements, or is for the project's developers."""

_WORDS: Final = frozenset(
    ["REQUIRED", "QUIET", "IMPORTED_TARGET", "GLOBAL", "NO_CMAKE_PATH", "CONFIG", "MODULE", "EXACT", "COMPONENTS"]
)


def wanted_by_cmake(files: ProjectFiles) -> Iterator[Wanted]:
    """Yield what the project's CMakeLists.txt files look for; `if` for other systems is left out.

    Of a library that the project brings, and adds as a directory, what it cannot do without.
    """
    own = [name for name in files.own if name.endswith("CMakeLists.txt")]
    for name in own:
        yield from _of_text(files.text(name), name)
    todo, done = list(own), set(own)
    while todo:
        name = todo.pop()
        for directory in _ADDED.findall(_COMMENT.sub("", files.text(name))):
            added = posixpath.normpath(posixpath.join(posixpath.dirname(name), directory, "CMakeLists.txt"))
            if added in files and added not in done:
                done.add(added)
                todo.append(added)
                yield from (each for each in _of_text(files.text(added), added) if each.is_sure)


def _of_text(text: str, where: str) -> Iterator[Wanted]:
    # Whether each enclosing `if` is for another system.
    stack: list[bool] = []
    for command, raw in _COMMAND.findall(_COMMENT.sub("", text)):
        words = [word.strip("\"'") for word in raw.split()]
        match command.lower():
            case "if":
                stack.append(_is_elsewhere(raw))
            case "elseif" if stack:
                stack[-1] = _is_elsewhere(raw)
            case "else" if stack:
                stack[-1] = False
            case "endif" if stack:
                stack.pop()
            case other if not any(stack):
                yield from _found(other, words, where, is_sure=not stack and "REQUIRED" in words)
            case _:
                pass


def _is_elsewhere(condition: str) -> bool:
    return bool(_ELSEWHERE.search(condition)) and "NOT" not in condition


def _found(command: str, words: list[str], where: str, *, is_sure: bool) -> Iterator[Wanted]:
    match command:
        case "find_package" if words and words[0] not in _OWN and "$" not in words[0]:
            yield Wanted(need=Need.CMAKE, name=words[0], where=where, is_sure=is_sure)
        case "pkg_check_modules" | "pkg_search_module":
            for word in words[1:]:
                module = re.split(r"[<>=]", word)[0]
                if module and module not in _WORDS and "$" not in module:
                    yield Wanted(need=Need.MODULE, name=module, where=where, is_sure=is_sure)
        case "find_library":
            for word in _names(words):
                yield Wanted(need=Need.LIBRARY, name=word, where=where, is_sure=False)
        case "find_path":
            for word in words[1:]:
                if word.endswith(".h"):
                    yield Wanted(need=Need.HEADER, name=word, where=where, is_sure=False)
        case _:
            pass


def _names(words: list[str]) -> Iterator[str]:
    """Yield the names of `find_library(VAR name)` or `find_library(VAR NAMES a b PATHS ...)`."""
    rest = words[2:] if words[1:2] == ["NAMES"] else words[1:2]
    for word in rest:
        if word.isupper():
            return
        if re.fullmatch(r"[A-Za-z][\w.+-]*", word):
            yield word.removeprefix("lib")
