"""Headers that C, C++ and Cython code includes from outside the project."""

import re
from collections.abc import Iterator
from typing import Final

from matrix_runner.catalog.system_packages import Need, package_with
from matrix_runner.survey.project_files import ProjectFiles
from matrix_runner.survey.system_needs.wanted import Wanted

_C: Final = (".c", ".cc", ".cpp", ".cxx", ".h", ".hpp", ".hh", ".hxx", ".m4")
_CYTHON: Final = (".pyx", ".pxd", ".pxi")
_DIRECTIVE: Final = re.compile(r"^[ \t]*#[ \t]*(if|ifdef|ifndef|else|elif|endif|include)\b[ \t]*(.*)$", re.MULTILINE)
_INCLUDED: Final = re.compile(r"[<\"]([\w./+-]+)[>\"]")
_EXTERN: Final = re.compile(r"^[ \t]*cdef\s+extern\s+from\s+[\"']<?([\w./+-]+)>?[\"']", re.MULTILINE)
_COMMENTS: Final = re.compile(r"/\*.*?\*/", re.DOTALL)
_HAVE: Final = re.compile(r"\bHAVE_\w+")
_MOST: Final = 3000
"""Files that are read: larger projects have few libraries that the first do not include."""


def wanted_by_sources(files: ProjectFiles) -> Iterator[Wanted]:
    """Yield the headers of known packages that the project's own code includes whatever is defined."""
    read = 0
    for name in files.own:
        if name.endswith((*_C, *_CYTHON)) and read < _MOST:
            read += 1
            yield from included(files.text(name), name, files)


def included(text: str, where: str, files: ProjectFiles) -> Iterator[Wanted]:
    """Yield the headers of known packages that a text includes, none of which the project brings itself."""
    names = _EXTERN.findall(text) if where.endswith(_CYTHON) else _unconditional(text, _defined(files))
    for name in dict.fromkeys(names):
        if package_with(Need.HEADER, name) is not None and not files.has_header(name):
            yield Wanted(need=Need.HEADER, name=name, where=where, is_sure=True)


def _defined(files: ProjectFiles) -> frozenset[str]:
    """Return the names `HAVE_...` that the build files hold: a fixed list of them is what is compiled."""
    texts = (files.text(name) for name in ("setup.cfg", "setup.py", "pyproject.toml"))
    return frozenset(name for text in texts for name in _HAVE.findall(text))


def _unconditional(text: str, defined: frozenset[str]) -> Iterator[str]:
    """Yield what is included outside of `#if`, but for the guard around a whole header and what the build defines."""
    if "#" not in text:
        return
    # Whether each enclosing directive is a choice, so that what is in it may not be compiled.
    stack: list[bool] = []
    is_first = True
    for directive, rest in _DIRECTIVE.findall(_COMMENTS.sub("", text)):
        if directive == "include":
            found = _INCLUDED.match(rest)
            if found and not any(stack):
                yield found[1]
        elif directive == "endif" and stack:
            stack.pop()
        elif directive in {"else", "elif"} and stack:
            stack[-1] = True
        elif directive in {"if", "ifdef", "ifndef"}:
            is_guard = is_first and directive == "ifndef"
            stack.append(not is_guard and not (directive == "ifdef" and rest.strip() in defined))
        is_first = False
