"""Dependency groups of pyproject.toml (PEP 735), resolved to requirements.

On the host, not by the installer in the container: pip supports groups only since 25.1, which needs Python 3.9, and a
mistake in them is best reported before anything is built. The rules are those of the library by the PEP's author.
"""

from collections.abc import Mapping
from typing import cast

import msgspec

from matrix_runner.config.loading.build_files import PYPROJECT, BuildFiles
from matrix_runner.config.loading.toml_file import Unreadable
from matrix_runner.errors import ConfigError
from matrix_runner.toml import TOMLValue

_TABLE = "dependency-groups"


class DependencyGroups(msgspec.Struct, frozen=True, kw_only=True):
    """A package's dependency groups, as written."""

    groups: Mapping[str, TOMLValue]

    @classmethod
    def of(cls, files: BuildFiles) -> "DependencyGroups":
        """Return a package's groups; none without a readable pyproject.toml.

        An unreadable one is reported by the configuration's reader and by the build backend.
        """
        try:
            found = files.pyproject()
        except Unreadable:
            found = None
        table = None if found is None else found.content.get(_TABLE)
        return cls(groups=table if isinstance(table, dict) else {})

    def requirements(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return the requirements of the named groups, in order. Raise ConfigError for an unresolvable group."""
        if not names:
            return ()
        # Imported late: few projects have groups, and the import is slow.
        from dependency_groups import resolve

        groups = cast("Mapping[str, list[str | Mapping[str, str]]]", self.groups)

        def resolved(name: str) -> tuple[str, ...]:
            try:
                return resolve(groups, name)
            except LookupError as error:
                known = ", ".join(self.groups) or "none"
                raise _mistake(name, f"{error.args[0]}; there are: {known}") from error
            except (TypeError, ValueError) as error:  # the library's own errors are ValueErrors
                raise _mistake(name, str(error)) from error

        return tuple(requirement for name in names for requirement in resolved(name))


def _mistake(name: str, text: str) -> ConfigError:
    return ConfigError((f"{PYPROJECT}: {_TABLE}.{name}: {' '.join(text.split())}",))
