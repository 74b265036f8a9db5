"""Our own build frontend in a cell: which interpreters and settings it serves, and its programs. Pure."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from matrix_runner.cell_programs import program_text
from matrix_runner.config.loading.settings import Settings
from matrix_runner.config.options.build_options import BUILD_FRONTEND, ENVIRONMENT
from matrix_runner.config.options.run_options import CONTAINER_ENGINE
from matrix_runner.model.cells import Implementation, Interpreter
from matrix_runner.recipe.image_facts import InterpreterFacts
from matrix_runner.recipe.layout import Layout

FIRST_PYTHON: Final = (3, 8)
"""The oldest Python that its programs are written for."""

FIRST_PYTHON_WITH_TOML: Final = (3, 11)
"""The oldest Python that reads pyproject.toml by itself; in older ones pip does."""

_FIRST_PIP_WITH_TOML: Final = (21, 2)
"""The oldest pip that brings `tomli` (its release notes)."""

_FIRST_PIP_OF_OTHERS: Final = (22, 3)
"""The oldest pip that installs into another environment than its own (`--python`)."""

PROGRAMS: Final = (
    *("build_frontend", "build_environment", "build_system", "build_wish", "build_bytecode", "build_hooks"),
    "build_origins",
)
"""Its modules; `build_frontend` is the one that is started."""
NOTHING: Final[Mapping[str, str]] = MappingProxyType({})

_ONLY_FOR_UV_BUILD: Final = ("UV_NO_BUILD_ISOLATION", "UV_REQUIRE_HASHES")
"""Variables that `uv pip install` takes otherwise: it demands a version of each requirement that is named."""


def serves(interpreter: Interpreter, facts: InterpreterFacts, *, with_uv: bool, needed_pip: tuple[int, int]) -> bool:
    """Whether it can build for an interpreter: its programs run there, and there is an installer.

    `with_uv`: whether uv installs, else the interpreter's own pip, which must be `needed_pip` or newer. Not for
    GraalPy, which cannot fork.
    """
    if interpreter.implementation is Implementation.GRAALPY or interpreter.version < FIRST_PYTHON:
        return False
    pip = facts.pip_release if "pip" in facts.modules else (0, 0)
    oldest = (0, 0) if interpreter.version >= FIRST_PYTHON_WITH_TOML else _FIRST_PIP_WITH_TOML
    return pip >= max(oldest, (0, 0) if with_uv else max(needed_pip, _FIRST_PIP_OF_OTHERS))


def is_meant(settings: Settings, others: Iterable[str]) -> bool:
    """Whether the settings leave everything to us: no arguments for another frontend, nothing that only uv's can do.

    `others`: names of variables that come from elsewhere than the settings.
    """
    given = settings[CONTAINER_ENGINE].arguments.env
    names = {*others, *(name for name, _ in (*settings[ENVIRONMENT], *given))}
    return not settings[BUILD_FRONTEND].args and not any(name.startswith(_ONLY_FOR_UV_BUILD) for name in names)


def with_programs(layout: Layout, argv: tuple[str, ...], more: Mapping[str, str] = NOTHING) -> tuple[str, ...]:
    """Return a command that writes the programs into the cell, and `more` files by name, and then runs a command."""
    files = {**{f"{name}.py": program_text(name) for name in PROGRAMS}, **more}
    writing = [f'printf %s "${{{at}}}" >"$1/{name}"' for at, name in enumerate(files, 2)]
    script = " && ".join(('mkdir -p "$1"', *writing, f"shift {1 + len(files)}", 'exec "$@"'))
    return ("sh", "-c", script, "sh", layout.frontend, *files.values(), *argv)
