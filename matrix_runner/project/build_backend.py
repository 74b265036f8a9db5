"""The project's build backend, and the settings that its pyproject.toml gives it, as far as cells must know them."""

import re
from collections.abc import Iterator
from enum import Enum
from typing import Final

import msgspec

from matrix_runner.config.loading.build_files import BuildFiles
from matrix_runner.config.loading.toml_file import Unreadable
from matrix_runner.toml import TOMLValue, table_of, texts_of


class Backend(Enum):
    """A build backend that builds in a folder of random name, if nobody names one; OTHER for all the rest."""

    SCIKIT_BUILD_CORE = "scikit-build-core"
    MESON_PYTHON = "meson-python"
    OTHER = "other"


_MESON_MODULE = "mesonpy"
_SCIKIT_MODULE = "scikit_build_core"
_SCIKIT = re.compile(r"\s*scikit[-_.]build[-_.]core(?![\w.-])", re.IGNORECASE)
_JOBS = re.compile(r"-j|--jobs")
"""ninja's options for the number of its processes."""


class BuildBackend(msgspec.Struct, frozen=True, kw_only=True):
    """The build backend of a package.

    `names_folder`, `names_jobs`: whether pyproject.toml gives it a folder to build in, and a number of compilers at
    once.
    """

    kind: Backend = Backend.OTHER
    names_folder: bool = False
    names_jobs: bool = False

    @classmethod
    def of(cls, files: BuildFiles) -> "BuildBackend":
        """Read it from a package's pyproject.toml (PEP 518). One that cannot be read names no backend."""
        try:
            pyproject = files.pyproject()
        except Unreadable:
            return cls()
        content = {} if pyproject is None else pyproject.content
        tools = table_of(content.get("tool"))
        kind = _kind(table_of(content.get("build-system")))
        own = table_of(tools.get("scikit-build" if kind is Backend.SCIKIT_BUILD_CORE else "meson-python"))
        return cls(
            kind=kind,
            names_folder="build-dir" in _keys(own),
            names_jobs=kind is Backend.MESON_PYTHON and names_jobs(texts_of(table_of(own.get("args")).get("compile"))),
        )


OTHER_BACKEND: Final = BuildBackend()
"""Any backend that is told nothing."""


def names_jobs(words: tuple[str, ...]) -> bool:
    """Whether arguments for ninja say how many processes it starts."""
    return any(_JOBS.match(word) for word in words)


def _kind(system: dict[str, TOMLValue]) -> Backend:
    module = str(system.get("build-backend", "")).partition(":")[0]
    if module == _MESON_MODULE:
        return Backend.MESON_PYTHON
    # Its plugin for hatchling, and a backend of the project's own that calls it, are seen by what they require.
    is_required = any(_SCIKIT.match(word) for word in texts_of(system.get("requires")))
    if is_required or module.partition(".")[0] == _SCIKIT_MODULE:
        return Backend.SCIKIT_BUILD_CORE
    return Backend.OTHER


def _keys(value: TOMLValue) -> Iterator[str]:
    """Yield the keys of a table and of all tables in it: scikit-build-core's overrides hold settings again."""
    if isinstance(value, dict):
        yield from value
        for each in value.values():
            yield from _keys(each)
    elif isinstance(value, list):
        for each in value:
            yield from _keys(each)
