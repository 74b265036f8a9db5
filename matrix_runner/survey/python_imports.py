"""Modules that Python files import in any case, and the distributions that have them."""

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import resources

import msgspec
from packaging.utils import canonicalize_name

from matrix_runner.survey.python_syntax import parsed, statements_on_linux
from matrix_runner.toml import loads


class _KnownModules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The data file of modules that tests import; its head says what its tables are."""

    well_known: frozenset[str]
    of_python: frozenset[str]
    named_otherwise: dict[str, str]


@cache
def _known() -> _KnownModules:
    text = resources.files("matrix_runner.survey").joinpath("test_modules.toml").read_text("utf-8")
    return msgspec.convert(loads(text), _KnownModules)


def imported(texts: Iterable[str]) -> frozenset[str]:
    """Return the top-level modules that these files import when they are imported, whatever else is installed.

    Imports in functions, in `try` and in branches are not among them: the code does without. Of namespaces that
    several distributions share (`google`, `zope`) the whole dotted name is returned.
    """
    return frozenset(name for text in texts for name in _top_level(text))


def _top_level(text: str) -> Iterator[str]:
    for statement in statements_on_linux(parsed(text)):
        # Part of a function, of `try`, of a branch.
        if statement.col_offset:
            continue
        match statement:
            case ast.Import(names=names):
                yield from (_shared_or_top(alias.name) for alias in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield _shared_or_top(module)
            case _:
                pass


def _shared_or_top(module: str) -> str:
    return module if module.startswith(("google.", "zope.")) else module.partition(".")[0]


def is_of_python(module: str) -> bool:
    """Whether a module is one of Python's own, or was."""
    top = module.partition(".")[0]
    return top in sys.stdlib_module_names or top in _known().of_python


def distribution_of(module: str) -> str:
    """Return the distribution that has a module, by its own name unless it is known to be another."""
    if module in _known().named_otherwise:
        return _known().named_otherwise[module]
    if "." in module:
        parts = module.split(".")
        return "protobuf" if parts[:2] == ["google", "protobuf"] else ".".join(parts[:2])
    return canonicalize_name(module)


def is_well_known(distribution: str) -> bool:
    """Whether a distribution, with or without bounds, is surely that of the module of its name.

    What a project does not declare itself is installed only if it is: anybody can take a name on the index.
    """
    return canonicalize_name(re.split(r"[<>=~! ]", distribution)[0]) in _known().well_known
