"""The table `[build-system]` of a package (PEP 517, PEP 518), read and checked for `build_frontend`."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

DEFAULT_REQUIRES = ["setuptools >= 40.8.0"]
DEFAULT_BACKEND = "setuptools.build_meta:__legacy__"


class Failed(Exception):
    """The build has failed, for a reason that its argument names."""


def read_toml(path: str) -> dict[str, object]:
    """Return a TOML file's content, empty if there is none. Raise Failed."""
    try:
        with open(path, "rb") as file:
            content = file.read()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise Failed(f"{error.strerror}: '{path}'") from None
    if sys.version_info >= (3, 11):
        from tomllib import loads
    else:
        from pip._vendor.tomli import loads
    try:
        return loads(content.decode("utf-8"))
    except ValueError as error:
        raise Failed(f"Failed to parse {path}: {error}") from None


class BuildSystem:
    """The checked table `[build-system]` (PEP 518, PEP 517), or its defaults. Raises Failed."""

    def __init__(self, package: str) -> None:
        if not os.path.isdir(package):
            raise Failed(f"Source {package} is not a directory")
        path = os.path.join(package, "pyproject.toml")
        if not os.path.exists(path) and not os.path.exists(os.path.join(package, "setup.py")):
            raise Failed(f"Source {package} does not appear to be a Python project: no pyproject.toml or setup.py")
        table = read_toml(path).get("build-system", {"requires": DEFAULT_REQUIRES})
        if not isinstance(table, dict):
            self._refuse("`build-system` must be a table")
        if "requires" not in table:
            self._refuse("`requires` is a required property")
        self.requires = list(dict.fromkeys(self._words(table, "requires")))
        self.backend = table.get("build-backend", DEFAULT_BACKEND)
        if not isinstance(self.backend, str):
            self._refuse("`build-backend` must be a string")
        self.backend_path = [self._folder(package, one) for one in self._words(table, "backend-path")]
        unknown = sorted(set(table) - {"requires", "build-backend", "backend-path"})
        if unknown:
            self._refuse(f"Unknown properties: {', '.join(unknown)}")

    def _words(self, table: dict[str, object], key: str) -> list[str]:
        value = table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            self._refuse(f"`{key}` must be an array of strings")
        return value

    def _folder(self, package: str, entry: str) -> str:
        root = os.path.abspath(package)
        found = os.path.normpath(os.path.join(root, entry))
        if os.path.isabs(entry) or os.path.commonpath([root, found]) != root:
            self._refuse(f"`backend-path` entry {entry!r} is not a relative path inside of the source tree")
        if not os.path.isdir(found):
            self._refuse(f"`backend-path` entry {entry!r} does not exist or is not a directory")
        return found

    def _refuse(self, why: str) -> NoReturn:
        raise Failed(f"Failed to validate `build-system` in pyproject.toml: {why}")
