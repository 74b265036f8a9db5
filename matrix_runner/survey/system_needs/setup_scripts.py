"""What setup.py and other build scripts in Python look for: linked libraries, pkg-config's modules, `...-config`."""

import ast
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final

from matrix_runner.catalog.system_packages import Need, package_with
from matrix_runner.survey.project_files import ProjectFiles
from matrix_runner.survey.python_syntax import own_expressions, parsed, statements_on_linux, strings_in
from matrix_runner.survey.system_needs.c_sources import included
from matrix_runner.survey.system_needs.wanted import Wanted

_SCRIPT: Final = re.compile(r"(^|/)(setup\w*|_?build\w*|\w*build|\w*_pep517|\w*setup\w*|buildlib\w*)\.py$")
_LIBRARIES: Final = re.compile(
    r"^(ext(ra|ernal)?_?)?(lib|libs|libraries|librairies)$|_(libs|libraries)$", re.IGNORECASE
)
_LIBRARY: Final = re.compile(r"[A-Za-z][\w.+-]*")
_PKG_CONFIG: Final = re.compile(r"pkg[-_]?config", re.IGNORECASE)
_BUILD_TOOLS: Final = frozenset(
    ["cmake", "swig", "autoreconf", "autoconf", "automake", "bison", "flex", "nasm", "protoc"]
)
_GROWS: Final = frozenset({"append", "extend", "insert"})


def build_scripts(files: ProjectFiles) -> tuple[str, ...]:
    """Return the names of the scripts that a build may run, setup.py first."""
    names = [name for name in files.own if _SCRIPT.search(name) and not name.endswith("/build.py")]
    names += [name for name in files.own if name.endswith(".py") and "set_source(" in files.text(name)]
    return tuple(sorted(dict.fromkeys(names), key=lambda name: (name != "setup.py", name.count("/"), name)))


def wanted_by_scripts(files: ProjectFiles) -> Iterator[Wanted]:
    """Yield what the build scripts look for, as far as it stands there in so many words."""
    for name in build_scripts(files):
        text = files.text(name)
        # A file of the package that is named like a script, and has nothing to do with one.
        if name != "setup.py" and not re.search(r"setuptools|distutils|ffi|ext_modules|pkg-?config|Extension", text):
            continue
        yield from _of_script(name, text, files)
    yield from _of_setup_cfg(files)
    yield from _of_pyproject(files)


def _of_script(name: str, text: str, files: ProjectFiles) -> Iterator[Wanted]:
    asks_pkg_config = _PKG_CONFIG.search(text) is not None
    for statement in statements_on_linux(parsed(text)):
        for library in _libraries(statement):
            yield Wanted(need=Need.LIBRARY, name=library, where=name, is_sure=_is_top_level(statement))
        for expression in own_expressions(statement):
            if isinstance(expression, ast.Constant) and isinstance(expression.value, str):
                yield from _in_words(expression.value, name, asks_pkg_config=asks_pkg_config)
                if "#include" in expression.value:
                    yield from included(expression.value, name, files)
            elif isinstance(expression, ast.List | ast.Tuple):
                yield from _of_command(expression, name)


def _is_top_level(statement: ast.stmt) -> bool:
    """Whether the statement is no part of a branch or function, by its indentation."""
    return statement.col_offset == 0


def _libraries(statement: ast.stmt) -> Iterator[str]:
    """Yield the names in lists of libraries: `libraries=[...]`, `libs = [...]`, `libs += [...]`, `libs.append(...)`."""
    for expression in own_expressions(statement):
        if not isinstance(expression, ast.Call):
            continue
        for keyword in expression.keywords:
            if keyword.arg == "libraries":
                yield from _names(keyword.value)
            elif keyword.arg == "extra_link_args":
                yield from (word[2:] for word in strings_in(keyword.value) if re.fullmatch(r"-l\w[\w.+-]*", word))
        match expression.func:
            case ast.Attribute(value=ast.Name(id=target) | ast.Attribute(attr=target), attr=method):
                if method in _GROWS and _LIBRARIES.search(target):
                    yield from (name for argument in expression.args for name in _names(argument))
            case _:
                pass
    match statement:
        case ast.Assign(targets=[ast.Name(id=target)], value=value) if _LIBRARIES.search(target):
            yield from _names(value)
        case ast.AugAssign(target=ast.Name(id=target), value=value) if _LIBRARIES.search(target):
            yield from _names(value)


def _names(value: ast.expr) -> Iterator[str]:
    """Yield the constants of a list, also where several are added up or chosen from; not those of calls."""
    match value:
        case ast.Constant(value=str(name)):
            if _LIBRARY.fullmatch(name):
                yield name
        case ast.List(elts=nodes) | ast.Tuple(elts=nodes):
            for node in nodes:
                # A tuple in the list is a library that setuptools builds itself: its name and its sources.
                if not isinstance(node, ast.Tuple):
                    yield from _names(node)
        case ast.BinOp(left=left, right=right):
            yield from _names(left)
            yield from _names(right)
        case ast.IfExp(body=body, orelse=orelse):
            yield from _names(body)
            yield from _names(orelse)
        case _:
            pass


def _in_words(text: str, where: str, *, asks_pkg_config: bool) -> Iterator[Wanted]:
    """Yield the programs `...-config` that a string names, and modules of pkg-config where that is asked at all."""
    if len(text) > 500:
        return
    for word in re.findall(r"[\w.+/-]+", text):
        program = PurePosixPath(word).name
        if re.fullmatch(r"\w+[-_]config", program) and package_with(Need.PROGRAM, program) is not None:
            yield Wanted(need=Need.PROGRAM, name=program, where=where, is_sure=False)
        elif asks_pkg_config and package_with(Need.MODULE, word) is not None:
            yield Wanted(need=Need.MODULE, name=word, where=where, is_sure=False)


def _of_command(words: ast.List | ast.Tuple, where: str) -> Iterator[Wanted]:
    """Yield the program of a command line, and the modules of one such as `["pkg-config", "--cflags", "name"]`."""
    constants = [each.value for each in words.elts if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    program = PurePosixPath(constants[0]).name if constants else ""
    if program in {"pkg-config", "pkgconf"}:
        for word in constants[1:]:
            if not word.startswith("-"):
                yield Wanted(need=Need.MODULE, name=word, where=where, is_sure=True)
    elif program in _BUILD_TOOLS and len(constants) > 1:
        yield Wanted(need=Need.PROGRAM, name=program, where=where, is_sure=False)


def _of_setup_cfg(files: ProjectFiles) -> Iterator[Wanted]:
    """Yield the libraries of setup.cfg: `libraries = a b` of a section such as `[build_ext]`."""
    for match in re.finditer(r"^\s*(?:libraries|libs)\s*[=:]\s*(.+)$", files.text("setup.cfg"), re.MULTILINE):
        for name in re.split(r"[\s,]+", match[1].strip()):
            if _LIBRARY.fullmatch(name):
                yield Wanted(need=Need.LIBRARY, name=name, where="setup.cfg", is_sure=True)


def _of_pyproject(files: ProjectFiles) -> Iterator[Wanted]:
    """Yield the libraries of setuptools' `ext-modules` in pyproject.toml."""
    for match in re.finditer(r"\blibraries\s*=\s*\[([^\]]*)\]", files.text("pyproject.toml")):
        for name in re.findall(r"[\"']([\w.+-]+)[\"']", match[1]):
            yield Wanted(need=Need.LIBRARY, name=name, where="pyproject.toml", is_sure=True)
